/**
 * Idle contexts of the present generation of the policy, first in, first out. A context works on
 * one event at a time and comes back only when that succeeded; it is retired after so many uses, so
 * much time, when the config epoch moved on, or when it has grown too large.
 *
 * Source: reference `lua-api.md` §1.3, §1.4.
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { ContextFactory } from './context-factory.ts';
import type { PolicyContext } from './policy-context.ts';
import type { PolicySource } from './policy-source.ts';
import type { PolicyWorld } from './policy-world.ts';

/** Idle contexts kept, whatever the policy allows: each holds some megabytes. */
const SPARE_COUNT_MAX = 64;
/** A context whose memory grew above this is not kept: wasm memory never shrinks. */
const KEPT_MEMORY_BYTES_MAX = 96 * 1024 * 1024;

export class ContextPool {
  readonly source: PolicySource;
  readonly #factory: ContextFactory;
  readonly #world: PolicyWorld;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #spares: PolicyContext[] = [];
  #isClosed = false;

  constructor(
    source: PolicySource,
    parts: { factory: ContextFactory; world: PolicyWorld; clock: Clock; random: Random },
  ) {
    this.source = source;
    this.#factory = parts.factory;
    this.#world = parts.world;
    this.#clock = parts.clock;
    this.#random = parts.random;
  }

  get spareCount(): number {
    return this.#spares.length;
  }

  /** An idle context, or a new one. */
  take(): PolicyContext | Promise<PolicyContext> {
    for (;;) {
      const spare = this.#spares.shift();
      if (!spare) return this.#factory.create(this.source);
      if (this.#isUsable(spare)) return spare;
      this.#factory.dispose(spare);
    }
  }

  /** Gives a context back after a success. */
  put(context: PolicyContext): void {
    context.recorder = null;
    context.useCount++;
    const { tuning } = this.#world;
    const isFull = this.#spares.length >= Math.min(tuning.spareContextsMax, SPARE_COUNT_MAX);
    if (this.#isClosed || isFull || !this.#isSound(context)) {
      this.#factory.dispose(context);
      return;
    }
    const { collectPercent } = tuning;
    if (collectPercent > 0 && this.#random.next() * 100 < collectPercent) context.lua.collect();
    else context.lua.collectIfDue();
    this.#spares.push(context);
  }

  /** Ends a context that an error came out of. */
  discard(context: PolicyContext): void {
    this.#factory.dispose(context);
  }

  /** Ends all idle contexts; those at work end when they come back. */
  clear(): void {
    for (const spare of this.#spares.splice(0)) this.#factory.dispose(spare);
  }

  close(): void {
    this.#isClosed = true;
    this.clear();
  }

  #isUsable(context: PolicyContext): boolean {
    const ageMs = this.#clock.monotonic() - context.createdMs;
    return ageMs < this.#world.tuning.contextAgeMsMax && this.#isSound(context);
  }

  #isSound(context: PolicyContext): boolean {
    return (
      context.lua.fatal === null &&
      context.epoch === this.#world.epoch &&
      context.useCount < this.#world.tuning.contextUsesMax &&
      context.lua.memoryBytes <= KEPT_MEMORY_BYTES_MAX
    );
  }
}
