/**
 * KumoMTA's epoch monitor, for strict mode: every ten seconds the files that the policy's globs name
 * are compared with what they were. The first look counts as a change, too.
 *
 * Source: reference `lua-api.md` §1.4.
 */
import { globSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';
import { digestOfFiles } from './file-digest.ts';
import type { PolicyWorld } from './policy-world.ts';

const PERIOD_MS = 10_000;

export class EpochMonitor {
  readonly #world: PolicyWorld;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #timer: Timer | null = null;
  #digest = '';
  #isClosed = false;

  constructor(world: PolicyWorld, clock: Clock, onChange: () => void) {
    this.#world = world;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  start(): void {
    this.#timer = this.#clock.timer(PERIOD_MS, () => void this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const globs = this.#world.monitorGlobs.map((glob) => this.#world.realGlob(glob));
    const digest = await digestOfFiles(globs.flatMap((glob) => globSync(glob)));
    if (this.#isClosed) return;
    if (digest !== this.#digest) {
      this.#digest = digest;
      this.#onChange();
    }
    this.start();
  }
}
