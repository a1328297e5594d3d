/** Watches the policy's folder; a save, however many files it touches, is one reload. */
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import type { Clock, Timer } from '../base/clock.ts';

const SETTLE_MS = 80;
const WATCHED = /\.(lua|json|toml|yaml)$/;

export class PolicyReloader {
  readonly #watcher: FSWatcher;
  readonly #clock: Clock;
  readonly #reload: () => Promise<void>;
  #timer: Timer | null = null;
  #running: Promise<void> = Promise.resolve();

  private constructor(folder: string, clock: Clock, reload: () => Promise<void>) {
    this.#clock = clock;
    this.#reload = reload;
    this.#watcher = watch(folder, { ignoreInitial: true, depth: 4 });
    this.#watcher.on('all', (_event, path) => {
      if (WATCHED.test(path)) this.#arm();
    });
  }

  static watch(folder: string, clock: Clock, reload: () => Promise<void>): PolicyReloader {
    return new PolicyReloader(folder, clock, reload);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#watcher.close();
    await this.#running;
  }

  /** Reloads follow one another; a save during one leads to another. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(SETTLE_MS, () => {
      this.#timer = null;
      this.#running = this.#running.then(() => this.#reload()).catch(() => {});
    });
  }
}
