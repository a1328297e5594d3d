/** The commands as a person types them: what they print and with which status they end. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import { rowTo } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function postyard(...args: string[]): Promise<Ended> {
  const child = spawn(
    join(ROOT, 'node_modules/.bin/node'),
    [join(ROOT, 'engine/main.ts'), ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
}

let engine: ServeProcess;
let empty: string;
beforeAll(async () => {
  empty = mkdtempSync(join(tmpdir(), 'postyard-empty-'));
  engine = await ServeProcess.start();
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(empty, { recursive: true, force: true });
});

test('--help lists every command, and each has its own', { timeout: 60_000 }, async () => {
  const help = await postyard('--help');
  expect(help).toMatchObject({ status: 0, stderr: '' });
  for (const name of ['serve', 'open', 'send', 'doctor', 'kumod'])
    expect(help.stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
  const own = await postyard('send', '--help');
  expect(own).toMatchObject({ status: 0, stderr: '' });
  expect(own.stdout).toMatch(/Usage: postyard send --to ADDRESS/);
});

test(
  'Ctrl-C in a terminal, which signals all its processes, is one stop',
  { timeout: 90_000 },
  async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'postyard-ws-'));
    const listeners = ['smtp', 'http', 'ui'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
    const child = spawn(
      process.execPath,
      [join(ROOT, 'build/bin/postyard.js'), 'serve', '--workspace', workspace, ...listeners],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    await eventually('it runs', () => said.includes('initialization complete'), 60_000);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await ended).toBe(0);
    rmSync(workspace, { recursive: true, force: true });
  },
);

test('kumod --validate ends by itself', { timeout: 60_000 }, async () => {
  const policy = join(empty, 'sound.lua');
  writeFileSync(policy, "local kumo = require 'kumo'\nkumo.on('init', function() end)\n");
  const sound = await postyard('kumod', '--policy', policy, '--validate');
  writeFileSync(policy, 'kumo.on(');
  const broken = await postyard('kumod', '--policy', policy, '--validate');
  rmSync(policy);
  expect(sound).toMatchObject({ status: 0, stderr: '' });
  expect(broken.status).toBe(1);
  expect(broken.stderr).toMatch(/syntax error/);
});

test('doctor runs the policy when no engine does', { timeout: 60_000 }, async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'postyard-doctor-'));
  mkdirSync(join(workspace, 'policy'));
  const doctor = (text: string): Promise<Ended> => {
    writeFileSync(join(workspace, 'policy/init.lua'), `local kumo = require 'kumo'\n${text}\n`);
    return postyard('doctor', '--workspace', workspace);
  };
  const broken = await doctor(
    "kumo.on('init', function() kumo.start_esmtp_listener { relay_host = {} } end)",
  );
  const doubted = await doctor("kumo.on('smtp_server_mesage_received', function() end)");
  rmSync(workspace, { recursive: true });
  expect(broken.status).toBe(1);
  expect(broken.stdout).toMatch(/^bad {3}policy .*init\.lua:2: .*unknown field `relay_host`/m);
  expect(doubted.status).toBe(1);
  expect(doubted.stdout).toMatch(/^bad .*did you mean smtp_server_message_received\?/m);
});

test('doctor tells once of each broken file', { timeout: 60_000 }, async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'postyard-doctor-'));
  writeFileSync(join(workspace, 'postyard.json'), '{ "smtp": "127.0.0.1:99999" }');
  writeFileSync(join(workspace, 'routes.json'), '{ "routes": 1 }');
  const stopped = await postyard('doctor', '--workspace', workspace);
  rmSync(workspace, { recursive: true });
  expect(stopped).toMatchObject({ status: 1, stderr: '' });
  const bad = stopped.stdout.split('\n').filter((line) => line.startsWith('bad'));
  expect(bad).toHaveLength(2);
  expect(bad[0]).toMatch(/postyard\.json:1:11: smtp: found .*; the defaults are used$/);
  expect(bad[1]).toMatch(
    /routes\.json:1:13: routes: found 1, expected a list; no route is in force$/,
  );
});

test(
  'a restart with broken settings is refused, and doctor tells once of each broken file',
  { timeout: 60_000 },
  async () => {
    await using broken = await ServeProcess.start({ env: { POSTYARD_TOKEN: 'test' } });
    const ask = (path: string, method = 'GET'): Promise<Response> =>
      fetch(`http://127.0.0.1:${broken.uiPort}/api/v1${path}`, {
        ...{ method, headers: { authorization: 'Bearer test' } },
      });
    writeFileSync(join(broken.workspace, 'postyard.json'), '{ "ui": "0.0.0.0:8025" }');
    writeFileSync(join(broken.workspace, 'routes.json'), '{ "routes": 1 }');
    const restart = await ask('/restart', 'POST');
    expect(restart.status).toBe(409);
    expect(await restart.text()).toMatch(
      /Cannot restart: .*postyard\.json:1:9: ui: found 0\.0\.0\.0:8025, which other machines/,
    );
    const status = async (): Promise<EngineStatus> =>
      (await (await ask('/status')).json()) as EngineStatus;
    await expect
      .poll(async () => (await status()).routes?.problem, { timeout: 20_000 })
      .not.toBeNull();
    await expect.poll(async () => (await status()).warnings.length).toBeGreaterThan(0);
    const { status: code, stdout } = await postyard('doctor', '--workspace', broken.workspace);
    expect(code).toBe(1);
    const bad = stdout.split('\n').filter((line) => line.startsWith('bad'));
    expect(bad).toHaveLength(2);
    expect(bad[0]).toMatch(/postyard\.json.*; what it said before stays$/);
    expect(bad[1]).toMatch(/routes\.json.*; the routes stay as they were$/);
  },
);

test('wrong usage ends with status 2 and says what was wanted', { timeout: 60_000 }, async () => {
  const unknown = await postyard('sned');
  expect(unknown).toMatchObject({ status: 2, stdout: '' });
  expect(unknown.stderr).toMatch(
    /^postyard: no command "sned", expected one of: serve, open, send, [a-z, -]*doctor, kumod\n$/,
  );
  const option = await postyard('serve', '--nonsense');
  expect(option.status).toBe(2);
  expect(option.stderr).toMatch(/--nonsense[\s\S]*Usage: postyard serve/);
  const mistyped = await postyard('serve', '--smpt', '127.0.0.1:0');
  expect(mistyped).toMatchObject({ status: 2, stdout: '' });
  expect(mistyped.stderr).toMatch(/there is no option --smpt; did you mean --smtp\?/);
  const outside = await postyard('serve', '--workspace', empty, '--smtp', '0.0.0.0:0');
  expect(outside.status).toBe(2);
  expect(outside.stderr).toMatch(/--smtp is 0\.0\.0\.0:0, expected a loopback address/);
  const back = await postyard('clock', 'forward', '-5m');
  expect(back.stderr).toMatch(/found -5, expected a value without a dash before it/);
  const dashed = await postyard('wait', '--count', '-1');
  expect(dashed.stderr).toMatch(/--count is followed by a dash, expected a value; .*--count=-/);
  const nobody = await postyard('send', '--workspace', engine.workspace);
  expect(nobody.status).toBe(2);
  expect(nobody.stderr).toMatch(/--to is missing/);
});

test('a mistake is named in words, and nothing is made for it', { timeout: 60_000 }, async () => {
  const there = ['--workspace', engine.workspace];
  const typed = await postyard('send', ...there, '--to', 'nobody');
  expect(typed.status).toBe(2);
  expect(typed.stderr).toMatch(/--to is nobody, expected an address such as alice@example\.com/);
  const absent = await postyard('send', ...there, '--to', 'a@b.test', '--attach', '/absent.pdf');
  expect(absent.status).toBe(2);
  expect(absent.stderr).toMatch(/--attach \/absent\.pdf: there is no such file or folder/);
  const unheard = await postyard('send', '--to', 'a@b.test', '--server', '127.0.0.1:1');
  expect(unheard).toMatchObject({ status: 1, stdout: '' });
  expect(unheard.stderr).toBe(
    'postyard send: Cannot connect to 127.0.0.1:1: nobody listens there\n',
  );
  const folder = join(empty, 'mistyped');
  const nowhere = await postyard('check', '--workspace', folder);
  expect(nowhere).toMatchObject({ status: 2, stdout: '' });
  expect(nowhere.stderr).toMatch(/There is no folder .*mistyped, expected a workspace/);
  expect(existsSync(folder)).toBe(false);
  const missing = await postyard('replay', ...there, '9999', '--constructor', 'make.absent');
  expect(missing.status).toBe(1);
  expect(missing.stderr).toMatch(
    /no constructor make\.absent, expected kumo\.on\('make\.absent', …\)/,
  );
});

test(
  'a start that fails ends, though listeners were open already',
  { timeout: 60_000 },
  async () => {
    const ui = engine.url.replace('http://', '');
    const workspace = join(empty, 'second');
    const anywhere = ['--smtp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const ended = await postyard('serve', '--workspace', workspace, ...anywhere, '--ui', ui);
    rmSync(workspace, { recursive: true });
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(
      /Cannot listen on [0-9.:]+: the port is taken, expected a free one/,
    );
  },
);

test('a reader that goes away ends a list without a word', { timeout: 60_000 }, async () => {
  const script = `"$0" "$@" | true; echo "\${PIPESTATUS[0]}"`;
  const main = [join(ROOT, 'node_modules/.bin/node'), join(ROOT, 'engine/main.ts')];
  const child = spawn('bash', ['-c', script, ...main, 'route', '--workspace', engine.workspace]);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await new Promise((resolve) => child.once('close', resolve));
  expect(said).toBe('0\n');
});

test('without an engine: status 3 and how to start one', { timeout: 60_000 }, async () => {
  const sent = await postyard('send', '--to', 'a@b.test', '--workspace', empty);
  expect(sent).toMatchObject({ status: 3, stdout: '' });
  expect(sent.stderr).toMatch(/No engine is running for .*postyard serve/);
  const opened = await postyard('open', '--print', '--workspace', empty);
  expect(opened).toMatchObject({ status: 3, stdout: '' });
  expect(readdirSync(empty), 'nothing was created').toEqual([]);
});

test('send hands a message to the running engine', { timeout: 60_000 }, async () => {
  const sent = await postyard(
    ...['send', '--workspace', engine.workspace, '--to', 'ada@example.com'],
    ...['--subject', 'By command', '--header', 'X-Answer: 42'],
  );
  expect(sent).toMatchObject({ status: 0, stderr: '' });
  expect(sent.stdout).toMatch(/^250 OK ids=[0-9a-f]{32}\n$/);
  const row = await rowTo(engine, 'ada@example.com', 'delivered');
  expect(row.subject).toBe('By command');
  expect(existsSync(join(engine.workspace, 'mail/example.com/ada/new'))).toBe(true);
  const eml = join(empty, 'message.eml');
  writeFileSync(
    eml,
    'From: <x@shop.example>\r\nTo: <raw@example.com>\r\nSubject: As is\r\n\r\nHi\r\n',
  );
  const raw = await postyard('send', '--workspace', engine.workspace, '--eml', eml);
  rmSync(eml);
  expect(raw).toMatchObject({ status: 0, stderr: '' });
  expect(await rowTo(engine, 'raw@example.com', 'delivered')).toMatchObject({
    ...{ from: 'x@shop.example', subject: 'As is' },
  });
  const many = await postyard(
    ...['send', '--workspace', engine.workspace, '--to', 'many@example.com', '--count', '3'],
  );
  expect(many).toMatchObject({ status: 0, stdout: '3 messages were accepted\n' });
});

test(
  'doctor tells ports, policy and remaps of the running engine',
  { timeout: 60_000 },
  async () => {
    const { status, stdout, stderr } = await postyard('doctor', '--workspace', engine.workspace);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^ok +engine with pid ${engine.pid}, window ${engine.url}$`, 'm'),
    );
    expect(stdout).toMatch(new RegExp(`^ok +smtp 127\\.0\\.0\\.1:${engine.smtpPort}$`, 'm'));
    expect(stdout).toMatch(/^ok +policy policy\/init\.lua: \d+ events? handled$/m);
    expect(stdout).toMatch(/^note +remapped .*\/var\/spool\/kumomta\/data -> /m);
    const stopped = await postyard('doctor', '--workspace', empty);
    expect(stopped.stdout).toMatch(/no engine is running for this workspace/);
  },
);

test('open --print gives an address that lets a browser in', { timeout: 60_000 }, async () => {
  const { status, stdout } = await postyard('open', '--print', '--workspace', engine.workspace);
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `${engine.url}/#token=${engine.token}\n`,
  });
});
