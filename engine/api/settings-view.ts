/**
 * The settings of a workspace for the window: read from `postyard.json` and changed in it, one at a
 * time; the engine follows the file by itself.
 */
import { basename } from 'node:path';
import { toError } from '../base/assert.ts';
import { parseOpenRule } from '../guard/open-hosts.ts';
import { changeSetting } from '../workspace/change-setting.ts';
import { variableOf } from '../workspace/settings-environment.ts';
import {
  DEFAULT_SETTINGS,
  checkSetting,
  environmentSettings,
  loadSettings,
} from '../workspace/settings.ts';
import type { Settings } from '../workspace/settings.ts';
import type { Reach } from '../workspace/listen-addresses.ts';
import type { SettingsDoor } from './doors.ts';
import type { SettingChange, SettingsAnswer } from './protocol.ts';
import { ApiProblem } from './route.ts';

export interface SettingsViewParts {
  readonly file: string;
  readonly remaps: () => SettingsAnswer['remaps'];
  readonly kept: () => SettingsAnswer['kept'];
  /** What is in force while the file is broken. */
  readonly current: () => Settings;
  /** Who may reach the listeners. */
  readonly reach: Reach;
}

export class SettingsView implements SettingsDoor {
  readonly #parts: SettingsViewParts;

  constructor(parts: SettingsViewParts) {
    this.#parts = parts;
  }

  read(): SettingsAnswer {
    const { file, remaps, kept, current, reach } = this.#parts;
    const { settings, problem } = loadSettings(file, { kept: current(), reach });
    return {
      file: basename(file),
      values: settings,
      defaults: DEFAULT_SETTINGS,
      environment: Object.fromEntries(
        Object.keys(environmentSettings()).map((name) => [name, variableOf(name)]),
      ),
      problem,
      remaps: remaps(),
      kept: kept(),
    };
  }

  /** @throws {ApiProblem} 400: no value of this setting; 409: the file is broken */
  change({ name, value }: SettingChange): SettingsAnswer {
    if (name in environmentSettings())
      throw new ApiProblem(
        400,
        'environment',
        `Cannot change ${name}: ${variableOf(name)} in the environment wins over ${basename(this.#parts.file)}`,
      );
    try {
      const { values } = this.read();
      checkSetting(name, value ?? DEFAULT_SETTINGS[name], values, this.#parts.reach);
      if (name === 'openHosts' && Array.isArray(value)) value.forEach(checkHost);
    } catch (error) {
      throw new ApiProblem(400, 'invalid', toError(error).message);
    }
    try {
      changeSetting(this.#parts.file, name, (value ?? undefined) as Settings[typeof name]);
    } catch (error) {
      throw new ApiProblem(409, 'broken-file', toError(error).message);
    }
    return this.read();
  }
}

function checkHost(host: unknown): void {
  parseOpenRule(String(host));
}
