/**
 * The settings that are in effect: those of the start, then what `postyard.json` says when it is
 * saved. Each that can change while the engine runs is handed to the part it concerns.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { LoopbackGuard } from '../guard/loopback-guard.ts';
import type { RetentionLimits } from '../store/retention.ts';
import type { SqliteStore } from '../store/sqlite-store.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { PathRemaps } from '../workspace/remap.ts';
import type { Settings } from '../workspace/settings.ts';
import type { CaptureLeaving } from './capture-leaving.ts';
import type { PolicyState } from './policy-status.ts';
import { SettingsReload } from './settings-reload.ts';
import type { Reach } from '../workspace/listen-addresses.ts';
import type { Warnings } from './warnings.ts';

export interface LiveSettingsParts {
  /** What the engine starts with. */
  readonly started: Settings;
  readonly layout: WorkspaceLayout;
  /** Who may reach the listeners. */
  readonly reach: Reach;
  readonly clock: Clock;
  readonly state: PolicyState;
  readonly warnings: Warnings;
  readonly guard: LoopbackGuard;
  readonly capture: CaptureLeaving;
  readonly remaps: PathRemaps;
  readonly store: SqliteStore;
  readonly onChange: () => void;
}

export class LiveSettings {
  readonly #parts: LiveSettingsParts;
  readonly #reload: SettingsReload;
  #current: Settings;

  constructor(parts: LiveSettingsParts) {
    const { started, layout, reach, clock, state, warnings, capture, remaps, store, onChange } =
      parts;
    this.#parts = parts;
    this.#current = started;
    this.#openHosts();
    const retain = (): void => store.keep(retentionOf(this.#current));
    const takes = <K extends keyof Settings>(name: K, then: () => void = () => {}) => ({
      [name]: (value: Settings[K]) => {
        this.#current = { ...this.#current, [name]: value };
        then();
      },
    });
    this.#reload = new SettingsReload({
      ...{ layout, reach, clock, state, warnings, started, onChange },
      apply: {
        ...takes('acceptAnyAuth'),
        ...takes('offerStartTls'),
        ...takes('captureLeaving', () => (capture.isOn = this.#current.captureLeaving)),
        ...takes('openHosts', () => this.#openHosts()),
        ...takes('allowFolders', () => remaps.allow(this.#current.allowFolders)),
        ...takes('keepBytes', retain),
        ...takes('keepDays', retain),
      },
    });
  }

  get current(): Settings {
    return this.#current;
  }

  /** Resolves when changes from now on will be seen. */
  follow(): Promise<void> {
    return this.#reload.start();
  }

  close(): Promise<void> {
    return this.#reload.close();
  }

  /** An entry that is no host opens nothing, and is said. */
  #openHosts(): void {
    const { guard, warnings } = this.#parts;
    try {
      guard.open('workspace', this.#current.openHosts);
      warnings.set('openHosts', null);
    } catch (error) {
      guard.open('workspace', []);
      warnings.set('openHosts', `openHosts in postyard.json: ${toError(error).message}`);
    }
  }
}

export function retentionOf({ keepBytes, keepDays }: Settings): Partial<RetentionLimits> {
  return { maxBytes: keepBytes, maxAgeMs: keepDays * 86_400_000 };
}
