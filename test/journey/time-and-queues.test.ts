/** Time and queues as somebody uses them at a terminal: freeze, jump, a week ahead, and the verbs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClockStatus, QueueDetail, QueueList, RowDetail } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { runCommand } from '../support/run-command.ts';
import type { CommandEnd } from '../support/run-command.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('get_queue_config', function(domain)
  return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.busy' } } }
end)
kumo.on('make.busy', function(domain)
  local connection = {}
  function connection:send(msg)
    if msg:get_meta('tenant') == 'rescued' then
      return 'ok'
    end
    kumo.reject(451, 'busy for a week')
  end
  return connection
end)
`;

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

const postyard = (name: string, ...args: string[]): Promise<CommandEnd> =>
  runCommand(name, ...args, '--workspace', engine.workspace);

const due = async (): Promise<number | null> =>
  (await engine.api<QueueDetail>('/queues/a.test')).messages[0]?.dueMs ?? null;

test(
  'a frozen clock, the verbs of a queue, and why a message waits',
  { timeout: 90_000 },
  async () => {
    expect((await postyard('clock', 'freeze')).out).toMatch(/frozen/);
    await sendMail(engine, 'ada@a.test');
    const row = await rowTo(engine, 'ada@a.test', 'deferred');
    const detail = await engine.api<QueueDetail>('/queues/a.test');
    expect(detail.configSource).toMatchObject({ label: 'init.lua:6', line: 6 });
    expect(detail.retryIntervalMs).toBe(20 * 60_000);
    expect(detail.messages[0]?.why).toMatch(
      /^Waits (20|19) m.* more \(20 m × 2⁰\) after attempt 1, last reply in its queue: 451 .*busy for a week; the clock is frozen/,
    );
    expect((await postyard('queue', 'list')).out).toMatch(/1 {2}in (19|20) m.* a\.test/);
    expect((await postyard('queue', 'suspend', 'a.test', '--reason', 'lunch')).out).toBe(
      'a.test is suspended\n',
    );
    const held = await engine.api<RowDetail>(`/rows/${row.seq}`);
    expect(held.whyWaiting).toMatch(/its queue is suspended: lunch; the clock is frozen/);
    expect((await postyard('queue', 'resume', 'a.test')).out).toBe('a.test is resumed\n');
    const before = await due();
    expect((await postyard('queue', 'due', 'a.test', '--in', '2h')).out).toMatch(
      /1 message is due at/,
    );
    expect(((await due()) ?? 0) - (before ?? 0)).toBeGreaterThan(90 * 60_000);
    expect((await postyard('clock', 'next')).out).toMatch(/frozen, (2 h|1 h 59 m)/);
    expect(await recordsOf(engine, row)).toHaveLength(3);
    const rebound = await postyard('queue', 'rebind', 'a.test', '--tenant', 'rescued');
    expect(rebound.out).toBe('1 message is bound to rescued@a.test and due now\n');
    await rowTo(engine, 'ada@a.test', 'delivered');
    expect((await postyard('queue', 'rebind', 'a.test')).status).toBe(2);
  },
);

test(
  'a week of retries ends in an expiry; the way back is a choice',
  { timeout: 90_000 },
  async () => {
    await engine.api<ClockStatus>('/clock', { speed: 1 });
    await Promise.all(Array.from({ length: 10 }, (_, n) => sendMail(engine, `u${n}@week.test`)));
    const first = await rowTo(engine, 'u0@week.test', 'deferred');
    expect((await postyard('clock', 'forward', '7d')).out).toMatch(/×1, 7 d/);
    await rowTo(engine, 'u9@week.test', 'expired');
    const types = (await recordsOf(engine, first)).map(([type, attempts]) => `${type} ${attempts}`);
    expect(types).toEqual([
      'Reception 0',
      ...Array.from({ length: 9 }, (_, n) => `TransientFailure ${n}`),
      'Expiration 9',
    ]);
    await sendMail(engine, 'late@a.test');
    const late = await rowTo(engine, 'late@a.test', 'deferred');
    const refused = await postyard('clock', 'reset');
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.out).toMatch(/7 d .*ahead of real time and 1 message waits: either stay/);
    expect((await postyard('clock', 'reset', '--shift')).out).toMatch(/real time\n1 queued/);
    const shifted = await eventually(
      'a due time near real time',
      async () => {
        const { scheduled, nowMs } = await engine.api<QueueList>('/queues');
        const next = scheduled.find(({ name }) => name === late.queue)?.nextDueMs ?? Infinity;
        return next - nowMs < 21 * 60_000 ? next : null;
      },
      DEADLINE_MS,
    );
    await engine.stop();
    engine = await ServeProcess.start({ workspace: engine.workspace });
    const { scheduled } = await engine.api<QueueList>('/queues');
    expect(scheduled.find(({ name }) => name === late.queue)?.nextDueMs).toBe(shifted);
  },
);
