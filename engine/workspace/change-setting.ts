/** Changes one entry of `postyard.json`; comments and everything else in it stay. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { applyEdits, modify } from 'jsonc-parser';
import { loadSettings } from './settings.ts';
import type { Settings } from './settings.ts';

/** @throws {Error} the file is broken, or the value is none for this setting; nothing changed */
export function changeSetting<K extends keyof Settings>(
  file: string,
  name: K,
  value: Settings[K],
): void {
  const { problem } = loadSettings(file);
  if (problem !== null) throw new Error(`Cannot change ${name}: ${problem}, expected a valid file`);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '{}\n';
  const formattingOptions = { tabSize: 2, insertSpaces: true, eol: '\n' };
  const next = `${file}.next`;
  writeFileSync(next, applyEdits(text, modify(text, [name], value, { formattingOptions })));
  renameSync(next, file);
}
