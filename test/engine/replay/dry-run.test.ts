import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { Message } from '../../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../../engine/mail/path.ts';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { checkLua } from '../../../engine/replay/check-lua.ts';
import { DryRun } from '../../../engine/replay/dry-run.ts';
import { editedFiles } from '../../../engine/replay/edited-files.ts';
import { sendDry } from '../../../engine/replay/send-dry.ts';
import { arrival, dryWorkspace, withListener } from '../../support/dry-bench.ts';

test('a message is followed to the maildir that its queue names', async () => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('tenant', 'acme')
  msg:prepend_header('X-Seen', 'yes')
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { maildir_path = 'mail/{{ tenant }}/{{ local_part }}' } }
end)`),
  );
  await using run = await DryRun.open(workspace.bench, {});
  const { recipients } = await run.receive(arrival());
  expect(run.problem).toBeNull();
  expect(recipients).toHaveLength(1);
  expect(recipients[0]).toMatchObject({
    state: 'queued',
    queue: 'acme@dest.example',
    placement: { maildirs: ['mail/acme/user'], configSource: { kind: 'handler' } },
    changes: {
      meta: [{ name: 'tenant', from: null, to: 'acme' }],
      headers: [{ name: 'X-Seen', from: null, to: 'yes' }],
    },
  });
});

test('a refused recipient does not stop the others, and each gets its own reply', async () => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then kumo.reject(550, '5.1.1 nobody') end
end)`),
  );
  await using run = await DryRun.open(workspace.bench, {});
  const { recipients } = await run.receive(
    arrival({ to: ['no@dest.example', 'yes@dest.example'] }),
  );
  expect(recipients.map(({ to, state, code }) => [to, state, code])).toEqual([
    ['no@dest.example', 'rejected', 550],
    ['yes@dest.example', 'queued', 250],
  ]);
});

test('this machine may relay in a dry run as it may at the listener', async () => {
  using workspace = dryWorkspace(`local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '0.0.0.0:25', relay_hosts = { '10.0.0.1' } }
end)`);
  await using run = await DryRun.open(workspace.bench, {});
  const own = await run.receive(arrival());
  expect(own.recipients.map(({ state, code }) => [state, code])).toEqual([['queued', 250]]);
  expect(own.reception.transcript.filter(({ who }) => who === 'note')).toMatchObject([
    { text: expect.stringContaining('KumoMTA would refuse: 550 5.7.1 relaying not permitted') },
  ]);
  const stranger = await run.receive(arrival({ peer: '192.0.2.9' }));
  expect(stranger.recipients.map(({ state, code }) => [state, code])).toEqual([['rejected', 550]]);
});

test.each([
  ['protocol = { smtp = { mx_list = { "127.0.0.1" } } }', 'no path today'],
  ['protocol = { custom_lua = { constructor = "make.none" } }', 'make.none'],
  ['protocol = { maildir_path = "/m/{{ no_such | nothing }}" }', 'nothing'],
])('a way that fails is a failure, with the policy’s error: %s', async (protocol, text) => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('get_queue_config', function() return kumo.make_queue_config { ${protocol} } end)
kumo.on('get_egress_path_config', function() error 'no path today' end)`),
  );
  await using run = await DryRun.open(workspace.bench, {});
  const { recipients } = await run.receive(arrival());
  expect(recipients[0]?.placement?.failure).toContain(text);
});

test('captured mail is not said to fail for hosts that nobody connects to', async () => {
  const details = { wouldHaveGoneTo: 'dest.example' };
  const protocol = { kind: 'maildir', path: '/m/captured', dirMode: null, fileMode: null } as const;
  using workspace = dryWorkspace(withListener(''), {
    leaving: () => ({
      captureInstead: () => Promise.resolve({ protocol, route: 'captured', details }),
    }),
  });
  await using run = await DryRun.open(workspace.bench, {});
  const { recipients } = await run.receive(arrival());
  expect(recipients[0]?.placement).toMatchObject({
    captured: 'dest.example',
    failure: null,
    notes: [],
  });
});

test('hosts of a list come with the rule that chose each port', async () => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { smtp = { mx_list = { '192.0.2.1:2525', '192.0.2.2' } } } }
end)`),
  );
  await using run = await DryRun.open(workspace.bench, {});
  const { recipients } = await run.receive(arrival());
  expect(recipients[0]?.placement?.plan).toEqual([
    { name: '192.0.2.1', ip: '192.0.2.1', port: 2525, portFrom: 'entry' },
    { name: '192.0.2.2', ip: '192.0.2.2', port: 25, portFrom: 'smtp_port' },
  ]);
});

test('the network answers from stubs, and says so when there is none', async () => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('smtp_server_message_received', function(msg)
  local client = kumo.http.build_client {}
  msg:set_meta('a', client:get('http://api.example/a'):send():text())
  client:get('http://api.example/b'):send()
end)`),
  );
  const stubs = [{ kind: 'http', match: 'GET http://api.example/a', body: 'stubbed' }] as const;
  await using run = await DryRun.open(workspace.bench, { stubs });
  const { calls, reception } = await run.receive(arrival());
  expect(calls.filter(({ name }) => name === 'Request.send').map(({ what }) => what)).toEqual([
    'stubbed',
    'not-stubbed',
  ]);
  expect(reception.events[0]?.raised?.text).toContain('not stubbed: GET http://api.example/b');
  expect(reception.events[0]?.metaChanges).toMatchObject([{ key: 'a', to: 'stubbed' }]);
});

test('an unsaved text runs in place of the file', async () => {
  using workspace = dryWorkspace(withListener(''));
  const text = withListener(`
kumo.on('smtp_server_message_received', function() kumo.reject(550, '5.7.1 edited') end)`);
  const edited = editedFiles(workspace.layout.policyFolder, { 'init.lua': text });
  await using run = await DryRun.open(workspace.bench, { edited });
  const { recipients } = await run.receive(arrival());
  expect(recipients[0]).toMatchObject({ state: 'rejected', code: 550, text: '5.7.1 edited' });
  expect(() => editedFiles('/policy', { '../other.lua': '' })).toThrow('inside of the policy');
});

test('a constructor gets its messages one by one; 421 makes a new connection', async () => {
  using workspace = dryWorkspace(
    withListener(`
kumo.on('make.it', function(domain)
  local connection, count = {}, 0
  function connection:send(msg)
    count = count + 1
    if msg:recipient().user == 'busy' then kumo.reject(421, 'come back') end
    return domain .. ' ' .. count
  end
  function connection:close() print('closed') end
  return connection
end)`),
  );
  await using run = await DryRun.open(workspace.bench, {});
  const message = (user: string): Message =>
    new Message({
      id: run.policy.ids.next(),
      sender: parseEnvelopeAddress('a@shop.example'),
      recipients: [parseEnvelopeAddress(`${user}@dest.example`)],
      meta: {},
      data: Buffer.from('Subject: x\r\n\r\nx\r\n'),
    });
  const messages = ['one', 'busy', 'two'].map(message);
  const options = { constructor_: 'make.it', batchSize: 1 };
  const sent = await sendDry(run.policy, parseQueueName('dest.example'), messages, options);
  expect(sent.map(({ reply, state }) => [reply?.code, reply?.text, state])).toEqual([
    [200, 'dest.example 1', 'delivered'],
    [421, 'come back', 'deferred'],
    [200, 'dest.example 1', 'delivered'],
  ]);
});

test('checkLua() tells the line of what does not compile', () => {
  const clock = new SystemClock({ keepAlive: false });
  expect(checkLua('local a = 1\nreturn a', 'init.lua', clock)).toBeNull();
  expect(checkLua('local a = 1\nlocal b = = 2', 'init.lua', clock)).toMatchObject({ line: 2 });
});
