/**
 * A million waiting messages as columns of numbers: about 50 bytes each instead of an object.
 * A slot holds what the due order needs (row, id, due time, attempts, why); everything else is in
 * the store and is loaded when the message is due.
 *
 * `WaitingTable` is shared by all scheduled queues; each queue orders its own slots in a `DueHeap`
 * (`due-heap.ts`), which keeps its positions here.
 *
 * Invariant: a slot is either in exactly one heap or in the free list.
 */
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { INSERT_REASONS } from './insert-reason.ts';
import type { InsertReason } from './insert-reason.ts';

/** Index of a waiting message in the table. Reused after `remove`. */
export type Slot = number;

export interface WaitingEntry {
  readonly id: SpoolId;
  readonly rowSeq: number;
  readonly dueMs: EpochMs;
  readonly numAttempts: number;
  /** The last reason of its insertion. */
  readonly reason: InsertReason | null;
}

const CAPACITY_MIN = 1024;
const NONE = 0xffff_ffff;
const NO_REASON = 0xff;
const ATTEMPT_COUNT_MAX = 0xffff;

export class WaitingTable {
  #due = new Float64Array(CAPACITY_MIN);
  #rowSeq = new Float64Array(CAPACITY_MIN);
  /** Four words per slot, in the order of the printed id. */
  #id = new Uint32Array(CAPACITY_MIN * 4);
  /** Position in the heap, or the next free slot. */
  #position = new Uint32Array(CAPACITY_MIN);
  #attempts = new Uint16Array(CAPACITY_MIN);
  #reason = new Uint8Array(CAPACITY_MIN);
  #used = 0;
  #firstFree = NONE;
  #count = 0;

  /** Messages that wait, in all queues. */
  get count(): number {
    return this.#count;
  }

  /** Memory of the columns, for the bench and the status page. */
  get byteLength(): number {
    return [this.#due, this.#rowSeq, this.#id, this.#position, this.#attempts, this.#reason].reduce(
      (sum, column) => sum + column.byteLength,
      0,
    );
  }

  add(entry: WaitingEntry): Slot {
    const slot = this.#take();
    this.#due[slot] = entry.dueMs;
    this.#rowSeq[slot] = entry.rowSeq;
    writeId(this.#id, slot * 4, entry.id);
    this.#attempts[slot] = Math.min(entry.numAttempts, ATTEMPT_COUNT_MAX);
    this.#reason[slot] = entry.reason === null ? NO_REASON : INSERT_REASONS.indexOf(entry.reason);
    this.#count++;
    return slot;
  }

  remove(slot: Slot): void {
    this.#position[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.#count--;
  }

  entry(slot: Slot): WaitingEntry {
    return {
      id: this.id(slot),
      rowSeq: this.rowSeq(slot),
      dueMs: this.due(slot),
      numAttempts: this.attempts(slot),
      reason: this.reason(slot),
    };
  }

  id(slot: Slot): SpoolId {
    return readId(this.#id, slot * 4);
  }

  hasId(slot: Slot, words: IdWords): boolean {
    const at = slot * 4;
    return (
      this.#id[at] === words[0] &&
      this.#id[at + 1] === words[1] &&
      this.#id[at + 2] === words[2] &&
      this.#id[at + 3] === words[3]
    );
  }

  firstWord(slot: Slot): number {
    return this.#id[slot * 4] ?? 0;
  }

  rowSeq(slot: Slot): number {
    return this.#rowSeq[slot] ?? 0;
  }

  due(slot: Slot): EpochMs {
    return this.#due[slot] ?? 0;
  }

  setDue(slot: Slot, dueMs: EpochMs): void {
    this.#due[slot] = dueMs;
  }

  attempts(slot: Slot): number {
    return this.#attempts[slot] ?? 0;
  }

  reason(slot: Slot): InsertReason | null {
    return INSERT_REASONS[this.#reason[slot] ?? NO_REASON] ?? null;
  }

  /** When the message was made, to the millisecond: its id says it. */
  createdMs(slot: Slot): EpochMs {
    const at = slot * 4;
    const low = this.#id[at] ?? 0;
    const middle = this.#id[at + 1] ?? 0;
    const high = (middle & 0x0fff) * 65_536 + (middle >>> 16);
    return (high * 4_294_967_296 + low) / 10_000 - UUID_EPOCH_OFFSET_MS;
  }

  position(slot: Slot): number {
    return this.#position[slot] ?? NONE;
  }

  setPosition(slot: Slot, position: number): void {
    this.#position[slot] = position;
  }

  #take(): Slot {
    if (this.#firstFree !== NONE) {
      const slot = this.#firstFree;
      this.#firstFree = this.#position[slot] ?? NONE;
      return slot;
    }
    if (this.#used === this.#due.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const capacity = this.#due.length * 2;
    this.#due = copyInto(new Float64Array(capacity), this.#due);
    this.#rowSeq = copyInto(new Float64Array(capacity), this.#rowSeq);
    this.#id = copyInto(new Uint32Array(capacity * 4), this.#id);
    this.#position = copyInto(new Uint32Array(capacity), this.#position);
    this.#attempts = copyInto(new Uint16Array(capacity), this.#attempts);
    this.#reason = copyInto(new Uint8Array(capacity), this.#reason);
  }
}

/** The 16 bytes of a spool id as numbers, to look for it without making texts. */
export type IdWords = readonly [number, number, number, number];

export function idWords(id: SpoolId): IdWords {
  const word = (n: number): number => Number.parseInt(id.slice(n * 8, n * 8 + 8), 16);
  return [word(0), word(1), word(2), word(3)];
}

/** Many ids to look for in one pass. */
export class IdSet {
  readonly #byFirstWord = new Map<number, IdWords[]>();

  constructor(ids: readonly SpoolId[]) {
    for (const id of ids) {
      const words = idWords(id);
      const same = this.#byFirstWord.get(words[0]);
      if (same === undefined) this.#byFirstWord.set(words[0], [words]);
      else same.push(words);
    }
  }

  has(table: WaitingTable, slot: Slot): boolean {
    const same = this.#byFirstWord.get(table.firstWord(slot));
    return same !== undefined && same.some((words) => table.hasId(slot, words));
  }
}

/** Milliseconds between 1582-10-15 (UUID version 1) and 1970-01-01. */
const UUID_EPOCH_OFFSET_MS = 12_219_292_800_000;

function writeId(column: Uint32Array, at: number, id: SpoolId): void {
  column.set(idWords(id), at);
}

function readId(column: Uint32Array, at: number): SpoolId {
  let text = '';
  for (let i = 0; i < 4; i++) text += (column[at + i] ?? 0).toString(16).padStart(8, '0');
  return text as SpoolId;
}

function copyInto<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
