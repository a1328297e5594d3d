import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import { jsonFloat } from '../../../engine/mail/json.ts';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { AdminRules, EVERYTHING, onlyQueue } from '../../../engine/queue/admin-rules.ts';
import type { Criteria } from '../../../engine/queue/admin-rules.ts';
import { bounceJson, readySuspendJson, suspendJson } from '../../../engine/queue/admin-json.ts';
import {
  parseBounceRequest,
  parseRebindRequest,
  parseSuspendRequest,
} from '../../../engine/queue/admin-requests.ts';
import { makeRig, SINK_QUEUE } from '../../support/queue-rig.ts';
import { SimClock } from '../../support/sim-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const only = (part: Partial<Criteria>): Criteria => ({ ...EVERYTHING, ...part });

describe('AdminRules', () => {
  const rules = (clock: SimClock, mode: 'strict' | 'ordinary' = 'ordinary'): AdminRules =>
    new AdminRules(clock, new SeededRandom(1), mode);
  const add = (to: AdminRules, criteria: Criteria, durationMs = MINUTE): string =>
    to.addBounce({ criteria, reason: 'r', durationMs, suppressLogging: false }).id;
  const found = (in_: AdminRules, queue: string): boolean =>
    in_.bounceFor(queue, parseQueueName(queue)) !== null;

  it.each<[Partial<Criteria>, string, boolean]>([
    [{}, 'anything', true],
    [{ domain: 'a.test' }, 'c:t@a.test!r', true],
    [{ domain: 'A.test' }, 'a.test', false],
    [{ tenant: 't' }, 'a.test', false],
    [{ tenant: '' }, 'c:@a.test', true],
    [{ tenant: 't', domain: 'a.test' }, 't@a.test', true],
    [{ routingDomain: 'r' }, 'a.test!r', true],
    [{ queueNames: ['t@a.test'], domain: 'other' }, 't@a.test', true],
    [{ queueNames: ['a.test'] }, 't@a.test', false],
    [{ campaign: 'c', tenant: 't', domain: 'a.test', routingDomain: 'r' }, 'c:t@a.test!r', false],
  ])('%o for %s: %s', (criteria, queue, isMeant) => {
    const made = rules(new SimClock());
    add(made, only(criteria));
    expect(found(made, queue)).toBe(isMeant);
  });

  it('ends by itself, and identical criteria replace', async () => {
    const clock = new SimClock();
    const made = rules(clock);
    add(made, only({ domain: 'a.test' }));
    const second = add(made, only({ domain: 'a.test' }));
    expect(made.bounces().map(({ id }) => id)).toEqual([second]);
    await clock.advance(MINUTE);
    expect(found(made, 'a.test')).toBe(false);
    expect(made.bounces()).toEqual([]);
    expect(made.removeBounce(second)).toBe(false);
  });

  it('strictly, one that matches everything acts on until somebody lists', async () => {
    const clock = new SimClock();
    const strict = rules(clock, 'strict');
    const ordinary = rules(clock);
    add(strict, EVERYTHING);
    add(ordinary, EVERYTHING);
    await clock.advance(MINUTE);
    expect([found(strict, 'a'), found(ordinary, 'a')]).toEqual([true, false]);
    expect(strict.bounces()).toEqual([]);
    expect(found(strict, 'a')).toBe(false);
  });
});

describe('bounce', () => {
  it('takes what waits and what comes, and counts both', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    await rig.receive({ to: ['a@slow.test'] });
    await rig.receive({ to: ['b@other.test'] });
    const rule = rig.queues.admin.bounce({
      criteria: only({ domain: 'slow.test' }),
      reason: 'cleaning up',
      durationMs: HOUR,
    });
    await rig.clock.settle();
    await rig.receive({ to: ['c@slow.test'] });
    const text = 'AdminBounce 551 5.7.1 Administrator bounced with reason: cleaning up';
    expect(rig.told().slice(2)).toEqual([`1 ${text}`, `0 ${text}`]);
    expect(rig.records.slice(2).map(({ site, override }) => [site, override?.size])).toEqual([
      ['localhost', 0],
      ['localhost', 24],
    ]);
    expect(bounceJson(rule, rig.clock.now() + 3 * SECOND)).toEqual({
      id: rule.id,
      campaign: null,
      tenant: null,
      domain: 'slow.test',
      routing_domain: null,
      reason: 'cleaning up',
      duration: '59m 57s',
      bounced: { 'slow.test': 2 },
      total_bounced: 2,
    });
    expect(rig.queues.admin.removeBounce(rule.id)).toBe(true);
    expect(rig.queues.admin.removeBounce(rule.id)).toBe(false);
    await rig.receive({ to: ['d@slow.test'] });
    expect(rig.told().at(-1)).toBe('0 TransientFailure 450 4.2.0 wait');
  });

  it('from the policy neither sweeps nor keeps quiet', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    await rig.receive();
    const rule = { criteria: EVERYTHING, reason: 'lua', suppressLogging: true };
    rig.queues.admin.bounce(rule, 'only-new');
    await rig.receive();
    expect(rig.told()).toHaveLength(2);
    expect(rig.told()[1]).toContain('AdminBounce');
  });

  it('can keep quiet, and still counts', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    const message = await rig.receive();
    const rule = rig.queues.admin.bounce({
      criteria: EVERYTHING,
      reason: 'quiet',
      suppressLogging: true,
    });
    await rig.clock.settle();
    expect(rig.told()).toHaveLength(1);
    expect([...rule.bounced]).toEqual([['box.test', 1]]);
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('can mean single messages', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    const [a, b] = [await rig.receive(), await rig.receive()];
    expect(await rig.queues.admin.bounceMessages([b.id, b.id], 'not this one')).toBe(1);
    expect([a, b].map(({ id }) => rig.store.isWaiting(id))).toEqual([true, false]);
  });
});

describe('suspend', () => {
  it('fails each attempt to leave, with backoff, and lets new mail through when it ends', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      config: { retryIntervalMs: 2 * SECOND },
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 3)) },
    });
    const rule = rig.queues.admin.suspend({
      criteria: only({ domain: 'quiet.test' }),
      reason: 'maintenance',
    });
    await rig.receive({ to: ['a@quiet.test'] });
    await rig.clock.advance(9 * SECOND);
    const text = '451 4.4.4 KumoMTA internal: scheduled queue is suspended: maintenance';
    expect(rig.timeline()).toEqual([
      `0 s 0 TransientFailure ${text}`,
      `3 s 1 TransientFailure ${text}`,
      `9 s 2 TransientFailure ${text}`,
    ]);
    expect(rig.records.map(({ site, override }) => [site, override?.size])).toEqual([
      ['quiet.test', 24],
      ['quiet.test', 0],
      ['quiet.test', 0],
    ]);
    expect(asked[0]).toEqual([text, ['LoggedTransientFailure'], true]);
    expect(suspendJson(rule, rig.clock.now())).toMatchObject({
      domain: 'quiet.test',
      duration: '4m 51s',
    });
    rig.queues.admin.removeSuspension(rule.id);
    await rig.receive({ to: ['b@quiet.test'] });
    expect(rig.told().at(-1)).toBe('0 Delivery 250 2.0.0 queued');
  });

  it('by name is what resume takes away', async () => {
    const rig = makeRig();
    rig.queues.admin.suspend({ criteria: onlyQueue('a.test'), reason: 'x' });
    rig.queues.admin.suspend({ criteria: only({ domain: 'a.test' }), reason: 'y' });
    expect(rig.queues.admin.resume('a.test')).toBe(1);
    await rig.receive({ to: ['u@a.test'] });
    expect(rig.told()[0]).toContain('suspended: y');
  });

  it('of a ready queue sends its messages back at once, and its sessions end', async () => {
    const open: (() => void)[] = [];
    const rig = makeRig({
      path: { connectionLimit: 1 },
      deps: {
        smtp: {
          open: ({ sessionId }) => ({
            id: sessionId,
            isExhausted: false,
            phase: 'DeliveringMessage',
            peer: 'x',
            plan: async () => {},
            connect: async () => {},
            deliver: () => new Promise(() => open.push(() => {})),
            close: async () => {},
            abort: () => {},
          }),
        },
      },
    });
    await rig.receive({ to: ['a@box.test'] });
    await rig.receive({ to: ['b@box.test'] });
    const rule = rig.queues.admin.suspendReadyQueue({
      name: SINK_QUEUE,
      reason: 'peer trouble',
      durationMs: 10 * MINUTE,
    });
    await rig.clock.settle();
    expect(rig.told()).toEqual([
      '0 TransientFailure 451 4.4.4 KumoMTA internal: no sources for box.test pool=`unspecified` are eligible for selection at this time',
    ]);
    expect(readySuspendJson(rule, rig.clock.now())).toEqual({
      id: rule.id,
      name: SINK_QUEUE,
      reason: 'peer trouble',
      duration: '10m',
      expires: '2026-01-05T09:10:00Z',
    });
    expect(rig.queues.admin.removeReadySuspension(rule.id)).toBe(true);
    expect(rig.queues.admin.removeReadySuspension(rule.id)).toBe(false);
  });
});

describe('rebind', () => {
  const request = {
    criteria: only({ domain: 'stuck.test' }),
    reason: 'reroute',
    suppressLogging: false,
    data: { routing_domain: 'rescue.test' },
    triggerEvent: false,
    alwaysFlush: false,
  };

  it('moves what waits, at once and without an attempt', async () => {
    const rig = makeRig({
      peer: (message) =>
        message.getMeta('routing_domain') === undefined ? '450 4.2.0 wait' : '250 2.0.0 ok',
    });
    const message = await rig.receive({ to: ['a@stuck.test'] });
    expect(await rig.queues.admin.rebindNow(request)).toBe(1);
    await rig.clock.settle();
    expect(rig.told().slice(1)).toEqual([
      '1 AdminRebind 250 Rebound from stuck.test to stuck.test!rescue.test: reroute',
      '1 Delivery 250 2.0.0 ok',
    ]);
    expect(rig.records[1]?.override).toMatchObject({ sender: 'stuck.test!rescue.test', size: 0 });
    expect(rig.store.queueOf(message.id)).toBe('stuck.test!rescue.test');
  });

  it('that changes nothing times the messages anew, within a minute', async () => {
    const rig = makeRig({
      random: { next: () => 0.25, bytes: (n) => new Uint8Array(n) },
      peer: () => '450 4.2.0 wait',
    });
    await rig.receive({ to: ['a@stuck.test'] });
    await rig.queues.admin.rebindNow({ ...request, data: { x_other: '1' } });
    expect(rig.told()[1]).toBe(
      '1 Delayed 400 Context: AdminRebind. Next due in 15s at 2026-01-05T09:00:15Z',
    );
  });

  it('to the null queue makes the messages vanish', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    const message = await rig.receive({ to: ['a@stuck.test'] });
    await rig.queues.admin.rebindNow({ ...request, data: { queue: 'null' } });
    expect(rig.told()[1]).toBe('1 AdminRebind 250 Rebound from stuck.test to null: reroute');
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('asks the policy when told to; without a handler only the flush happens', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    await rig.receive({ to: ['a@stuck.test'] });
    await rig.queues.admin.rebindNow({ ...request, triggerEvent: true, alwaysFlush: true });
    await rig.clock.settle();
    expect(rig.told()).toEqual([
      '0 TransientFailure 450 4.2.0 wait',
      '1 TransientFailure 450 4.2.0 wait',
    ]);
    expect(rig.diagnostics[0]).toMatch(/^error: rebind_message: /);
  });
});

describe('deliverNow() and setDue()', () => {
  it('send messages of a queue, of ids, or all', async () => {
    let isUp = false;
    const rig = makeRig({ peer: () => (isUp ? '250 2.0.0 ok' : '450 4.2.0 wait') });
    const [a, b] = [
      await rig.receive({ to: ['a@a.test'] }),
      await rig.receive({ to: ['b@b.test'] }),
    ];
    const c = await rig.receive({ to: ['c@c.test'] });
    isUp = true;
    expect(rig.queues.admin.deliverNow({ queue: 'a.test' })).toBe(1);
    await rig.clock.settle();
    expect(rig.store.isWaiting(a.id)).toBe(false);
    expect(rig.queues.admin.deliverNow({ ids: [b.id, a.id] })).toBe(1);
    await rig.clock.settle();
    expect([b, c].map(({ id }) => rig.store.isWaiting(id))).toEqual([false, true]);
    expect(rig.queues.admin.deliverNow({})).toBe(1);
    await rig.clock.settle();
    expect(rig.told().filter((line) => line.includes('Delivery'))).toHaveLength(3);
  });

  it('give a message another due time, which the store keeps', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    const message = await rig.receive();
    const at = rig.clock.now() + 5 * HOUR;
    expect(await rig.queues.admin.setDue([{ id: message.id, dueMs: at }])).toHaveLength(1);
    expect(rig.store.row(1).nextDueMs).toBe(at);
    expect(rig.queues.lists.nextDueMs).toBe(at);
    await rig.queues.admin.bounceMessages([message.id], 'x');
    expect(await rig.queues.admin.setDue([{ id: message.id, dueMs: at }])).toEqual([]);
  });

  it('shiftDue() keeps every distance when the clock goes back', async () => {
    const rig = makeRig({ peer: () => '450 4.2.0 wait' });
    await rig.receive();
    const before = rig.queues.lists.nextDueMs ?? 0;
    rig.queues.admin.shiftDue(-HOUR);
    expect(rig.queues.lists.nextDueMs).toBe(before - HOUR);
  });
});

it('inspectScheduled() lists waiting messages in KumoMTA’s JSON', async () => {
  const rig = makeRig({
    peer: () => '450 4.2.0 wait',
    random: { next: () => 0.5, bytes: (n) => new Uint8Array(n) },
  });
  const message = await rig.receive({ meta: { x: 1 } });
  const inspect = (limit: number | null): Promise<unknown> =>
    rig.queues.lists.inspectScheduled('box.test', { limit, wantBody: false });
  expect(await inspect(null)).toEqual({
    queue_name: 'box.test',
    messages: [
      {
        id: message.id,
        message: {
          sender: 'sender@shop.test',
          recipient: 'user@box.test',
          meta: { x: 1 },
          data: null,
          due: '2026-01-05T09:20:00Z',
          num_attempts: 1,
        },
      },
    ],
    num_scheduled: 1,
    queue_config: {},
    delayed_metric: 1,
    now: '2026-01-05T09:00:00Z',
    last_changed: '2026-01-05T09:00:00Z',
  });
  expect(await inspect(0)).toMatchObject({ messages: [], num_scheduled: 1 });
  expect(await rig.queues.lists.inspectScheduled('none', { limit: 0, wantBody: false })).toBeNull();
  await rig.clock.advance(HOUR);
  expect(rig.told()[1]).toBe('1 TransientFailure 450 4.2.0 wait');
});

describe('requests of the admin API', () => {
  const now = Date.UTC(2026, 0, 1);

  it('become rules', () => {
    expect(
      parseBounceRequest(
        { domain: 'a.test', reason: 'r', duration: '1h 5m', suppress_logging: true },
        now,
      ),
    ).toEqual({
      criteria: only({ domain: 'a.test' }),
      reason: 'r',
      durationMs: 65 * MINUTE,
      suppressLogging: true,
    });
    expect(parseSuspendRequest({ reason: 'r', routing_domain: 'x', any: 1 }, now)).toEqual({
      criteria: EVERYTHING,
      reason: 'r',
      durationMs: 5 * MINUTE,
    });
    expect(parseSuspendRequest({ reason: 'r', duration: 90 }, now).durationMs).toBe(90 * SECOND);
    const { durationMs } = parseSuspendRequest({ reason: 'r', duration: jsonFloat(90) }, now);
    expect(durationMs).toBe(90 * SECOND);
    const expires = { reason: 'r', duration: '1h' };
    expect(
      parseSuspendRequest({ ...expires, expires: '2026-01-01T00:02:00Z' }, now).durationMs,
    ).toBe(2 * MINUTE);
    expect(
      parseSuspendRequest({ ...expires, expires: '2025-01-01T00:00:00Z' }, now).durationMs,
    ).toBe(0);
  });

  it.each([
    [() => parseBounceRequest({ domain: 'a' }, now), 'missing field `reason`'],
    [() => parseBounceRequest({ reason: 1 }, now), 'invalid type: integer `1`, expected a string'],
    [
      () => parseBounceRequest({ reason: 'r', foo: 1 }, now),
      'unknown field `foo`, expected one of `campaign`, ',
    ],
    [
      () => parseBounceRequest({ reason: 'r', expires: '2026-01-02' }, now),
      'premature end of input',
    ],
    [
      () => parseBounceRequest({ reason: 'r', expires: '2026-02-30T00:00:00Z' }, now),
      'input is out of range',
    ],
    [
      () => parseBounceRequest({ reason: 'r', expires: 'Jan 2 2026' }, now),
      'input contains invalid characters',
    ],
    [() => parseRebindRequest({ reason: 'r' }), 'missing field `data`'],
    [
      () => parseRebindRequest({ reason: 'r', data: { a: 1 } }),
      'invalid type: integer `1`, expected a string',
    ],
  ])('are refused in serde’s words (%#)', (parse, words) => {
    expect(parse).toThrow(words);
  });
});
