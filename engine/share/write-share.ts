/**
 * Writes a shared file as a stream: entry after entry, each made when it is its turn, so that what
 * is shared never lies in memory as a whole. Everything but the bytes of messages goes through the
 * redactor here, and nowhere else.
 */
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { AttemptList, Journey, RecordRow, RouteList } from '../api/protocol.ts';
import type { Redactor } from './redactor.ts';
import { MANIFEST, README, RECORDS, ROUTES, policyEntry, rowEntry } from './share-format.ts';
import type { Manifest, RowEntry } from './share-schemas.ts';
import type { PolicyText } from './workspace-texts.ts';

export interface ShareParts {
  readonly manifest: Manifest;
  readonly routes: RouteList;
  /** Oldest first. */
  readonly records: readonly RecordRow[];
  /** Masked already, because their hashes are. Empty: they stay at home. */
  readonly policyTexts: readonly PolicyText[];
  row(seq: number): Promise<RowEntry>;
  journey(seq: number): Promise<Journey>;
  attempts(seq: number): Promise<AttemptList>;
  /** Entries of messages: name, and the row and kind of bytes that it holds. */
  readonly messages: readonly MessageEntry[];
  bytes(message: MessageEntry): Promise<Uint8Array>;
}

export interface MessageEntry {
  readonly entry: string;
  readonly seq: number;
  readonly which: 'final' | 'original';
}

/** Destroyed with the error when something cannot be read any more: half a file is none. */
export function writeShare(parts: ShareParts, redactor: Redactor): Readable {
  const zip = new ZipFile();
  const out = Readable.from(zip.outputStream as AsyncIterable<Buffer>, { objectMode: false });
  zip.on('error', (error: Error) => out.destroy(error));
  const options = { mtime: new Date(parts.manifest.exportedAt) };
  const add = (name: string, make: () => Promise<string | Uint8Array>): void =>
    zip.addReadStreamLazy(name, options, (send) => {
      make().then(
        (content) => send(null, Readable.from([Buffer.from(content)])),
        (error: unknown) => send(error, Readable.from([])),
      );
    });
  const json = (name: string, make: () => Promise<object>): void =>
    add(name, async () => JSON.stringify(redactor.json(await make()), null, 1));
  add(README, () => Promise.resolve(readme(parts.manifest)));
  json(MANIFEST, () => Promise.resolve(parts.manifest));
  for (const { seq } of parts.manifest.rows) {
    json(rowEntry(seq, 'detail'), () => parts.row(seq));
    json(rowEntry(seq, 'journey'), () => parts.journey(seq));
    json(rowEntry(seq, 'attempts'), () => parts.attempts(seq));
  }
  for (const message of parts.messages) add(message.entry, () => parts.bytes(message));
  add(RECORDS, () => Promise.resolve(parts.records.map((row) => line(row, redactor)).join('')));
  json(ROUTES, () => Promise.resolve(parts.routes));
  for (const { path, text } of parts.policyTexts)
    add(policyEntry(path), () => Promise.resolve(text));
  zip.end();
  return out;
}

function line({ json, ...record }: RecordRow, redactor: Redactor): string {
  return `${JSON.stringify({ ...redactor.json(record), json: redactor.recordJson(json) })}\n`;
}

function readme({ writtenBy, workspace, exportedAt, rows, policy }: Manifest): string {
  return `Mail shared from a test mail engine: ${rows.length} recipient rows of the workspace
"${workspace}", written by ${writtenBy} at ${exportedAt}.

Open this file with:  postyard open FILE
Without Postyard it is a zip:

messages/N.eml            a message exactly as it was delivered, or would have been
messages/N.original.eml   as it was sent, where the policy changed it
rows/N/detail.json        envelope, session, metadata, what became of it
rows/N/journey.json       everything that was decided about it, in order
rows/N/attempts.json      delivery attempts with their conversations
records.jsonl             KumoMTA's records, one a line, exact in "json"
routes.json               the routes in force
manifest.json             what is in here; the policy's hash is ${policy.sha256}
${policy.hasTexts ? 'workspace/                the policy, its secrets masked\n' : ''}
Credentials were replaced by dots. Messages are exact: what they say, they say.
`;
}
