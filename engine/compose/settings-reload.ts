/**
 * Follows `postyard.json` while the engine runs: what can take effect at once does, the rest needs
 * a restart, which is said. A broken file changes nothing but the warning.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { Reach } from '../workspace/listen-addresses.ts';
import { loadSettings } from '../workspace/settings.ts';
import type { Settings } from '../workspace/settings.ts';
import type { PolicyState } from './policy-status.ts';
import type { Warnings } from './warnings.ts';

export type Appliers = {
  readonly [K in keyof Settings]?: (value: Settings[K]) => void;
};

export interface SettingsReloadParts {
  readonly layout: WorkspaceLayout;
  readonly reach: Reach;
  readonly clock: Clock;
  readonly state: PolicyState;
  readonly warnings: Warnings;
  /** What the engine started with. */
  readonly started: Settings;
  /** Settings that take effect at once, each with what it does. */
  readonly apply: Appliers;
  readonly onChange: () => void;
}

export class SettingsReload {
  readonly #parts: SettingsReloadParts;
  readonly #follower: FileFollower;
  #current: Settings;

  constructor(parts: SettingsReloadParts) {
    this.#parts = parts;
    this.#current = parts.started;
    this.#follower = new FileFollower({
      ...{ files: [parts.layout.settingsFile], clock: parts.clock },
      onHint: () => this.#look(),
      onError: ({ message }) =>
        parts.warnings.set('settings', `postyard.json is not followed: ${message}`),
    });
  }

  /** Resolves when changes from now on will be seen. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  close(): Promise<void> {
    return this.#follower.close();
  }

  #look(): void {
    const { layout, reach, warnings, onChange } = this.#parts;
    const { settings, problem } = loadSettings(layout.settingsFile, { kept: this.#current, reach });
    try {
      if (problem === null) this.#apply(settings);
      warnings.set('settings', problem);
    } catch (error) {
      warnings.set('settings', `postyard.json: ${toError(error).message}`);
    }
    onChange();
  }

  #apply(settings: Settings): void {
    const { apply, state, started } = this.#parts;
    const names = Object.keys(settings) as (keyof Settings)[];
    const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
    for (const name of names) {
      if (!isEqual(settings[name], this.#current[name])) applyOne(apply, name, settings[name]);
    }
    this.#current = settings;
    const all = new Set([...names, ...(Object.keys(started) as (keyof Settings)[])]);
    const later = [...all].filter(
      (name) => apply[name] === undefined && !isEqual(settings[name], started[name]),
    );
    state.restartNeeded(
      'settings',
      later.length === 0 ? null : `postyard.json has another ${later.join(', ')} since the start`,
    );
  }
}

function applyOne<K extends keyof Settings>(apply: Appliers, name: K, value: Settings[K]): void {
  apply[name]?.(value);
}
