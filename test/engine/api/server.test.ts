import { request } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ApiDoors } from '../../../engine/api/doors.ts';
import { startApiServer } from '../../../engine/api/server.ts';
import type { ApiServer } from '../../../engine/api/server.ts';
import { FAKE_STATUS, fakeDoors } from '../../support/fake-doors.ts';

let doors: ApiDoors;
let server: ApiServer;

beforeEach(async () => {
  doors = fakeDoors();
  server = await startApiServer(doors, { host: '127.0.0.1', port: 0 }, '/nowhere');
});
afterEach(() => server.close());

/** `fetch` will not send a Host or Origin of ours; `node:http` does. */
function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const call = request(`${server.url}${path}`, { headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    });
    call.on('error', reject).end();
  });
}

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${doors.token.text}` });

test('the API answers with the token and refuses without', async () => {
  expect(JSON.parse((await get('/api/v1/status', bearer())).body)).toEqual(FAKE_STATUS);
  expect((await get('/api/v1/status')).status).toBe(401);
  expect((await get('/api/v1/status', { authorization: 'Bearer nonsense' })).status).toBe(401);
  expect((await get('/api/v1/no-such-route')).status).toBe(401);
  expect((await get('/api/v1/no-such-route', bearer())).status).toBe(404);
});

test('a foreign Host or Origin is refused before the token is looked at', async () => {
  expect((await get('/api/v1/status', { ...bearer(), host: 'evil.example' })).status).toBe(403);
  expect((await get('/', { host: 'evil.example' })).status).toBe(403);
  expect(
    (await get('/api/v1/status', { ...bearer(), origin: 'https://evil.example' })).status,
  ).toBe(403);
  expect((await get('/api/v1/status', { ...bearer(), origin: 'null' })).status).toBe(403);
  expect((await get('/api/v1/status', { ...bearer(), origin: server.url })).status).toBe(200);
});

test('a signed link opens its own page and nothing else', async () => {
  const download = vi.fn(() =>
    Promise.resolve({ contentType: 'text/html', filename: null, bytes: Buffer.from('<p>hi') }),
  );
  doors.rows.download = download;
  const { url } = doors.token.sign('/api/v1/links/preview?seq=7');
  const answer = await get(url, { origin: 'null' });
  expect(answer).toMatchObject({ status: 200, body: '<p>hi' });
  expect(answer.headers['content-security-policy']).toMatch(/^sandbox .*default-src 'none'/);
  expect(answer.headers['content-security-policy']).not.toContain('allow-scripts');
  expect(download).toHaveBeenCalledWith({ seq: 7, what: 'preview' });
  expect((await get(url.replace('seq=7', 'seq=8'))).status).toBe(401);
  expect((await get(url.replace('links/preview', 'status'))).status).toBe(401);
});

test('remote images of a preview come only from loopback and opened hosts', async () => {
  doors.rows.download = () =>
    Promise.resolve({ contentType: 'text/html', filename: null, bytes: Buffer.from('') });
  doors.status = () => ({ ...FAKE_STATUS, openHosts: ['img.example.com', '10.0.0.0/8'] });
  const { headers } = await get(doors.token.sign('/api/v1/links/preview?seq=7&remote=true').url);
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain('https://img.example.com:*');
  expect(policy).not.toContain('10.0.0.0');
  expect(policy).not.toMatch(/img-src[^;]* https?:[ ;]/);
});

test.each([
  ['/api/v1/rows?limit=0', /^query limit: found "0", expected at least 1$/],
  ['/api/v1/rows?limit=abc', /^query limit: found "abc", expected a number$/],
  ['/api/v1/rows?nonsense=1', /^query nonsense: found nonsense, expected one of cursor, at, /],
  ['/api/v1/rows/x', /path seq: /],
])('%s is a 400 that says what was wanted', async (path, message) => {
  const { status, body } = await get(path, bearer());
  expect(status).toBe(400);
  expect((JSON.parse(body) as { error: { message: string } }).error.message).toMatch(message);
});

test('a bug in a door is a 500 without a stack, and is written to the diagnostics', async () => {
  const lines: string[] = [];
  doors.diagnostic = (_level, text) => lines.push(text);
  doors.queues.list = () => {
    throw new TypeError('boom');
  };
  const { status, body } = await get('/api/v1/queues', bearer());
  expect([status, body]).toEqual([500, '{"error":{"code":"internal","message":"boom"}}']);
  expect(lines[0]).toContain('TypeError: boom');
});

test('the OpenAPI page lists every route with its parameters', async () => {
  const page = JSON.parse((await get('/api/v1/openapi.json', bearer())).body) as {
    paths: Record<string, Record<string, { parameters: { name: string }[] }>>;
  };
  expect(Object.keys(page.paths).length).toBeGreaterThan(10);
  expect(page.paths['/api/v1/rows/{seq}']?.['get']?.parameters.map((p) => p.name)).toEqual(['seq']);
});
