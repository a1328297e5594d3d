/**
 * Why the process begins anew, and what the next run is told: somebody asked, or Lua that no budget
 * stops had to be cut off (`policy/stuck-watch.ts`). Beginning anew itself is the command's matter.
 */
import { StuckWatch } from '../policy/stuck-watch.ts';
import type { StuckNote } from '../policy/stuck-watch.ts';
import type { EngineCore } from './engine-core.ts';
import type { EarlierAddresses, Listeners } from './listeners.ts';

/** Lua at work on one call for this long hangs: its own budget is over after half of that. */
const HANG_MS = 10_000;
/** Until the answer to whoever asked is on its way. */
const PAUSE_MS = 50;

/** The process is to begin anew. */
export interface Restart {
  /** Asked for: stop gracefully first. Hang: the policy was cut off, nothing can be relied upon. */
  readonly cause: 'asked for' | 'hang';
  readonly addresses: EarlierAddresses;
  /** Null: the window was not served yet. */
  readonly token: string | null;
}

export interface RestartsParts {
  readonly core: EngineCore;
  readonly listeners: Listeners;
  /** Where a hang is noted for the next run. */
  readonly noteFile: string;
  /** How the run before this one ended, when it hung. */
  readonly stuck: StuckNote | null;
  /** The window's. */
  readonly token: () => string | null;
  readonly onRestart: (restart: Restart) => void;
}

export class Restarts {
  readonly #parts: RestartsParts;
  #watch: StuckWatch | null = null;

  constructor(parts: RestartsParts) {
    this.#parts = parts;
  }

  watchForHangs(): void {
    const { core, noteFile, stuck } = this.#parts;
    this.#watch = StuckWatch.start(
      {
        heartbeat: core.policy.heartbeat.buffer,
        noteFile,
        patienceMs: HANG_MS,
        earlier: stuck,
      },
      ({ event }) => {
        core.options.diagnostics.announce(`restarting: the policy hangs in ${event}`);
        this.#restart('hang');
      },
    );
  }

  /** Somebody asked. */
  soon(): void {
    this.#parts.core.options.clock.timer(PAUSE_MS, () => this.#restart('asked for'));
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  #restart(cause: Restart['cause']): void {
    const { listeners, token, onRestart } = this.#parts;
    onRestart({ cause, addresses: listeners.carried, token: token() });
  }
}
