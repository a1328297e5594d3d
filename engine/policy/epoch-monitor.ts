/**
 * KumoMTA's epoch monitor, for strict mode: every ten seconds the files that the policy's globs name
 * (`/opt/kumomta/etc` unless it sets others) are compared with what they were. The first look that
 * finds any counts as a change, too.
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
  /** Nothing is what nothing was. */
  #digest: string | null = null;
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
    const files = this.#world.monitorGlobs.flatMap((glob) => globSync(glob));
    const digest = files.length === 0 ? null : await digestOfFiles(files);
    if (this.#isClosed) return;
    if (digest !== this.#digest) {
      this.#digest = digest;
      this.#onChange();
    }
    this.start();
  }
}
