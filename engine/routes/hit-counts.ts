/**
 * How often each route decided, and what became of it last. In memory; written beside the store at
 * most every two seconds and at the stop, so that counting costs a message nothing.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Clock, EpochMs, Timer } from '../base/clock.ts';

const SAVE_AFTER_MS = 2_000;
const TEXT_MAX = 200;

export interface RouteOutcome {
  readonly code: number | null;
  readonly text: string;
  readonly state: string;
  readonly atMs: EpochMs;
}

export interface RouteCount {
  hits: number;
  last: RouteOutcome | null;
}

const savedSchema = z.record(
  z.string(),
  z.object({
    hits: z.int(),
    last: z
      .object({
        code: z.int().nullable(),
        text: z.string(),
        state: z.string(),
        atMs: z.number(),
      })
      .nullable(),
  }),
);

export class HitCounts {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #onTrouble: (text: string) => void;
  readonly #counts: Map<string, RouteCount>;
  #timer: Timer | null = null;

  constructor(file: string, clock: Clock, onTrouble: (text: string) => void) {
    this.#file = file;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    this.#counts = new Map(Object.entries(readSaved(file)));
  }

  of(name: string): Readonly<RouteCount> {
    return this.#counts.get(name) ?? { hits: 0, last: null };
  }

  hit(name: string): void {
    this.#entry(name).hits++;
    this.#saveSoon();
  }

  outcome(name: string, outcome: RouteOutcome): void {
    this.#entry(name).last = { ...outcome, text: outcome.text.slice(0, TEXT_MAX) };
    this.#saveSoon();
  }

  rename(from: string, to: string): void {
    const count = this.#counts.get(from);
    if (count === undefined) return;
    this.#counts.delete(from);
    this.#counts.set(to, count);
    this.#saveSoon();
  }

  forget(name: string): void {
    if (this.#counts.delete(name)) this.#saveSoon();
  }

  close(): void {
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#save();
  }

  #entry(name: string): RouteCount {
    let entry = this.#counts.get(name);
    if (entry === undefined) this.#counts.set(name, (entry = { hits: 0, last: null }));
    return entry;
  }

  #saveSoon(): void {
    this.#timer ??= this.#clock.timer(SAVE_AFTER_MS, () => this.#save());
  }

  #save(): void {
    this.#timer = null;
    const next = `${this.#file}.next`;
    try {
      writeFileSync(next, JSON.stringify(Object.fromEntries(this.#counts)), { mode: 0o600 });
      renameSync(next, this.#file);
    } catch (error) {
      this.#onTrouble(`Cannot save the counts of routes: ${(error as Error).message}`);
    }
  }
}

/** Counts are a convenience: a file that is missing or damaged begins at zero. */
function readSaved(file: string): z.output<typeof savedSchema> {
  try {
    return savedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
