/**
 * Sets of rows as streams of their numbers, in the direction of the list. A stream only has to say
 * which member comes next at or after a number, so conditions are joined by leaping: each stream
 * skips to the farthest of the others, and a common word with a rare state costs as little as the
 * rare one alone.
 *
 * Source: Veldhuizen, "Leapfrog Triejoin" (2012), the join of one variable.
 */
import type { StatementSync } from 'node:sqlite';
import type { Clock, MonotonicMs } from '../base/clock.ts';

/** `older`: numbers fall; `newer`: numbers rise. */
export type Direction = 'older' | 'newer';

/**
 * How long an answer may take. When it is over, streams stop where they are: what they return is
 * then only a place up to which there is nothing, not a member.
 */
export class Budget {
  readonly #clock: Clock;
  #deadline: MonotonicMs;
  #steps = 0;
  #isOver = false;

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#deadline = clock.monotonic() + budgetMs;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Counts a step of work; the clock is looked at now and then. */
  spend(): void {
    if (++this.#steps % 256 === 0) this.#isOver = this.#clock.monotonic() > this.#deadline;
  }

  /** A new time from now on, for another part of the answer. */
  renew(budgetMs: number): void {
    this.#deadline = this.#clock.monotonic() + budgetMs;
    this.#isOver = false;
  }
}

export interface SeqStream {
  /** The first member at or beyond `seq`; null when there is none. Calls only move on. */
  seek(seq: number): number | null;
  close(): void;
}

/** Whether `a` comes before `b` in this direction. */
function isBefore(a: number, b: number, direction: Direction): boolean {
  return direction === 'older' ? a > b : a < b;
}

export function step(seq: number, direction: Direction): number {
  return direction === 'older' ? seq - 1 : seq + 1;
}

/**
 * Members in order, from any number on. A walk that passes many numbers without a member yields
 * some of them with a minus sign, so that it can be stopped there.
 */
export type Walk = (from: number) => Iterator<number>;

export interface WalkOptions {
  readonly direction: Direction;
  readonly budget: Budget;
  /** Members read one after the other before the walk starts anew farther on; default 2,000. */
  readonly restartAfter?: number;
}

/** A stream of what can be walked: reads on while the goal is near, else starts anew there. */
export class WalkStream implements SeqStream {
  readonly #walk: Walk;
  readonly #options: WalkOptions;
  #members: Iterator<number> | null = null;
  /** What was read last; negative when it is no member, null at the end. */
  #head: number | null | undefined = undefined;

  constructor(walk: Walk, options: WalkOptions) {
    this.#walk = walk;
    this.#options = options;
  }

  seek(seq: number): number | null {
    const { direction, budget, restartAfter = 2_000 } = this.#options;
    for (let walked = 0; this.#head !== null; walked++) {
      const head = this.#head;
      if (head !== undefined && head > 0 && !isBefore(head, seq, direction)) return head;
      budget.spend();
      if (budget.isOver) return this.#passed(seq);
      if (this.#members === null || walked === restartAfter) {
        this.#members?.return?.();
        this.#members = this.#walk(seq);
      }
      const next = this.#members.next();
      this.#head = next.done ? null : next.value;
    }
    return null;
  }

  close(): void {
    this.#members?.return?.();
    this.#members = null;
    this.#head = null;
  }

  /** The place up to which there is no member at or beyond `seq`. */
  #passed(seq: number): number {
    const head = Math.abs(this.#head ?? seq);
    return isBefore(head, seq, this.#options.direction) ? seq : head;
  }
}

/**
 * The walk of a query whose last parameter is the number to start at.
 * @param prepare a statement of its own: two walks must not share one
 */
export function queryWalk(
  prepare: () => StatementSync,
  params: readonly (string | number)[],
): Walk {
  let statement: StatementSync | null = null;
  return function* (from) {
    statement ??= prepare();
    for (const row of statement.iterate(...params, from)) yield Number(row['seq']);
  };
}

/** Members of any of the streams. */
export class UnionStream implements SeqStream {
  readonly #streams: readonly SeqStream[];
  readonly #direction: Direction;

  constructor(streams: readonly SeqStream[], direction: Direction) {
    this.#streams = streams;
    this.#direction = direction;
  }

  seek(seq: number): number | null {
    let first: number | null = null;
    for (const stream of this.#streams) {
      const found = stream.seek(seq);
      if (found === null) continue;
      if (first === null || isBefore(found, first, this.#direction)) first = found;
    }
    return first;
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}

/** Members of every one of `all` and of none of `none`. `all` must not be empty. */
export class JoinStream implements SeqStream {
  readonly #all: readonly SeqStream[];
  readonly #none: readonly SeqStream[];
  readonly #options: WalkOptions;
  /** Where the budget ended the last `seek`: everything before it was looked at. */
  stoppedAt: number | null = null;

  constructor(all: readonly SeqStream[], none: readonly SeqStream[], options: WalkOptions) {
    this.#all = all;
    this.#none = none;
    this.#options = options;
  }

  /** Null also when the budget is over; then `stoppedAt` says where. */
  seek(seq: number): number | null {
    const { direction, budget } = this.#options;
    this.stoppedAt = null;
    for (let at = seq; ;) {
      const common = this.#common(at);
      if (common === null) return null;
      const isExcluded = this.#none.some((stream) => stream.seek(common) === common);
      if (budget.isOver) this.stoppedAt = common;
      if (this.stoppedAt !== null) return null;
      if (!isExcluded) return common;
      at = step(common, direction);
    }
  }

  close(): void {
    for (const stream of [...this.#all, ...this.#none]) stream.close();
  }

  #common(seq: number): number | null {
    let at = seq;
    for (let agreed = 0; agreed < this.#all.length;) {
      agreed = 0;
      for (const stream of this.#all) {
        const found = stream.seek(at);
        if (this.#options.budget.isOver) {
          this.stoppedAt = found;
          return found;
        }
        if (found === null) return null;
        if (found === at) agreed++;
        else at = found;
      }
    }
    return at;
  }
}

/** No row at all: a name that nothing has. */
export const EMPTY_STREAM: SeqStream = { seek: () => null, close: () => undefined };
