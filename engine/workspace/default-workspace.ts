/** Makes a working workspace out of an empty folder. Files that exist are never touched. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
  makeStateFolder(layout);
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

/** @throws {Error} it cannot be made or written to, with the reason of the system */
function makeStateFolder({ root, stateFolder }: WorkspaceLayout): void {
  try {
    makeFolders(root);
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
    accessSync(stateFolder, constants.W_OK);
  } catch (cause) {
    throw new Error(
      `Cannot make a workspace of ${root}: ${whyNot(root) ?? String(cause)}; choose another folder with --workspace DIR`,
      { cause },
    );
  }
}

/** One after the other: Node's recursive mkdir never ends in a folder that takes none (`/proc`). */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder));
  mkdirSync(folder);
}

/** A recursive mkdir on a read-only disk says ENOENT; the nearest folder that exists says why. */
function whyNot(root: string): string | null {
  let folder = root;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  if (!statSync(folder).isDirectory()) return `${folder} is a file, expected a folder`;
  try {
    accessSync(folder, constants.W_OK);
    return null;
  } catch (error) {
    return `${folder} cannot be written to (${(error as NodeJS.ErrnoException).code ?? ''})`;
  }
}

function shipped(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}
