/** Files to save: several messages as one mbox, all attachments of a message as one zip. */
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { Inspector } from '../inspect/inspector.ts';
import { mboxEntry } from '../mail/mbox.ts';
import type { Store } from '../store/store.ts';

/** Rows without data are left out: a refused recipient has no message. */
export function mboxStream(store: Store, seqs: readonly number[]): Readable {
  return Readable.from(mboxEntries(store, seqs), { objectMode: false });
}

async function* mboxEntries(store: Store, seqs: readonly number[]): AsyncGenerator<Buffer> {
  for (const seq of seqs) {
    const [body, read] = await Promise.all([
      store.read('body', { seq, which: 'final' }),
      store.read('row', { seq }),
    ]);
    if (body !== null && read !== null)
      yield mboxEntry(body.bytes, read.row.from ?? '', read.row.timeMs);
  }
}

/** Null: there is no such message, or it has no attachments. */
export async function attachmentsZip(
  { store, inspector }: { readonly store: Store; readonly inspector: Inspector },
  seq: number,
): Promise<Readable | null> {
  const [inspection, read] = await Promise.all([
    inspector.inspect(seq),
    store.read('row', { seq }),
  ]);
  if (inspection === null || read === null || inspection.attachments.length === 0) return null;
  const zip = new ZipFile();
  const names = new Set<string>();
  const mtime = new Date(read.row.timeMs);
  for (const { path, filename } of inspection.attachments) {
    const part = await inspector.part(seq, path);
    if (part === null) continue;
    const name = freeName(filename, names);
    names.add(name);
    zip.addBuffer(Buffer.from(part.bytes), name, { mtime });
  }
  zip.end();
  return zip.outputStream as Readable;
}

/** `a.pdf`, the second time `a (2).pdf`. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const dot = wanted.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [wanted.slice(0, dot), wanted.slice(dot)] : [wanted, ''];
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${stem} (${count})${extension}`;
  return name;
}
