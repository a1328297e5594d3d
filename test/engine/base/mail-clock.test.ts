import { describe, expect, it } from 'vitest';
import { MailClock } from '../../../engine/base/mail-clock.ts';
import { SimClock } from '../../support/sim-clock.ts';

const DAY = 86_400_000;

function clocks(): { real: SimClock; mail: MailClock } {
  const real = new SimClock();
  return { real, mail: new MailClock(real) };
}

describe('MailClock', () => {
  it('runs with the real clock at first and at ×60 when told so', async () => {
    const { real, mail } = clocks();
    const start = real.now();
    await real.advance(1000);
    expect(mail.now()).toBe(start + 1000);
    mail.setSpeed(60);
    await real.advance(1000);
    expect(mail.now()).toBe(start + 61_000);
    expect(mail.offsetMs).toBe(59_000);
  });

  it('runs a timer when its virtual time has come, also after the speed changed', async () => {
    const { real, mail } = clocks();
    const ran: number[] = [];
    mail.timer(60_000, () => ran.push(mail.now()));
    await real.advance(1000);
    mail.setSpeed(60);
    await real.advance(983);
    expect(ran).toEqual([]);
    await real.advance(1);
    expect(ran).toHaveLength(1);
    expect(ran[0]).toBeGreaterThanOrEqual(mail.now() - 60);
  });

  it('stands still when frozen, and timers wait', async () => {
    const { real, mail } = clocks();
    mail.setSpeed(0);
    const frozen = mail.now();
    let runs = 0;
    mail.timer(1, () => runs++);
    await real.advance(DAY);
    expect([mail.now(), runs]).toEqual([frozen, 0]);
    mail.setSpeed(1);
    await real.advance(1);
    expect(runs).toBe(1);
  });

  it('jumps ahead, runs what is due on the way with the new moment as now, and never back', async () => {
    const { real, mail } = clocks();
    const seen: number[] = [];
    mail.timer(2000, () => seen.push(mail.now()));
    mail.timer(1000, () => seen.push(mail.now()));
    const target = mail.now() + DAY;
    mail.jumpTo(target);
    await real.advance(0);
    expect(seen).toEqual([target, target]);
    expect(() => mail.jumpTo(target - 1)).toThrow('Cannot jump the clock to');
  });

  it('forward() visits every timer at its own time and waits for what it started', async () => {
    const { real, mail } = clocks();
    const start = mail.now();
    const log: string[] = [];
    let isBusy = false;
    const retry = (n: number): void => {
      log.push(`${n} at +${(mail.now() - start) / 1000} s`);
      isBusy = true;
      void Promise.resolve().then(async () => {
        await new Promise<void>((resolve) => setImmediate(resolve));
        isBusy = false;
        if (n < 4) mail.timer(20 * 60_000 * 2 ** n, () => retry(n + 1));
      });
    };
    mail.timer(20 * 60_000, () => retry(1));
    const settled = async (): Promise<void> => {
      while (isBusy) await new Promise<void>((resolve) => setImmediate(resolve));
    };
    await mail.forward(DAY, { settled });
    expect(log).toEqual(['1 at +1200 s', '2 at +3600 s', '3 at +8400 s', '4 at +18000 s']);
    expect(mail.now()).toBe(start + DAY);
    expect(real.now()).toBe(start);
  });

  it('forward() ends early when it is aborted, and refuses a second one meanwhile', async () => {
    const { mail } = clocks();
    const start = mail.now();
    const stop = new AbortController();
    mail.timer(1000, () => stop.abort());
    mail.timer(2000, () => expect.unreachable());
    const first = mail.forward(DAY, { signal: stop.signal });
    await expect(mail.forward(1)).rejects.toThrow('found a forward under way');
    await first;
    expect(mail.now()).toBe(start + 1000);
  });

  it('reset() goes back to real time; timers keep their distance and monotonic() goes on', async () => {
    const { real, mail } = clocks();
    mail.jumpTo(mail.now() + DAY);
    let runs = 0;
    mail.timer(500, () => runs++);
    const before = mail.monotonic();
    expect(mail.reset()).toBe(DAY);
    expect(mail.now()).toBe(real.now());
    expect(mail.monotonic()).toBe(before);
    await real.advance(499);
    expect(runs).toBe(0);
    await real.advance(1);
    expect(runs).toBe(1);
  });

  it('resumes speed and distance after a stop, without the time that passed meanwhile', async () => {
    const { real, mail } = clocks();
    mail.setSpeed(3600);
    await real.advance(1000);
    const state = JSON.parse(JSON.stringify(mail)) as ReturnType<MailClock['toJSON']>;
    mail.close();
    await real.advance(10_000);
    const again = new MailClock(real, state);
    expect(again.speed).toBe(3600);
    expect(again.now()).toBe(real.now() + 3_599_000);
  });

  it('resumes frozen where it stood', async () => {
    const { real, mail } = clocks();
    mail.setSpeed(0);
    const at = mail.now();
    await real.advance(10_000);
    const again = new MailClock(real, mail.toJSON());
    expect(again.now()).toBe(at);
  });

  it('forgets a cancelled timer and keeps the order of equal times', async () => {
    const { real, mail } = clocks();
    const ran: number[] = [];
    const timers = Array.from({ length: 200 }, (_, i) => mail.timer(1000, () => ran.push(i)));
    timers.slice(3).forEach((timer) => timer.cancel());
    timers[1]?.cancel();
    timers[1]?.cancel();
    await real.advance(1000);
    expect(ran).toEqual([0, 2]);
    expect(mail.nextTimerMs).toBeNull();
  });
});
