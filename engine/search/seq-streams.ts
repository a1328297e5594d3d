/**
 * Sets of rows as streams of their numbers, in the direction of the list. A stream only has to say
 * which member comes next at or after a number, so conditions are joined by leaping: each stream
 * skips to the farthest of the others, and a common word with a rare state costs as little as the
 * rare one alone.
 *
 * Source: Veldhuizen, "Leapfrog Triejoin" (2012), the join of one variable.
 */
import type { StatementSync } from 'node:sqlite';

/** `older`: numbers fall; `newer`: numbers rise. */
export type Direction = 'older' | 'newer';

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

/** Members read one after the other before they are asked for anew from farther on. */
const WALK_MAX = 2_000;

/** Members in order, from any number on. */
export type Walk = (from: number) => Iterator<number>;

/** A stream of what can be walked: reads on while the goal is near, else starts anew there. */
export class WalkStream implements SeqStream {
  readonly #walk: Walk;
  readonly #direction: Direction;
  #members: Iterator<number> | null = null;
  /** The member that was read last; null at the end. */
  #head: number | null | undefined = undefined;

  constructor(walk: Walk, direction: Direction) {
    this.#walk = walk;
    this.#direction = direction;
  }

  seek(seq: number): number | null {
    for (let walked = 0; this.#head !== null; walked++) {
      if (this.#head !== undefined && !isBefore(this.#head, seq, this.#direction)) break;
      if (this.#members === null || walked === WALK_MAX) {
        this.#members?.return?.();
        this.#members = this.#walk(seq);
      }
      const next = this.#members.next();
      this.#head = next.done ? null : next.value;
    }
    return this.#head ?? null;
  }

  close(): void {
    this.#members?.return?.();
    this.#members = null;
    this.#head = null;
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
  return function* (from) {
    for (const row of prepare().iterate(...params, from)) yield Number(row['seq']);
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
  readonly #direction: Direction;

  constructor(all: readonly SeqStream[], none: readonly SeqStream[], direction: Direction) {
    this.#all = all;
    this.#none = none;
    this.#direction = direction;
  }

  seek(seq: number): number | null {
    for (let at = seq; ;) {
      const common = this.#common(at);
      if (common === null) return null;
      if (this.#none.every((stream) => stream.seek(common) !== common)) return common;
      at = step(common, this.#direction);
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
