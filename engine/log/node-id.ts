/** The node id of records: a UUID in a file, made when there is none. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { uuidV4 } from '../base/ids.ts';
import type { Random } from '../base/random.ts';

/** A file that cannot be written gives an id for this run only. */
export function readNodeId(file: string, random: Random): string {
  if (existsSync(file)) {
    const text = readFileSync(file, 'utf8').trim();
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase();
  }
  const id = uuidV4(random);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${id}\n`);
  } catch {
    // Read-only surroundings: the id is as good, it just does not last.
  }
  return id;
}
