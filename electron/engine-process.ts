/**
 * The engine as a child process: start, ready, exit reason, restart with growing waits, bounded
 * stop. Knows nothing of what the engine does; it only reads the two lines that say it is ready.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Waits before the first, second, … restart; the last one repeats. */
const RESTART_WAITS_MS = [500, 1_000, 2_000, 5_000, 15_000, 60_000];
/** A run at least this long counts as healthy: the waits start again. */
const HEALTHY_RUN_MS = 60_000;
const STOP_WAIT_MS = 10_000;

export interface EngineCommand {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface EngineEvents {
  /** The engine serves its window at this address. */
  onReady(url: string): void;
  /** It ended by itself; it is started again after `restartInMs`. */
  onExit(reason: string, restartInMs: number): void;
  onLine(line: string): void;
}

/**
 * States: starting (until both ready lines were read), ready, waiting (between an exit and the
 * restart), stopped (after `stop`; final).
 */
export class EngineProcess {
  readonly #command: EngineCommand;
  readonly #events: EngineEvents;
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #failures = 0;
  #isStopped = false;
  #lastLine = '';

  constructor(command: EngineCommand, events: EngineEvents) {
    this.#command = command;
    this.#events = events;
  }

  start(): void {
    const began = performance.now();
    let address: string | null = null;
    const { executable, args, env } = this.#command;
    const child = spawn(executable, args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#lastLine = line;
        this.#events.onLine(line);
        address = /ui listener on (\S+)$/.exec(line)?.[1] ?? address;
        if (line.includes('initialization complete') && address !== null)
          this.#events.onReady(`http://${address}`);
      });
    }
    child.once('error', (error) => this.#ended(`could not be started: ${error.message}`, began));
    child.once('exit', (code, signal) =>
      this.#ended(
        signal ? `ended by ${signal}` : `ended with status ${code}: ${this.#lastLine}`,
        began,
      ),
    );
  }

  /** Asks it to stop, waits a bounded time, then ends it. Only the process started here is touched. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#restart) clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_WAIT_MS);
      child.once('exit', () => {
        clearTimeout(deadline);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }

  #ended(reason: string, began: number): void {
    if (this.#child === null) return;
    this.#child = null;
    if (this.#isStopped) return;
    this.#failures = performance.now() - began > HEALTHY_RUN_MS ? 1 : this.#failures + 1;
    const waitMs = RESTART_WAITS_MS[Math.min(this.#failures, RESTART_WAITS_MS.length) - 1] ?? 0;
    // Before it is told: whoever hears of it may stop it for good.
    this.#restart = setTimeout(() => this.start(), waitMs);
    this.#events.onExit(reason, waitMs);
  }
}
