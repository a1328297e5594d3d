/**
 * Follows `postyard.json` while the engine runs: what can take effect at once does, the rest needs
 * a restart, which is said. A broken file changes nothing but the warning.
 */
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { toError } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import { loadSettings } from '../workspace/settings.ts';
import type { Settings } from '../workspace/settings.ts';
import type { PolicyState } from './policy-status.ts';
import type { Warnings } from './warnings.ts';

/** Editors write in several steps; this long nothing may happen before we look. */
const QUIET_MS = 100;

export type Appliers = {
  readonly [K in keyof Settings]?: (value: Settings[K]) => void;
};

export interface SettingsReloadParts {
  readonly layout: WorkspaceLayout;
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
  readonly #watcher: FSWatcher;
  #quiet: Timer | null = null;
  #current: Settings;

  constructor(parts: SettingsReloadParts) {
    this.#parts = parts;
    this.#current = parts.started;
    const { root, settingsFile } = parts.layout;
    // The folder, since an editor may replace the file, and the first save creates it.
    this.#watcher = watch(root, {
      depth: 0,
      ignoreInitial: true,
      ignored: (path) => path !== root && path !== settingsFile,
    });
    this.#watcher.on('all', (_event, path) => {
      if (path === settingsFile) this.#hint();
    });
    this.#watcher.on('error', (error) =>
      parts.warnings.set('settings', `postyard.json is not followed: ${toError(error).message}`),
    );
  }

  /** Resolves when changes from now on will be seen. */
  ready(): Promise<void> {
    return new Promise((resolve) => this.#watcher.once('ready', resolve));
  }

  async close(): Promise<void> {
    this.#quiet?.cancel();
    await this.#watcher.close();
  }

  #hint(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#parts.clock.timer(QUIET_MS, () => this.#look());
  }

  #look(): void {
    const { layout, warnings, onChange } = this.#parts;
    const { settings, problem } = loadSettings(layout.settingsFile, this.#current);
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
