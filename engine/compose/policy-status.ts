/**
 * What the window says of the policy: its file, when it was loaded, what is wrong with it, and
 * whether a change of it needs a restart.
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { PolicyLines, PolicyStatus } from '../api/protocol.ts';
import type { Clock } from '../base/clock.ts';
import type { PolicyProblem } from '../policy/script-host.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';

type RestartCause = 'policy' | 'settings';

export class PolicyState {
  readonly #layout: WorkspaceLayout;
  readonly #clock: Clock;
  #loadedMs: number | null = null;
  #problem: PolicyProblem | null = null;
  readonly #needsRestart = new Map<RestartCause, string>();

  constructor(layout: WorkspaceLayout, clock: Clock) {
    this.#layout = layout;
    this.#clock = clock;
  }

  loaded(): void {
    this.#loadedMs = this.#clock.now();
    this.#problem = null;
  }

  failed(problem: PolicyProblem): void {
    this.#problem = problem;
  }

  /** @param why a sentence that says what changed; null when nothing (any more) */
  restartNeeded(cause: RestartCause, why: string | null): void {
    if (why === null) this.#needsRestart.delete(cause);
    else this.#needsRestart.set(cause, why);
  }

  get needsRestart(): string | null {
    return [...this.#needsRestart.values()].join('; ') || null;
  }

  get problem(): PolicyProblem | null {
    return this.#problem;
  }

  status(handlers: readonly string[]): PolicyStatus {
    const problem = this.#problem;
    return {
      file: this.#shown(this.#layout.policyFile),
      loadedMs: this.#loadedMs,
      error: problem && {
        file: this.#shown(problem.file),
        line: problem.line,
        message: withoutTraceback(problem.message),
      },
      needsRestart: this.needsRestart,
      handlers,
    };
  }

  /** Lines around one; null when the file is not in the workspace. */
  async lines(file: string, line: number, around: number): Promise<PolicyLines | null> {
    const path = isAbsolute(file) ? file : join(this.#layout.root, file);
    const { policyFolder, zonesFolder } = this.#layout;
    const isInside = [policyFolder, zonesFolder].some((folder) => path.startsWith(folder + sep));
    if (!isInside) return null;
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return null;
    const all = text.split('\n');
    const firstLine = Math.max(1, line - around);
    return { file: this.#shown(path), firstLine, lines: all.slice(firstLine - 1, line + around) };
  }

  #shown(file: string): string {
    return file.startsWith(this.#layout.root + sep) ? relative(this.#layout.root, file) : file;
  }
}

function withoutTraceback(message: string): string {
  return message.split('\nstack traceback:')[0] ?? message;
}
