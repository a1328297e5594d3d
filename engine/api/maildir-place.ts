/** Where the file of a delivered row is now: readers move it to `cur` and give it flags. */
import { isAbsolute, join } from 'node:path';
import { findMessage, parseName } from '../maildir/flags.ts';
import type { MaildirPlace } from './protocol.ts';

export async function maildirPlace(
  workspace: string,
  stored: { readonly path: string; readonly unique: string } | null,
): Promise<MaildirPlace | null> {
  if (stored === null) return null;
  const folder = isAbsolute(stored.path) ? stored.path : join(workspace, stored.path);
  const found = await findMessage(folder, stored.unique);
  if (found === null) return { path: stored.path, file: null, isOnDisk: false, flags: '' };
  return {
    path: stored.path,
    file: `${found.folder}/${found.file}`,
    isOnDisk: true,
    flags: parseName(found.file).flags,
  };
}
