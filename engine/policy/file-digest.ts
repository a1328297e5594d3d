/**
 * One digest over the names and contents of files: whether a configuration changed at all. File
 * events and time stamps are only hints of that.
 *
 * Source: reference `lua-api.md` §1.4.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Files that come and go while this runs count as absent. */
export async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [...paths].sort()) {
    try {
      const content = await readFile(path);
      hash.update(`${path}\0${content.byteLength}\0`).update(content);
    } catch {
      continue;
    }
  }
  return hash.digest('hex');
}
