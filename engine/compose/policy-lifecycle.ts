/**
 * Loads the policy of a workspace at the start and after each save. `init` runs once, as soon as
 * the policy lets it; what a later version would set up differently needs a restart, which is said.
 * A policy that hung the engine several starts in a row is held until it is saved again.
 */
import { toError } from '../base/assert.ts';
import type { SetupNote } from '../policy/setup-notes.ts';
import { setupChange } from '../policy/setup-notes.ts';
import type { StuckNote } from '../policy/stuck-watch.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { EngineCore } from './engine-core.ts';
import type { Listeners } from './listeners.ts';
import { mistypedEvents } from './mistyped-events.ts';
import type { PolicyState } from './policy-status.ts';
import { rehearseInit } from './rehearse-init.ts';
import type { Warnings } from './warnings.ts';

/** Starts in a row that ended in the same hang; the next one leaves the policy alone. */
const STUCK_STARTS_MAX = 3;

export interface PolicyLifecycleParts {
  readonly core: EngineCore;
  readonly layout: WorkspaceLayout;
  readonly state: PolicyState;
  readonly listeners: Listeners;
  readonly warnings: Warnings;
  /** How the run before this one ended, when it hung. */
  readonly stuck: StuckNote | null;
  /** Status, listeners: tell everybody. */
  readonly onChange: () => void;
}

export class PolicyLifecycle {
  readonly #parts: PolicyLifecycleParts;
  #hasInit = false;
  /** What `init` set up. */
  #setup: readonly SetupNote[] = [];

  constructor(parts: PolicyLifecycleParts) {
    this.#parts = parts;
  }

  /** @throws {Error} a listener that was asked for by number cannot be opened */
  async start(): Promise<void> {
    const { stuck, state, layout } = this.#parts;
    if (stuck !== null && stuck.count >= STUCK_STARTS_MAX) {
      const message = `not loaded: ${stuck.event} hung ${stuck.count} times in a row; save the policy to try again`;
      state.failed({ file: layout.policyFile, line: null, message });
      return;
    }
    const [problem] = await this.#load();
    if (problem) throw problem;
  }

  /** A file of the policy was saved. */
  async reload(): Promise<void> {
    const { core, state, warnings, onChange } = this.#parts;
    const problems = await this.#load();
    const { error } = state.status([]);
    if (error !== null) {
      const place = error.line === null ? error.file : `${error.file}:${error.line}`;
      core.options.diagnostics.write('error', `policy not reloaded, ${place}: ${error.message}`);
    }
    warnings.set('listeners', problems.map(({ message }) => message).join('; ') || null);
    onChange();
  }

  /** @returns why listeners could not be opened */
  async #load(): Promise<Error[]> {
    const { core, layout, state, listeners, warnings } = this.#parts;
    const loaded = await core.policy.load(layout.policyFile);
    if (!loaded.ok) {
      state.failed(loaded.error);
      return [];
    }
    state.loaded();
    warnings.set('events', mistypedEvents(core.policy.eventNames()));
    if (!this.#hasInit) return this.#init();
    await core.bumpEpoch();
    await this.#compareSetup();
    return listeners.openForPolicy();
  }

  async #init(): Promise<Error[]> {
    const { core, state, layout, listeners } = this.#parts;
    try {
      await core.policy.init();
    } catch (thrown) {
      const error = toError(thrown) as Error & { file?: string | null; line?: number | null };
      state.failed({
        file: error.file ?? layout.policyFile,
        line: error.line ?? null,
        message: error.message,
      });
      core.forgetSetup();
      return [];
    }
    this.#hasInit = true;
    this.#setup = [...core.policy.world.setup];
    core.serveScripts();
    return listeners.openForPolicy();
  }

  async #compareSetup(): Promise<void> {
    const { core, layout, state } = this.#parts;
    const { notes, isWhole } = await rehearseInit(core.options, layout.policyFile);
    const change = setupChange(this.#setup, notes, isWhole);
    if (change !== null) core.options.diagnostics.announce(`restart needed: ${change}`);
    state.restartNeeded('policy', change);
  }
}
