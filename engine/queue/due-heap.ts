/**
 * The waiting messages of one scheduled queue in due order: a binary heap of slots of the shared
 * `WaitingTable`, which also keeps each slot's position, so that any message can be taken out.
 */
import type { EpochMs } from '../base/clock.ts';
import type { IdSet, IdWords, Slot, WaitingTable } from './waiting-table.ts';

/** From so many on it is cheaper to sort all of them. */
const SORTED_COUNT_MIN = 2_000;

export class DueHeap {
  readonly #table: WaitingTable;
  #slots: Slot[] = [];

  constructor(table: WaitingTable) {
    this.#table = table;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** The earliest due time, or null when it is empty. */
  get nextDueMs(): EpochMs | null {
    const first = this.#slots[0];
    return first === undefined ? null : this.#table.due(first);
  }

  add(slot: Slot): void {
    this.#slots.push(slot);
    this.#up(this.#slots.length - 1);
  }

  /** Takes the earliest one that is due at `nowMs` out of the heap (not out of the table). */
  takeDue(nowMs: EpochMs): Slot | null {
    const first = this.#slots[0];
    if (first === undefined || this.#table.due(first) > nowMs) return null;
    this.remove(first);
    return first;
  }

  remove(slot: Slot): void {
    const index = this.#table.position(slot);
    const last = this.#slots.pop();
    if (last === undefined || last === slot) return;
    this.#place(index, last);
    this.#up(index);
    this.#down(this.#table.position(last));
  }

  /** Puts a slot where its changed due time belongs. */
  moved(slot: Slot): void {
    this.#up(this.#table.position(slot));
    this.#down(this.#table.position(slot));
  }

  /** Every slot, in no particular order. */
  slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Takes everything out at once. */
  drain(): Slot[] {
    const slots = this.#slots;
    this.#slots = [];
    return slots;
  }

  /** The `countMax` earliest slots in due order; the heap stays as it is. */
  earliest(countMax: number): Slot[] {
    if (countMax > SORTED_COUNT_MIN && this.#slots.length > SORTED_COUNT_MIN) {
      const compare = (a: Slot, b: Slot): number =>
        this.#table.due(a) - this.#table.due(b) || this.#table.rowSeq(a) - this.#table.rowSeq(b);
      return [...this.#slots].sort(compare).slice(0, countMax);
    }
    const found: Slot[] = [];
    // Candidates are positions whose parent was taken; few enough for a sorted insertion.
    const candidates: number[] = this.#slots.length > 0 ? [0] : [];
    while (found.length < countMax) {
      const position = candidates.shift();
      if (position === undefined) break;
      found.push(this.#slots[position] as Slot);
      for (const child of [2 * position + 1, 2 * position + 2]) {
        if (child < this.#slots.length) this.#insertSorted(candidates, child);
      }
    }
    return found;
  }

  find(words: IdWords): Slot | null {
    return this.#slots.find((slot) => this.#table.hasId(slot, words)) ?? null;
  }

  findAll(ids: IdSet): Slot[] {
    return this.#slots.filter((slot) => ids.has(this.#table, slot));
  }

  /** Adds `byMs` to every due time; the order stays. */
  shift(byMs: number): void {
    for (const slot of this.#slots) this.#table.setDue(slot, this.#table.due(slot) + byMs);
  }

  /** Gives everything the same due time. */
  level(dueMs: EpochMs): void {
    for (const slot of this.#slots) this.#table.setDue(slot, dueMs);
  }

  /**
   * Makes everything due within the second before `nowMs`, in the order it had: a monotone change
   * leaves a heap a heap.
   */
  pullDue(nowMs: EpochMs): void {
    let latest = -Infinity;
    for (const slot of this.#slots) latest = Math.max(latest, this.#table.due(slot));
    const first = this.nextDueMs ?? latest;
    if (latest <= nowMs) return;
    const scale = 1000 / Math.max(1000, latest - first);
    for (const slot of this.#slots) {
      this.#table.setDue(slot, nowMs - (latest - this.#table.due(slot)) * scale);
    }
  }

  #insertSorted(candidates: number[], position: number): void {
    const due = this.#dueAt(position);
    let low = 0;
    let high = candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#dueAt(candidates[middle] as number) <= due) low = middle + 1;
      else high = middle;
    }
    candidates.splice(low, 0, position);
  }

  #dueAt(position: number): EpochMs {
    return this.#table.due(this.#slots[position] as Slot);
  }

  #place(index: number, slot: Slot): void {
    this.#slots[index] = slot;
    this.#table.setPosition(slot, index);
  }

  #up(start: number): void {
    let index = start;
    const slot = this.#slots[index] as Slot;
    const due = this.#table.due(slot);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#slots[parentIndex] as Slot;
      if (!this.#isBefore(due, slot, parent)) break;
      this.#place(index, parent);
      index = parentIndex;
    }
    this.#place(index, slot);
  }

  #down(start: number): void {
    let index = start;
    const slots = this.#slots;
    const slot = slots[index] as Slot;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= slots.length) break;
      let child = slots[childIndex] as Slot;
      const right = slots[childIndex + 1];
      if (right !== undefined && this.#isBefore(this.#table.due(right), right, child)) {
        childIndex++;
        child = right;
      }
      if (!this.#isBefore(this.#table.due(child), child, slot)) break;
      this.#place(index, child);
      index = childIndex;
    }
    this.#place(index, slot);
  }

  /** Equal due times go in order of arrival. */
  #isBefore(due: EpochMs, slot: Slot, other: Slot): boolean {
    const otherDue = this.#table.due(other);
    return (
      due < otherDue || (due === otherDue && this.#table.rowSeq(slot) < this.#table.rowSeq(other))
    );
  }
}
