/** Makes a working workspace out of an empty folder. Files that exist are never touched. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkspaceLayout } from './layout.ts';

/**
 * Creates what is missing: folders, the default policy, an ignore file for git. Examples of far
 * ends come with a new workspace only, so that whoever removes them is rid of them.
 *
 * @returns the files that were written, relative to the workspace
 */
export function createMissing(layout: WorkspaceLayout): string[] {
  const written: string[] = [];
  mkdirSync(layout.stateFolder, { recursive: true, mode: 0o700 });
  mkdirSync(layout.mailFolder, { recursive: true });
  const isNew = !existsSync(layout.policyFile);
  const files: readonly (readonly [string, string])[] = [
    [layout.policyFile, shipped('default-policy.lua')],
    [join(layout.root, '.gitignore'), '.postyard/\nmail/\nsuppression.db*\n'],
    ...(isNew ? [[layout.farEndsFile, shipped('default-far-ends.jsonc')] as const] : []),
  ];
  for (const [file, text] of files) {
    if (existsSync(file)) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    written.push(file.slice(layout.root.length + 1));
  }
  return written;
}

function shipped(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}
