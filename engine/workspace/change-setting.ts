/** Changes one entry of `postyard.json`; comments and everything else in it stay. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { changedJsonc } from '../files/edited-jsonc.ts';
import { settingsProblem } from './settings.ts';
import type { Settings } from './settings.ts';

/** @throws {Error} the file is broken, or the value is none for this setting; nothing changed */
export function changeSetting<K extends keyof Settings>(
  file: string,
  name: K,
  value: Settings[K],
): void {
  // Whether its addresses may be reached is asked when one of them is set, not here.
  const problem = settingsProblem(file, 'any');
  if (problem !== null) throw new Error(`Cannot change ${name}: ${problem}, expected a valid file`);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '{}\n';
  const next = `${file}.next`;
  writeFileSync(next, changedJsonc(text, [name], value));
  renameSync(next, file);
}
