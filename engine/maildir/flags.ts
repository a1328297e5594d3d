/**
 * Flags of maildir files: single letters after `:2,` in the name, in alphabetical order. Changing
 * them is a rename, and a message that has been looked at lives in `cur`.
 *
 * | P | R | S | T | D | F |
 * | --- | --- | --- | --- | --- | --- |
 * | passed on | replied to | seen | trashed | draft | flagged |
 *
 * Source: https://cr.yp.to/proto/maildir.html
 */
import fs from 'node:fs/promises';
import { INFO_SEPARATOR } from './unique-name.ts';

export interface MaildirName {
  readonly unique: string;
  /** Sorted letters. */
  readonly flags: string;
}

export type MaildirFolderName = 'new' | 'cur';

/** Splits a file name; whatever follows the separator without being version 2 has no flags. */
export function parseName(file: string): MaildirName {
  const at = file.indexOf(INFO_SEPARATOR);
  if (at < 0) return { unique: file, flags: '' };
  const info = file.slice(at + 1);
  return {
    unique: file.slice(0, at),
    flags: info.startsWith('2,') ? sortFlags(info.slice(2)) : '',
  };
}

export function formatName(name: MaildirName): string {
  return `${name.unique}${INFO_SEPARATOR}2,${sortFlags(name.flags)}`;
}

export function changeFlags(flags: string, add: string, remove: string): string {
  return sortFlags([...flags, ...add].filter((flag) => !remove.includes(flag)).join(''));
}

/**
 * Changes the flags of one message of a maildir; it is in `cur` afterwards.
 *
 * @returns the new file name
 * @throws {NodeJS.ErrnoException} ENOENT when it is in neither folder
 */
export async function setFlags(
  dir: string,
  unique: string,
  change: { readonly add: string; readonly remove: string },
): Promise<string> {
  const found = await findMessage(dir, unique);
  if (found === null) {
    throw Object.assign(new Error(`Cannot set flags: no message ${unique} in ${dir}`), {
      code: 'ENOENT',
    });
  }
  const { flags } = parseName(found.file);
  const file = formatName({ unique, flags: changeFlags(flags, change.add, change.remove) });
  if (found.folder === 'cur' && found.file === file) return file;
  await fs.rename(`${dir}/${found.folder}/${found.file}`, `${dir}/cur/${file}`);
  return file;
}

/** Where a message is now; null when it is gone. */
export async function findMessage(
  dir: string,
  unique: string,
): Promise<{ readonly folder: MaildirFolderName; readonly file: string } | null> {
  for (const folder of ['new', 'cur'] as const) {
    const names = await fs.readdir(`${dir}/${folder}`).catch(whenMissing);
    const file = names.find((name) => parseName(name).unique === unique);
    if (file !== undefined) return { folder, file };
  }
  return null;
}

function whenMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function sortFlags(flags: string): string {
  return [...new Set(flags)].sort().join('');
}
