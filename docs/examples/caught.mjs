// Mail in tests, for Jest, Vitest, Playwright, Cypress tasks, node:test: copy this file.
const url = process.env.POSTYARD_URL ?? 'http://127.0.0.1:8025';
const token = process.env.POSTYARD_TOKEN ?? '';

async function ask(method, path, query = {}) {
  const answer = await fetch(`${url}/api/v1${path}?${new URLSearchParams(query)}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}

/** The newest message to this recipient, as soon as it is there. */
export async function waitForMail(to, query = {}) {
  const { messages } = await ask('GET', '/wait', { to, ...query });
  return messages.at(-1);
}

/** All that fits a filter; without one, everything. */
export const deleteMail = (filter = '') => ask('DELETE', '/messages', { filter });
