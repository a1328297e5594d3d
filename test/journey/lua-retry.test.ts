/** A delivery by the policy's own Lua that fails twice, is seen waiting, and succeeds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { QueueDetail, RowDetail } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('get_queue_config', function(domain)
  local waits = { ['slow.test'] = '1 hour', ['flaky.test'] = '1s', ['hard.test'] = '1s' }
  return kumo.make_queue_config {
    protocol = { custom_lua = { constructor = 'make.flaky' } },
    retry_interval = waits[domain],
  }
end)
kumo.on('make.flaky', function(domain)
  local connection = {}
  function connection:send(msg)
    if domain == 'hard.test' then
      kumo.reject(500, 'never')
    end
    if msg:num_attempts() < 2 then
      kumo.reject(400, 'not yet')
    end
    return 'delivered by Lua'
  end
  return connection
end)
`;

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

test('400 twice, then a return: two failures and a delivery', { timeout: 60_000 }, async () => {
  expect(await sendMail(engine, 'ada@flaky.test')).toMatch(/^250 /);
  const row = await rowTo(engine, 'ada@flaky.test', 'delivered');
  expect({ attempts: row.attempts, code: row.code, text: row.lastText, queue: row.queue }).toEqual({
    attempts: 3,
    code: 200,
    text: expect.stringContaining('delivered by Lua') as string,
    queue: 'flaky.test',
  });
  expect(await recordsOf(engine, row)).toEqual([
    ['Reception', 0, 250],
    ['TransientFailure', 0, 400],
    ['TransientFailure', 1, 400],
    ['Delivery', 2, 200],
  ]);
  const { parts } = await journeyOf(engine, row);
  expect(
    parts.filter(({ kind }) => ['attempt', 'wait'].includes(kind)).map(({ title }) => title),
  ).toEqual(['Attempt 1', 'Wait', 'Attempt 2', 'Wait', 'Attempt 3']);
});

test(
  'while it waits, row, detail and queue say why and until when',
  { timeout: 60_000 },
  async () => {
    await sendMail(engine, 'bob@slow.test');
    const row = await rowTo(engine, 'bob@slow.test', 'deferred');
    expect(row.code).toBe(400);
    expect(row.nextDueMs).toBeGreaterThan(row.timeMs + 3_000_000);
    const detail = await engine.api<RowDetail>(`/rows/${row.seq}`);
    expect(detail.whyWaiting).toMatch(/not yet/);
    const queue = await engine.api<QueueDetail>('/queues/slow.test');
    expect(queue.retryIntervalMs).toBe(3_600_000);
    const [waiting] = queue.messages;
    expect(waiting).toMatchObject({ messageId: row.messageId, numAttempts: 1 });
    expect(waiting?.past.map(({ outcome }) => outcome)).toEqual(['deferred']);
    expect(waiting?.predicted.length).toBeGreaterThan(1);
    expect(waiting?.predicted.at(-1)?.expires).toBe(true);

    for (const attempts of [2, 3]) {
      await engine.api('/queues/actions', { verb: 'deliver-now', queue: 'slow.test' });
      await eventually(
        `attempt ${attempts}`,
        async () => (await rowTo(engine, 'bob@slow.test')).attempts === attempts,
        DEADLINE_MS,
      );
    }
    const done = await rowTo(engine, 'bob@slow.test', 'delivered');
    expect(done.attempts).toBe(3);
  },
);

test('500 is a bounce, at the first attempt', { timeout: 60_000 }, async () => {
  await sendMail(engine, 'eve@hard.test');
  const row = await rowTo(engine, 'eve@hard.test', 'bounced');
  expect(row).toMatchObject({ code: 500, attempts: 1, nextDueMs: null });
  expect(await recordsOf(engine, row)).toEqual([
    ['Reception', 0, 250],
    ['Bounce', 0, 500],
  ]);
});
