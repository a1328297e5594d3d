/**
 * Where the keyboard stands in a list and what is selected there. Keys, not places: rows may come in
 * above without moving either. Every list of the window has one, so `j`, `k` and `x` mean the same
 * everywhere.
 */
import { SvelteSet } from 'svelte/reactivity';

export interface ListSource<K> {
  count(): number;
  keyAt(index: number): K | null;
  /** -1 when the list does not hold it (any more). */
  indexOf(key: K): number;
  /** Keys between two keys, both included, as far as they are in memory. */
  between(left: K, right: K): readonly K[];
  /** Loads a far place before the cursor goes there. */
  ensure?(index: number): Promise<void>;
}

export type Extend = 'only' | 'extend';

export class ListCursor<K> {
  readonly #source: ListSource<K>;
  readonly selected = new SvelteSet<K>();
  #current = $state.raw<K | null>(null);
  #anchor: K | null = null;
  #reveal = $state.raw({ index: 0, turn: 0 });
  /** Where the cursor was last: when its row leaves, it goes to what stands there now. */
  #place = 0;

  constructor(source: ListSource<K>) {
    this.#source = source;
  }

  get current(): K | null {
    return this.#current;
  }
  /** The view scrolls this place into sight whenever `turn` changes. */
  get reveal(): { readonly index: number; readonly turn: number } {
    return this.#reveal;
  }

  /** What an action on "the rows" means: the selected ones, else the one under the cursor. */
  get chosen(): readonly K[] {
    if (this.selected.size > 0) return [...this.selected];
    return this.#current === null ? [] : [this.#current];
  }

  /** @param by rows down, negative for up */
  async move(by: number, extend: Extend = 'only'): Promise<void> {
    const from = this.#current === null ? -1 : this.#source.indexOf(this.#current);
    if (from < 0) return this.goTo(this.#current === null ? 0 : this.#place, extend);
    return this.goTo(from + by, extend);
  }

  async goTo(index: number, extend: Extend = 'only'): Promise<void> {
    const place = Math.max(0, Math.min(this.#source.count() - 1, index));
    if (this.#source.count() === 0) return;
    this.#show(place);
    if (this.#source.keyAt(place) === null) await this.#source.ensure?.(place);
    const key = this.#source.keyAt(place);
    if (key !== null) this.put(key, extend);
    this.#show(place);
  }

  /** Puts the cursor on a row without scrolling to it: a click. */
  put(key: K, extend: Extend = 'only'): void {
    const before = this.#current;
    this.#current = key;
    this.#place = Math.max(0, this.#source.indexOf(key));
    if (extend === 'only') this.#anchor = key;
    else this.#selectFrom(this.#anchor ?? before ?? key, key);
  }

  /** Puts it there and shows it: opened from elsewhere. */
  show(key: K): void {
    this.put(key);
    this.#show(this.#place);
  }

  toggle(key: K | null = this.#current): void {
    if (key === null) return;
    if (!this.selected.delete(key)) this.selected.add(key);
    this.#anchor = key;
  }

  selectAll(keys: readonly K[]): void {
    this.selected.clear();
    for (const key of keys) this.selected.add(key);
  }

  clearSelection(): void {
    this.selected.clear();
  }

  clear(): void {
    this.selected.clear();
    this.#current = null;
    this.#anchor = null;
  }

  /**
   * The row under the cursor has left: the one that took its place is next.
   * @param goneAbove rows that left above it at the same time
   */
  stepOff(goneAbove: number): void {
    const index = Math.min(this.#place - goneAbove, this.#source.count() - 1);
    this.#place = Math.max(0, index);
    this.#current = index < 0 ? null : this.#source.keyAt(index);
    this.#anchor = this.#current;
  }

  /**
   * The list became another one: what it does not show any more is neither under the cursor nor
   * selected, so that no action is about rows that nobody sees.
   */
  keepHeld(): void {
    const isGone = (key: K): boolean => this.#source.indexOf(key) < 0;
    for (const key of [...this.selected]) if (isGone(key)) this.selected.delete(key);
    if (this.#current === null || !isGone(this.#current)) return;
    this.#current = null;
    this.#anchor = null;
    this.#place = 0;
  }

  #selectFrom(anchor: K, key: K): void {
    this.selected.clear();
    for (const between of this.#source.between(anchor, key)) this.selected.add(between);
    this.#anchor = anchor;
  }

  #show(index: number): void {
    this.#place = index;
    this.#reveal = { index, turn: this.#reveal.turn + 1 };
  }
}
