/**
 * Which element draws which row. A row that stays on screen keeps its element; one that comes in
 * takes the element of one that went, whose texts are exchanged. So a burst that replaces every row
 * builds nothing anew, and a single new row touches nothing but itself.
 */
export class RowSlots<K> {
  #slots = new Map<K, number>();
  #free: number[] = [];
  #count = 0;

  /** The slot of each key, in order; keys are different from one another. */
  assign(keys: readonly K[]): readonly number[] {
    const next = new Map<K, number>();
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined) continue;
      next.set(key, slot);
      this.#slots.delete(key);
    }
    // What is left belongs to rows that went.
    this.#free.push(...this.#slots.values());
    const slots = keys.map((key) => {
      const slot = next.get(key) ?? this.#free.pop() ?? this.#count++;
      next.set(key, slot);
      return slot;
    });
    this.#slots = next;
    return slots;
  }
}
