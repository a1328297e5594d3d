/**
 * The bytes of one connection's replies, in order, in the manner a scenario wants: dripping, twice,
 * or after the reply that comes next. Waits are real time, and all of them end with `stop`.
 *
 * Invariant: a reply leaves only when all before it have left, except one that is held back.
 */
import type { Clock, Timer } from '../base/clock.ts';

interface ReplyManner {
  /** Between two bytes; 0: all at once. */
  readonly dripMs: number;
  readonly isTwice: boolean;
  readonly isHeldBack: boolean;
}

/** A reply that is held back goes out after this long if no other comes. */
const HOLD_MS = 50;

interface Piece {
  readonly bytes: Uint8Array;
  readonly dripMs: number;
}

export class ReplyWriter {
  readonly #clock: Clock;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #pieces: Piece[] = [];
  readonly #whenIdle: (() => void)[] = [];
  #held: Piece[] = [];
  #timer: Timer | null = null;
  #holdTimer: Timer | null = null;
  #isStopped = false;

  /** @param write to the socket, whichever it is at that moment */
  constructor(clock: Clock, write: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  get isIdle(): boolean {
    return this.#pieces.length === 0 && this.#held.length === 0;
  }

  send(bytes: Uint8Array, manner: ReplyManner): void {
    if (this.#isStopped) return;
    const whole = manner.isTwice ? Buffer.concat([bytes, bytes]) : bytes;
    const piece = { bytes: whole, dripMs: manner.dripMs };
    if (manner.isHeldBack) {
      this.#held.push(piece);
      this.#holdTimer ??= this.#clock.timer(HOLD_MS, () => this.#release());
      return;
    }
    this.#pieces.push(piece);
    this.#release();
  }

  /** Runs when everything has left; at once when nothing waits. */
  whenIdle(callback: () => void): void {
    if (this.isIdle) callback();
    else this.#whenIdle.push(callback);
  }

  /** Nothing is sent any more; who waited for the end is not called. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#holdTimer?.cancel();
    this.#pieces.length = 0;
    this.#held = [];
    this.#whenIdle.length = 0;
  }

  #release(): void {
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
    this.#pieces.push(...this.#held);
    this.#held = [];
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== null || this.#isStopped) return;
    for (;;) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      if (piece.dripMs > 0) return this.#drip(piece, 0);
      this.#pieces.shift();
      this.#write(piece.bytes);
    }
    for (const callback of this.#whenIdle.splice(0)) callback();
  }

  #drip(piece: Piece, from: number): void {
    this.#write(piece.bytes.subarray(from, from + 1));
    this.#timer = this.#clock.timer(piece.dripMs, () => {
      this.#timer = null;
      if (from + 1 < piece.bytes.byteLength) return this.#drip(piece, from + 1);
      this.#pieces.shift();
      this.#pump();
    });
  }
}
