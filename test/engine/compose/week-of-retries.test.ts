/**
 * `clock forward 7d` as the engine does it: a thousand messages on the default schedule go through
 * a week of retries to their expiry in seconds, and every time, delay and count is the schedule's.
 */
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { MailClock } from '../../../engine/base/mail-clock.ts';
import { MailClockDoor } from '../../../engine/compose/mail-clock-door.ts';
import { DEFAULT_QUEUE_CONFIG } from '../../../engine/queue/built-in-queues.ts';
import { retryDelayMs } from '../../../engine/queue/retry-schedule.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import type { SessionId } from '../../../engine/base/ids.ts';
import { makeRig } from '../../support/queue-rig.ts';
import type { Rig, RigOptions } from '../../support/queue-rig.ts';

const DAY = 86_400_000;
const HALF_JITTER_MS = 30_000;
/** The shared wheel looks every three seconds. */
const TICK_MS = 3_000;

function clockRig(options: RigOptions = {}): Rig & { mail: MailClock; door: MailClockDoor } {
  const real = new SystemClock({ keepAlive: false });
  const mail = new MailClock(real);
  const rig = makeRig({
    ...options,
    deps: { ...options.deps, clock: mail, realClock: real },
  });
  const door = new MailClockDoor({
    mailClock: mail,
    clock: real,
    queues: () => rig.queues,
    flush: () => rig.store.flush(),
    onShift: () => Promise.resolve(),
    onTrouble: (text) => rig.diagnostics.push(text),
  });
  return { ...rig, ids: spoolIds(mail, 3), mail, door };
}

describe('clock forward 7d', () => {
  test('takes 1,000 messages through all their retries', { timeout: 60_000 }, async () => {
    const seen = new Map<string, number[]>();
    const rig = clockRig({
      peer: (message) => {
        const times = seen.get(message.id) ?? [];
        seen.set(message.id, [...times, rig.mail.now()]);
        return '451 4.7.1 greylisted';
      },
    });
    const created = new Map<string, number>();
    for (let n = 0; n < 1_000; n++) {
      const message = makeMessage(rig.ids, { to: [`u${n}@example.net`] });
      created.set(message.id, rig.mail.now());
      await rig.store.saveMessage(message, message.queueName(), origin());
      await rig.queues.insert(message, 'Received', null);
    }
    const began = performance.now();
    await rig.door.change({ forwardMs: 7 * DAY });
    const tookMs = performance.now() - began;
    expect(seen.size).toBe(1_000);
    for (const [id, times] of seen) {
      // 20 m × (1 + 2 + 4 + 8 + 16 + 32 + 64 + 128) is 85 h, the next wait ends after 170 h.
      expect(times.length, id).toBe(9);
      times.slice(1).forEach((at, n) => {
        const late = at - (times[n] ?? 0) - retryDelayMs(n, DEFAULT_QUEUE_CONFIG);
        expect(late).toBeGreaterThanOrEqual(-HALF_JITTER_MS);
        expect(late).toBeLessThanOrEqual(HALF_JITTER_MS + TICK_MS + 2_000);
      });
    }
    const byType = Object.groupBy(rig.records, ({ type }) => type);
    expect(byType.TransientFailure).toHaveLength(9_000);
    expect(byType.Expiration).toHaveLength(1_000);
    expect(byType.Expiration?.[0]?.response.text).toMatch(
      /^Next delivery time would be 7days .* exceeds max_age=7days$/,
    );
    expect(rig.queues.lists.waitingCount).toBe(0);
    expect(tookMs).toBeLessThan(45_000);
  });
});

describe('the clock’s door', () => {
  const wait = { peer: () => '451 4.7.1 greylisted' };

  async function send(rig: Rig): Promise<string> {
    const message = makeMessage(rig.ids, { to: ['a@example.net'] });
    await rig.store.saveMessage(message, message.queueName(), origin());
    await rig.queues.insert(message, 'Received', null);
    return message.id;
  }

  test('jumps to the tick at which the next message goes, and lets it end', async () => {
    const rig = clockRig(wait);
    await expect(rig.door.change({ jumpToNextDue: true })).rejects.toMatchObject({
      code: 'nothing-due',
    });
    await rig.door.change({ speed: 0 });
    await send(rig);
    await rig.queues.whenQuiet();
    for (const count of [2, 3]) {
      const due = rig.queues.lists.nextDueMs ?? rig.mail.now();
      const status = await rig.door.change({ jumpToNextDue: true });
      expect(rig.records).toHaveLength(count);
      expect(status.speed).toBe(0);
      expect(status.nowMs - due).toBeGreaterThanOrEqual(0);
      expect(status.nowMs - due).toBeLessThanOrEqual(TICK_MS);
    }
  });

  test('a reset asks when messages wait, stays ahead, or shifts what is due', async () => {
    const rig = clockRig(wait);
    await send(rig);
    await rig.queues.whenQuiet();
    await rig.door.change({ forwardMs: 10 * 60_000 });
    const waitMs = (rig.queues.lists.nextDueMs ?? 0) - rig.mail.now();
    await expect(rig.door.change({ reset: 'ask' })).rejects.toMatchObject({
      code: 'clock-ahead',
      message: expect.stringMatching(/^The clock is 10 m ahead of real time and 1 message waits/),
    });
    const stayed = await rig.door.change({ reset: 'stay' });
    expect(stayed.offsetMs).toBeGreaterThan(9 * 60_000);
    const { offsetMs, nowMs } = await rig.door.change({ reset: 'shift' });
    expect(Math.abs(offsetMs)).toBeLessThan(1_000);
    const left = (rig.queues.lists.nextDueMs ?? 0) - nowMs;
    expect(Math.abs(left - waitMs)).toBeLessThan(1_000);
    for await (const page of rig.store.waiting()) {
      expect(page[0]?.due).toBe(rig.queues.lists.nextDueMs);
    }
  });

  test('one forward at a time; stop ends it', async () => {
    const rig = clockRig({
      ...wait,
      config: { retryIntervalMs: 1_000, maxRetryIntervalMs: 1_000 },
    });
    await send(rig);
    const began = rig.mail.now();
    const started = await rig.door.change({ forwardMs: 6 * DAY, dontWait: true });
    expect(started.forward).toEqual({ untilMs: expect.any(Number) });
    await expect(rig.door.change({ forwardMs: 1 })).rejects.toMatchObject({ code: 'clock-busy' });
    const status = await rig.door.change({ stop: true });
    expect(status.forward).toBeNull();
    expect(status.nowMs).toBeLessThan(began + 6 * DAY);
  });
});

function origin(): Parameters<Rig['store']['saveMessage']>[2] {
  return {
    id: 's' as SessionId,
    listener: '127.0.0.1:25',
    peer: '127.0.0.1:1',
    protocol: 'ESMTP',
    startedMs: 0,
    startedRealMs: 0,
    ehlo: null,
    tls: null,
    auth: null,
  };
}
