/** swaks sends, the maildir holds it, another program reads it, and the Journey tells all of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEADLINE_MS, journeyOf, recordsOf, rowTo } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';

/** The events of a reception without a result, each writing its name where the test can read it. */
const EVENTS = [
  'smtp_server_connection_accepted',
  'smtp_server_ehlo',
  'smtp_server_mail_from',
  'get_listener_domain',
  'smtp_server_rcpt_to',
  'smtp_server_data',
  'smtp_server_split_transaction',
  'smtp_server_message_received',
] as const;

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0', relay_hosts = { '127.0.0.1' } }
end)
local function trace(event)
  local file = io.open('trace.txt', 'a')
  file:write(event .. '\\n')
  file:close()
end
${EVENTS.map((event) => `kumo.on('${event}', function() trace '${event}' end)`).join('\n')}
kumo.on('smtp_server_get_dynamic_parameters', function()
  trace 'smtp_server_get_dynamic_parameters'
  return {}
end)
kumo.on('get_queue_config', function()
  trace 'get_queue_config'
  return kumo.make_queue_config {
    protocol = { maildir_path = 'mail/{{ domain_part }}/{{ local_part }}' },
  }
end)
`;

const swaks = findTool('swaks');
const python = findTool('python3');
const mutt = findTool('mutt');

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

test('swaks to maildir, row and Journey', { timeout: 90_000 }, async (context) => {
  if (swaks === null) return context.skip('swaks is not installed');
  const sent = spawnSync(
    swaks,
    [
      ...['--server', `127.0.0.1:${engine.smtpPort}`, '--helo', 'client.test'],
      ...['--from', 'shop@example.org', '--to', 'alice@example.com'],
      ...['--header', 'Subject: By swaks', '--body', 'Hello from swaks'],
    ],
    { encoding: 'utf8' },
  );
  expect(sent.stdout, engine.lines.join('\n')).toMatch(/<- {2}250 OK ids=/);
  expect(sent.status).toBe(0);

  const folder = join(engine.workspace, 'mail/example.com/alice');
  const [file = ''] = await eventually(
    'one file in new',
    () => {
      const names = existsSync(join(folder, 'new')) ? readdirSync(join(folder, 'new')) : [];
      return names.length > 0 ? names : null;
    },
    DEADLINE_MS,
  );
  expect(readFileSync(join(folder, 'new', file), 'utf8')).toContain('Hello from swaks');
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);

  const row = await rowTo(engine, 'alice@example.com', 'delivered');
  expect(row).toMatchObject({ from: 'shop@example.org', subject: 'By swaks', code: 200 });
  expect(await recordsOf(engine, row)).toEqual([
    ['Reception', 0, 250],
    ['Delivery', 0, 200],
  ]);

  const traced = readFileSync(join(engine.workspace, 'trace.txt'), 'utf8').trim().split('\n');
  const { parts } = await journeyOf(engine, row);
  const told = parts.flatMap(({ steps }) =>
    steps.filter(({ kind, source }) => kind === 'call' && source !== null).map(({ what }) => what),
  );
  expect(told).toEqual(traced);
  expect(new Set(told)).toEqual(
    new Set([...EVENTS, 'smtp_server_get_dynamic_parameters', 'get_queue_config']),
  );
  expect(parts.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['reception', 'policy', 'queue', 'attempt', 'maildir']),
  );
});

test('other programs read the maildir', { timeout: 60_000 }, (context) => {
  const folder = join(engine.workspace, 'mail/example.com/alice');
  if (!existsSync(folder)) return context.skip('swaks is not installed');
  if (python === null && mutt === null)
    return context.skip('neither python3 nor mutt is installed');
  if (python !== null) {
    const script =
      'import mailbox, sys; print([m["subject"] for m in mailbox.Maildir(sys.argv[1], create=False)])';
    const read = spawnSync(python, ['-c', script, folder], { encoding: 'utf8' });
    expect(read.stdout.trim()).toBe("['By swaks']");
  }
  if (mutt !== null) {
    // -z: status 1 when the mailbox is empty; the pushed key leaves without a change.
    const env = { ...process.env, TERM: 'xterm', HOME: engine.workspace };
    const read = spawnSync(
      mutt,
      ['-n', '-F', '/dev/null', '-z', '-R', '-f', folder, '-e', 'push x'],
      {
        encoding: 'utf8',
        env,
        timeout: 20_000,
      },
    );
    expect(read.stderr).not.toMatch(/not a mailbox/i);
  }
});
