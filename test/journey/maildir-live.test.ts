/**
 * Another program changes a maildir that is open in a window: the window is told, and a new
 * listing shows the change. (How fast is for the bench; the deadline here is for busy machines.)
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  ChangedResult,
  LiveEvent,
  LiveRequest,
  MaildirListing,
  MaildirTree,
} from '../../engine/api/protocol.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const PATH = 'mail/example.com/ada';
const QUIET_MS = 600;

let engine: ServeProcess;
let folder: string;
let socket: WebSocket;
let hints = 0;
let lastHintAt = 0;

beforeAll(async () => {
  engine = await ServeProcess.start();
  folder = join(engine.workspace, PATH);
  await sendMail(engine, 'ada@example.com');
  await rowTo(engine, 'ada@example.com', 'delivered');
  socket = new WebSocket(`${engine.url.replace('http', 'ws')}/api/v1/live`);
  let isWelcome = false;
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(String(data)) as LiveEvent;
    isWelcome ||= event.type === 'welcome';
    if (event.type !== 'maildir' || event.path !== PATH) return;
    hints++;
    lastHintAt = performance.now();
  });
  socket.addEventListener('open', () => say({ type: 'hello', token: engine.token, since: null }));
  await eventually('the welcome', () => isWelcome, DEADLINE_MS);
  say({ type: 'watch', maildir: PATH });
  // Nothing says when the watch has begun: the first hint does.
  await eventually(
    'the first hint',
    () => {
      deliver('first');
      return hints > 0;
    },
    DEADLINE_MS,
  );
}, 120_000);
afterAll(async () => {
  socket.close();
  await engine[Symbol.asyncDispose]();
});

const say = (request: LiveRequest): void => socket.send(JSON.stringify(request));

/** As a delivering program does it: tmp, then new. */
function deliver(unique: string): void {
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  writeFileSync(join(folder, 'tmp', unique), `Subject: ${unique}\r\n\r\nHello\r\n`);
  renameSync(join(folder, 'tmp', unique), join(folder, 'new', unique));
}

const list = (): Promise<MaildirListing> =>
  engine.api<MaildirListing>(`/maildirs/messages?path=${encodeURIComponent(PATH)}`);

/** Makes a change when all is quiet; resolves to the listing after the hint that it caused. */
async function listingAfter(change: () => void): Promise<Map<string, string>> {
  await eventually('quiet', () => performance.now() - lastHintAt > QUIET_MS, DEADLINE_MS);
  const before = hints;
  change();
  await eventually('a hint', () => hints > before, DEADLINE_MS);
  const { messages } = await list();
  return new Map(messages.map(({ unique, folder: at, flags }) => [unique, `${at} ${flags}`]));
}

test('adding, flagging, moving and deleting are told', { timeout: 120_000 }, async () => {
  const other = join(engine.workspace, 'mail/example.com/archive');
  for (const name of ['new', 'cur', 'tmp']) mkdirSync(join(other, name), { recursive: true });

  const added = await listingAfter(() => deliver('1.added.host'));
  expect(added.get('1.added.host')).toBe('new ');

  const flagged = await listingAfter(() =>
    renameSync(join(folder, 'new/1.added.host'), join(folder, 'cur/1.added.host:2,S')),
  );
  expect(flagged.get('1.added.host')).toBe('cur S');

  const moved = await listingAfter(() =>
    renameSync(join(folder, 'cur/1.added.host:2,S'), join(other, 'cur/1.added.host:2,S')),
  );
  expect(moved.has('1.added.host')).toBe(false);
  const { folders } = await engine.api<MaildirTree>('/maildirs');
  const archive = folders
    .flatMap((domain) => domain.children)
    .find(({ path }) => path === 'mail/example.com/archive');
  expect(archive).toMatchObject({ isMaildir: true, messageCount: 1, unreadCount: 0 });

  const deleted = await listingAfter(() => rmSync(join(folder, 'new/first')));
  expect(deleted.has('first')).toBe(false);
});

test('flags set in the window are renames on disk', { timeout: 120_000 }, async () => {
  const own = (await list()).messages.find(({ rowSeq }) => rowSeq !== null);
  expect(own).toMatchObject({ folder: 'new', flags: '' });
  const unique = own?.unique ?? '';
  const change = (add: string, remove: string): Promise<ChangedResult> =>
    engine.api('/maildirs/flags', { path: PATH, uniques: [unique], add, remove });

  expect(await change('SF', '')).toEqual({ changed: 1 });
  expect(existsSync(join(folder, `cur/${unique}:2,FS`))).toBe(true);
  expect(await change('', 'F')).toEqual({ changed: 1 });
  expect(readdirSync(join(folder, 'cur'))).toContain(`${unique}:2,S`);
  expect((await list()).messages.find((message) => message.unique === unique)).toMatchObject({
    folder: 'cur',
    flags: 'S',
    rowSeq: own?.rowSeq,
  });

  rmSync(join(folder, 'cur', `${unique}:2,S`));
  expect(await change('F', ''), 'a message that is gone').toEqual({ changed: 0 });
  await expect(
    engine.api('/maildirs/flags', { path: '../..', uniques: [], add: 'S', remove: '' }),
  ).rejects.toThrow(/404.*no maildir/);
});
