/**
 * After an unclean stop: deliveries that the store knows of are compared with the folders, and
 * what is missing from both `new` and `cur` is written again. The ordinary mode does not flush
 * maildir files, so the last ones before a power cut may be gone although they were delivered.
 *
 * Only deliveries since the last checkpoint are asked for, so that a file which the user removed
 * long ago does not come back.
 */
import fs from 'node:fs';
import { createMaildir, storeMessage } from './maildir.ts';
import { INFO_SEPARATOR } from './unique-name.ts';

export interface ExpectedFile {
  /** The maildir. */
  readonly path: string;
  readonly unique: string;
  readonly dirMode: number | null;
  readonly fileMode: number | null;
  /** Brings the bytes; null when the store has none any more. */
  readonly load: () => Promise<Uint8Array | null>;
}

export interface ReconcileReport {
  readonly checkedCount: number;
  /** Written again. */
  readonly restored: readonly { readonly path: string; readonly unique: string }[];
  readonly failed: readonly { readonly path: string; readonly error: Error }[];
}

export async function reconcileMaildirs(
  expected: AsyncIterable<ExpectedFile> | Iterable<ExpectedFile>,
): Promise<ReconcileReport> {
  const known = new Map<string, Set<string>>();
  const restored: { path: string; unique: string }[] = [];
  const failed: { path: string; error: Error }[] = [];
  let checkedCount = 0;
  for await (const file of expected) {
    checkedCount++;
    let there = known.get(file.path);
    if (there === undefined) known.set(file.path, (there = uniquesIn(file.path)));
    if (there.has(file.unique)) continue;
    try {
      const data = await file.load();
      if (data === null) continue;
      createMaildir(file);
      const names = { tmp: file.unique, final: () => file.unique };
      fs.rmSync(`${file.path}/tmp/${file.unique}`, { force: true });
      storeMessage(file, () => names, data, 'flush');
      there.add(file.unique);
      restored.push({ path: file.path, unique: file.unique });
    } catch (error) {
      failed.push({ path: file.path, error: error as Error });
    }
  }
  return { checkedCount, restored, failed };
}

function uniquesIn(dir: string): Set<string> {
  const uniques = new Set<string>();
  for (const folder of ['new', 'cur']) {
    let names: string[] = [];
    try {
      names = fs.readdirSync(`${dir}/${folder}`);
    } catch {
      // Not there: then none of its files are.
    }
    for (const name of names) uniques.add(name.split(INFO_SEPARATOR, 1)[0] ?? name);
  }
  return uniques;
}
