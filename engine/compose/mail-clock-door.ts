/**
 * What people do to the mail clock: speed, freeze, jump to the next due time, run through a span,
 * back to real time. One jump or forward at a time; a new speed ends it.
 *
 * A jump and a forward begin when no attempt is in flight, and what becomes due on the way has
 * ended before time moves on.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { MailClock } from '../base/mail-clock.ts';
import type { ClockDoor } from '../api/doors.ts';
import type { ClockChange, ClockStatus } from '../api/protocol.ts';
import { ApiProblem } from '../api/route.ts';
import { formatSpan } from '../base/span-words.ts';
import type { Queues } from '../queue/queues.ts';

/** Nearer to real time than this is real time. */
const REAL_TOLERANCE_MS = 1_500;

export interface MailClockDoorParts {
  readonly mailClock: MailClock;
  readonly clock: Clock;
  readonly queues: () => Queues;
  /** What happened on the way becomes durable: whoever asked for it reads all of it. */
  readonly flush: () => Promise<void>;
  /** Due times in every list are others now; resolves when the lists may be read again. */
  readonly onShift: () => Promise<void>;
  readonly onTrouble: (text: string) => void;
}

export class MailClockDoor implements ClockDoor {
  readonly #parts: MailClockDoorParts;
  #stop: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: MailClockDoorParts) {
    this.#parts = parts;
  }

  status(): ClockStatus {
    const { mailClock, clock } = this.#parts;
    const { speed, offsetMs, forwardUntilMs } = mailClock;
    return {
      nowMs: mailClock.now(),
      realMs: clock.now(),
      speed,
      offsetMs,
      forward: forwardUntilMs === null ? null : { untilMs: forwardUntilMs },
    };
  }

  /** @throws {ApiProblem} 409: a forward is under way, nothing is due, or a choice is missing */
  async change(request: ClockChange): Promise<ClockStatus> {
    if (request.stop === true || request.speed !== undefined) await this.close();
    if (request.speed !== undefined) this.#parts.mailClock.setSpeed(request.speed);
    if (request.reset !== undefined) await this.#reset(request.reset);
    const move = this.#moveOf(request);
    if (move !== null) {
      const moving = this.#begin(move);
      if (request.dontWait === true) moving.catch((error: unknown) => this.#trouble(error));
      else await moving;
    }
    return this.status();
  }

  /** Ends what is under way, after the event that is being handled. */
  async close(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  #moveOf({
    jumpToNextDue,
    forwardMs,
  }: ClockChange): ((signal: AbortSignal) => Promise<void>) | null {
    if (jumpToNextDue === true) {
      if (this.#parts.queues().lists.nextDueMs === null && this.#parts.queues().isQuiet) {
        throw new ApiProblem(
          409,
          'nothing-due',
          'Nothing waits in a queue, so nothing is due next',
        );
      }
      return (signal) => this.#jump(signal);
    }
    if (forwardMs === undefined) return null;
    return (signal) => this.#forward(forwardMs, signal);
  }

  /** @throws {ApiProblem} one is under way already; at once, not by the promise */
  #begin(move: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#stop !== null) {
      throw new ApiProblem(
        409,
        'clock-busy',
        'The clock is being taken forward already; stop that first, or wait for its end',
      );
    }
    const stop = new AbortController();
    this.#stop = stop;
    const moving = move(stop.signal).finally(() => (this.#stop = null));
    this.#running = moving.catch(() => undefined);
    return moving;
  }

  async #jump(signal: AbortSignal): Promise<void> {
    const queues = this.#parts.queues();
    await queues.whenQuiet(signal);
    // What was in flight may have decided on an earlier time than any that was known.
    const wakeMs = queues.lists.nextWakeMs;
    if (wakeMs === null || signal.aborted) return;
    await this.#forward(Math.max(0, wakeMs - this.#parts.mailClock.now()), signal);
  }

  async #forward(durationMs: number, signal: AbortSignal): Promise<void> {
    const queues = this.#parts.queues();
    await this.#parts.mailClock.forward(durationMs, {
      settled: (given) => queues.whenQuiet(given),
      signal,
    });
    await this.#parts.flush();
  }

  async #reset(how: NonNullable<ClockChange['reset']>): Promise<void> {
    const { mailClock, onShift } = this.#parts;
    const queues = this.#parts.queues();
    await this.close();
    if (how === 'stay') return mailClock.setSpeed(1);
    const { offsetMs } = mailClock;
    if (offsetMs < -REAL_TOLERANCE_MS) {
      // Behind: real time is ahead, and whatever is due on the way there happens.
      await this.#begin((signal) => this.#forward(-offsetMs, signal));
    } else if (how === 'ask' && offsetMs > REAL_TOLERANCE_MS && queues.lists.waitingCount > 0) {
      throw new ApiProblem(409, 'clock-ahead', aheadText(offsetMs, queues.lists.waitingCount));
    }
    await queues.whenQuiet();
    const byMs = -mailClock.reset();
    if (byMs === 0) return;
    queues.admin.shiftDue(byMs);
    await onShift();
  }

  #trouble(error: unknown): void {
    this.#parts.onTrouble(`the clock did not get there: ${toError(error).message}`);
  }
}

function aheadText(offsetMs: number, waitingCount: number): string {
  const waits = waitingCount === 1 ? '1 message waits' : `${waitingCount} messages wait`;
  return `The clock is ${formatSpan(offsetMs)} ahead of real time and ${waits}: either stay ahead, or shift their due times back by as much`;
}
