/** The mail clock of a workspace: resumes at the offset and speed it had; its changes are kept. */
import type { Clock } from '../base/clock.ts';
import { MailClock } from '../base/mail-clock.ts';
import type { MailClockState } from '../base/mail-clock.ts';
import type { ClockDoor } from '../api/doors.ts';
import type { ClockStatus } from '../api/protocol.ts';
import type { Queues } from '../queue/queues.ts';
import type { Store } from '../store/store.ts';

const SETTING = 'mailClock';

/** @param store already open: it has the state */
export function resumeMailClock(real: Clock, store: Store): MailClock {
  const stored = store.getSetting(SETTING);
  const clock = new MailClock(
    real,
    stored === undefined ? null : (JSON.parse(stored) as MailClockState),
  );
  clock.onChange(() => store.setSetting(SETTING, JSON.stringify(clock)));
  return clock;
}

export class MailClockDoor implements ClockDoor {
  readonly #clock: MailClock;
  readonly #real: Clock;
  readonly #queues: () => Queues;

  constructor(clock: MailClock, real: Clock, queues: () => Queues) {
    this.#clock = clock;
    this.#real = real;
    this.#queues = queues;
  }

  status(): ClockStatus {
    const { speed, offsetMs } = this.#clock;
    return { nowMs: this.#clock.now(), realMs: this.#real.now(), speed, offsetMs };
  }

  /** A jump waits until no attempt is in flight; what becomes due runs before this resolves. */
  async change(request: Parameters<ClockDoor['change']>[0]): Promise<ClockStatus> {
    const queues = this.#queues();
    const settled = (): Promise<void> => queues.whenQuiet();
    if (request.speed !== undefined) this.#clock.setSpeed(request.speed);
    if (request.jumpToNextDue === true) {
      const { nextDueMs } = queues.lists;
      const waitMs = nextDueMs === null ? 0 : nextDueMs - this.#clock.now();
      if (waitMs > 0) await this.#clock.forward(waitMs, { settled });
    }
    if (request.forwardMs !== undefined) await this.#clock.forward(request.forwardMs, { settled });
    if (request.reset === true) {
      await settled();
      queues.admin.shiftDue(-this.#clock.reset());
    }
    return this.status();
  }
}
