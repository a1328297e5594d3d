/** Goal: "Ten minutes with Postyard" of the README, step by step, as it is written there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { runCommand } from '../support/run-command.ts';
import type { CommandEnd } from '../support/run-command.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start();
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

const postyard = (name: string, ...args: string[]): Promise<CommandEnd> =>
  runCommand(name, ...args, '--workspace', engine.workspace);

/** The block of code of the README that begins so: what is tried here is what stands there. */
function fromReadme(beginning: string): string {
  const block = README.split('```').find((text, index) => {
    const [, body = ''] = /^[a-z]*\n([^]*)$/.exec(text) ?? [];
    return index % 2 === 1 && body.trimStart().startsWith(beginning);
  });
  if (block === undefined) throw new Error(`The README has no block that begins with ${beginning}`);
  return block.replace(/^[a-z]*\n/, '').replace(/^ {3}/gm, '');
}

test('capture, route, greylist, time, replay, suppress, check', { timeout: 180_000 }, async () => {
  // 1. Capture.
  await sendMail(engine, 'alice@example.com');
  await rowTo(engine, 'alice@example.com', 'delivered');
  expect(existsSync(join(engine.workspace, 'mail/example.com/alice/new'))).toBe(true);

  // 2. A route to a far end, tried before it is used.
  const [, route = ''] = /route add '(\{.*\})'/.exec(fromReadme('postyard route add')) ?? [];
  expect(await postyard('route', 'add', route)).toMatchObject({ status: 0 });
  const tried = await postyard('explain', '--to', 'bob@partner.test');
  expect(tried.out).not.toContain('prohibited_hosts');
  expect(tried.out).toContain('to-partner');

  // 3. Greylisting, and time.
  await sendMail(engine, 'bob@partner.test');
  await rowTo(engine, 'bob@partner.test', 'deferred');
  expect((await postyard('queue', 'list')).out).toContain('partner.test');
  expect(await postyard('clock', 'forward', '25m')).toMatchObject({ status: 0 });
  await rowTo(engine, 'bob@partner.test', 'delivered');
  expect((await postyard('far-end', 'received', 'greylist')).out).toContain('bob@partner.test');
  expect(await postyard('route', 'off', 'to-partner')).toMatchObject({ status: 0 });
  await sendMail(engine, 'carol@partner.test');
  await rowTo(engine, 'carol@partner.test', 'delivered');
  expect(existsSync(join(engine.workspace, 'mail/partner.test/carol/new'))).toBe(true);

  // 4. An edited policy, tried on what was captured.
  const edited = join(engine.workspace, 'edited.lua');
  const policy = readFileSync(join(engine.workspace, 'policy/init.lua'), 'utf8');
  writeFileSync(edited, `${policy}\n${fromReadme("kumo.on('smtp_server_message_received'")}`);
  const replayed = await postyard('replay', '--filter', 'to:bob', '--script', `init.lua=${edited}`);
  expect(replayed.out).toMatch(/^differs? .*bob@partner\.test/m);
  expect(replayed.out).toContain('vip');

  // 5. Suppression.
  expect(await postyard('suppress', 'add', 'carol@partner.test')).toMatchObject({ status: 0 });
  expect(await postyard('suppress', 'mode', 'reject')).toMatchObject({ status: 0 });
  expect(await sendMail(engine, 'carol@partner.test')).toMatch(/^550 /);
  await eventually(
    'a suppressed row',
    async () => (await rowTo(engine, 'carol@partner.test')).state === 'suppressed',
    DEADLINE_MS,
  );

  // 6. What must stay so.
  mkdirSync(join(engine.workspace, 'expectations'), { recursive: true });
  writeFileSync(join(engine.workspace, 'expectations/routing.json'), fromReadme('{\n     "name"'));
  const checked = await postyard('check');
  expect(checked.out).toContain('3 hold, 0 fail');
  expect(checked.status).toBe(0);
  await postyard('suppress', 'mode', 'off');
  await eventually(
    'a check that fails',
    async () => (await postyard('check')).status === 1,
    DEADLINE_MS,
  );
});
