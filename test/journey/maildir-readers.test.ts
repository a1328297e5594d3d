/**
 * Other programs work on a maildir that Postyard filled: Dovecot over IMAP and mutt read every byte,
 * and what they change (flags, moves to `cur`, files of their own) is seen here.
 */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LiveEvent, MaildirListing, MaildirTree } from '../../engine/api/protocol.ts';
import { imapSession, whyNoDovecot } from '../support/imap.ts';
import { DEADLINE_MS } from '../support/journey.ts';
import { sendRaw } from '../support/raw-smtp.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';

/** KumoMTA takes 20 MiB unless told otherwise. */
const LARGE_BYTES = 19 * 1024 * 1024;
const BODIES: Readonly<Record<string, Buffer>> = {
  ascii: Buffer.from('Hello\r\n.\r\n..dots\r\n'),
  utf8: Buffer.from('Grüße, 世界, Ελληνικά\r\n'),
  latin1: Buffer.from('Gr\xfc\xdfe\r\n', 'latin1'),
  large: Buffer.from(`${'0123456789abcdef'.repeat(4)}\r\n`.repeat(LARGE_BYTES / 66)),
};
const whole = (name: string, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `From: =?utf-8?q?J=C3=B6rg?= <joerg@shop.example>\r\nTo: <ada@example.com>\r\nSubject: ${name} größer\r\nContent-Type: text/plain; charset=${name === 'latin1' ? 'iso-8859-1' : 'utf-8'}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`,
    ),
    body,
  ]);

let engine: ServeProcess;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'postyard-readers-'));
  engine = await ServeProcess.start();
  // Dovecot may run as somebody else, who has to get there.
  for (const folder of [scratch, engine.workspace]) chmodSync(folder, 0o755);
  for (const user of ['ada', 'mutt']) {
    for (const [name, body] of Object.entries(BODIES)) {
      const envelope = { from: 'joerg@shop.example', to: `${user}@example.com` };
      const sent = sendRaw(engine.smtpPort, envelope, whole(name, body));
      const reply = await sent.catch(
        (error: Error) => `${error.message}: ${engine.lines.join('; ')}`,
      );
      expect(reply, name).toMatch(/^250 /);
    }
    const isThere = async (): Promise<boolean> => (await list(user)).messages.length === 4;
    await eventually('all four', () => isThere().catch(() => false), DEADLINE_MS);
  }
}, 180_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const pathOf = (user: string): string => `mail/example.com/${user}`;
const list = (user: string): Promise<MaildirListing> =>
  engine.api<MaildirListing>(`/maildirs/messages?path=${encodeURIComponent(pathOf(user))}`);

/** Counts what the engine says about a maildir that a window has open. */
async function watchMaildir(path: string): Promise<{ hints: () => number; close: () => void }> {
  const socket = new WebSocket(`${engine.url.replace('http', 'ws')}/api/v1/live`);
  let count = 0;
  let isWelcome = false;
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(String(data)) as LiveEvent;
    isWelcome ||= event.type === 'welcome';
    if (event.type === 'maildir' && event.path === path) count++;
  });
  socket.addEventListener('open', () =>
    socket.send(JSON.stringify({ type: 'hello', token: engine.token, since: null })),
  );
  await eventually('the welcome', () => isWelcome, DEADLINE_MS);
  socket.send(JSON.stringify({ type: 'watch', maildir: path }));
  return { hints: () => count, close: () => socket.close() };
}

const whyNot = whyNoDovecot();
test.skipIf(whyNot !== null)(
  `Dovecot reads what is there, and its changes are seen${whyNot === null ? '' : ` (skipped: ${whyNot})`}`,
  { timeout: 120_000 },
  async () => {
    const maildir = join(engine.workspace, pathOf('ada'));
    const live = await watchMaildir(pathOf('ada'));
    const answer = await imapSession(scratch, maildir, ['SELECT INBOX', 'FETCH 1:* BODY.PEEK[]']);
    expect(answer.includes('* 4 EXISTS')).toBe(true);
    for (const [name, body] of Object.entries(BODIES)) {
      // Every byte of it, and the fields that were added on the way before it.
      expect(answer.indexOf(whole(name, body)), name).toBeGreaterThan(0);
    }
    const before = await list('ada');
    expect(before.messages.map(({ folder, flags }) => `${folder} ${flags}`)).toEqual([
      ...['cur ', 'cur ', 'cur ', 'cur '],
    ]);

    await eventually('a hint about the moves', () => live.hints() > 0, DEADLINE_MS);
    const hints = live.hints();
    await imapSession(scratch, maildir, [
      'SELECT INBOX',
      'STORE 2 +FLAGS (\\Seen \\Flagged \\Answered $Later)',
      'STORE 3 +FLAGS (\\Deleted)',
    ]);
    const expunged = await imapSession(scratch, maildir, ['SELECT INBOX', 'EXPUNGE']);
    expect(expunged.toString()).toMatch(/\* 3 EXPUNGE/);
    await eventually('a hint about the flags', () => live.hints() > hints, DEADLINE_MS);
    const { messages } = await list('ada');
    expect(messages).toHaveLength(3);
    const flagged = messages.find(({ flags }) => flags.includes('F'));
    expect(flagged).toMatchObject({ folder: 'cur', flags: 'FRSa' });
    expect(flagged?.rowSeq).not.toBeNull();
    // Its index files are no messages and no folders.
    const { folders } = await engine.api<MaildirTree>('/maildirs');
    const ada = folders.flatMap(({ children }) => children).find(({ name }) => name === 'ada');
    expect(ada).toMatchObject({ isMaildir: true, messageCount: 3, unreadCount: 2, children: [] });

    // A flag set here is one there; its own keyword stays.
    await engine.api('/maildirs/flags', {
      ...{ path: pathOf('ada'), uniques: [flagged?.unique], add: 'T', remove: 'F' },
    });
    const flags = await imapSession(scratch, maildir, ['SELECT INBOX', 'FETCH 2 (FLAGS)']);
    expect(flags.toString()).toMatch(/2 FETCH \(FLAGS \(\\Answered \\Deleted \\Seen \$Later\)\)/);
    live.close();
  },
);

const mutt = findTool('mutt');
const script = findTool('script');
test.skipIf(mutt === null || script === null)(
  `mutt reads what is there, and its changes are seen${mutt === null ? ' (skipped: mutt is not installed)' : ''}`,
  { timeout: 60_000 },
  async () => {
    const copy = join(scratch, 'piped');
    // It asks before it makes this folder.
    mkdirSync(join(scratch, 'Mail'));
    const keys = [
      `<first-entry><pipe-message>cat > ${copy}<enter>`,
      '<flag-message><sync-mailbox><exit>',
    ].join('');
    const set = 'set wait_key=no confirmappend=no quit=yes move=no mark_old=no';
    const folder = join(engine.workspace, pathOf('mutt'));
    const command = `${mutt} -n -F /dev/null -f '${folder}' -e '${set}' -e 'push "${keys}"'`;
    // Its terminal is the script's; the input stays open, an end of it would be typed.
    const run = spawn(script ?? '', ['-qec', command, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', HOME: scratch, LC_ALL: 'C.UTF-8' },
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: 30_000,
    });
    expect(await new Promise((resolve) => run.once('close', resolve))).toBe(0);
    const lines = (bytes: Buffer): string => bytes.toString('latin1').replaceAll('\r\n', '\n');
    const piped = lines(readFileSync(copy));
    const isOneOfThem = Object.entries(BODIES).some(([name, body]) =>
      piped.includes(lines(whole(name, body))),
    );
    expect(isOneOfThem, piped.slice(0, 1000)).toBe(true);
    const { messages } = await list('mutt');
    expect(messages).toHaveLength(4);
    expect(messages.filter(({ flags }) => flags.includes('F'))).toHaveLength(1);
  },
);

test('what is on disk is what was sent', { timeout: 30_000 }, async () => {
  const { messages } = await list('mutt');
  const sums = messages.map(({ folder, file }) => {
    const bytes = readFileSync(join(engine.workspace, pathOf('mutt'), folder, file));
    const start = bytes.indexOf('\r\n\r\n') + 4;
    return createHash('sha256').update(bytes.subarray(start)).digest('hex');
  });
  const sent = Object.values(BODIES).map((body) => createHash('sha256').update(body).digest('hex'));
  expect(sums.sort()).toEqual(sent.sort());
});
