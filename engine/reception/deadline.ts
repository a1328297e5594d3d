/**
 * The time that may pass between the end of a body and its reply (`data_processing_timeout`). When
 * it is over the client gets its answer, whatever is still running; what is still running stops at
 * its next step.
 */
import type { Clock } from '../base/clock.ts';
import { reply } from '../mail/smtp-reply.ts';
import { SmtpReplyError } from '../mail/smtp-reply-error.ts';

export type ProcessingStage = 'rx' | 'resolve' | 'spool' | 'insert';

export class Deadline {
  #stage: ProcessingStage = 'rx';
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @throws {SmtpReplyError} the time was over before this stage could begin */
  enter(stage: ProcessingStage): void {
    if (this.#isOver) throw this.error();
    this.#stage = stage;
  }

  expire(): SmtpReplyError {
    this.#isOver = true;
    return this.error();
  }

  error(): SmtpReplyError {
    const text = `4.4.5 data_processing_timeout exceeded (${this.#stage})`;
    return new SmtpReplyError(reply(451, text), { fault: 'server' });
  }
}

/** @throws {SmtpReplyError} 451 when `work` has not settled after `limitMs` */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline();
  let stopTimer = (): void => {};
  const over = new Promise<never>((_, reject) => {
    const timer = clock.timer(limitMs, () => reject(deadline.expire()));
    stopTimer = () => timer.cancel();
  });
  try {
    return await Promise.race([work(deadline), over]);
  } finally {
    stopTimer();
  }
}
