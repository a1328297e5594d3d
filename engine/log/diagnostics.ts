/**
 * Diagnostic lines: what the engine says about itself (KumoMTA's diag log). The only place that
 * writes to stderr. The window's console follows the same lines.
 */
import type { Clock } from '../base/clock.ts';
import { chronoDebugUtc } from '../base/chrono-text.ts';
import { parseDiagnosticFilter } from './diagnostic-filter.ts';
import type { FilterLevel } from './diagnostic-filter.ts';

export type DiagnosticLevel = 'error' | 'warn' | 'info' | 'debug';

const ORDER: readonly FilterLevel[] = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

export class Diagnostics {
  readonly #clock: Clock;
  #threshold: number;
  readonly #listeners = new Set<(level: DiagnosticLevel, text: string) => void>();

  /** @param threshold lines that are less important are dropped */
  constructor(clock: Clock, threshold: FilterLevel) {
    this.#clock = clock;
    this.#threshold = ORDER.indexOf(threshold);
  }

  /** Another threshold, in the syntax of `KUMOD_LOG`. @throws {Error} it cannot be read */
  setFilter(text: string): void {
    this.#threshold = ORDER.indexOf(parseDiagnosticFilter(text));
  }

  write(level: DiagnosticLevel, text: string): void {
    if (ORDER.indexOf(level) > this.#threshold) return;
    process.stderr.write(
      `${chronoDebugUtc(Math.floor(this.#clock.now()))} ${level.toUpperCase().padStart(5)} ${text}\n`,
    );
    for (const listener of this.#listeners) listener(level, text);
  }

  /** A line that others read (listeners, ready): written whatever the threshold, without prefix. */
  announce(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  follow(listener: (level: DiagnosticLevel, text: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
