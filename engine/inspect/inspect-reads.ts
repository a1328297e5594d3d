/**
 * The work of the inspect thread: looking at a message on demand, and filling the full-text index
 * behind reception in steps short enough that a look never waits long.
 */
import { SystemClock } from '../base/clock.ts';
import { finalBytes } from '../store/body-reads.ts';
import type { ReadContext, ReadTable, SqlRow } from '../store/read-context.ts';
import { checkMessage } from './checks/check-message.ts';
import type { MessageChecks } from './checks/check-message.ts';
import { downloadName, partByPath } from './display-parts.ts';
import { htmlView, indexText, inspectMessage } from './inspect-message.ts';
import type { HtmlViewOptions, IndexText, Inspection } from './inspect-message.ts';
import { messageContent } from './message-content.ts';
import type { MessageContent } from './message-content.ts';
import { parseMimeTree } from './mime-tree.ts';
import { decodedBytes, encodedBytes } from './part-content.ts';
import { previewPage } from './preview-page.ts';
import type { RemoteHost } from './remote-content.ts';

/** For `Inspector.open`. */
export const INSPECT_READS = new URL(import.meta.url);

export type PreviewParams = HtmlViewOptions & {
  readonly seq: number;
  readonly theme: 'light' | 'dark';
};

export interface Preview {
  readonly page: string;
  readonly isCut: boolean;
  readonly remoteContent: readonly RemoteHost[];
}

export interface PartRead {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly charset: string | null;
  readonly filename: string;
}

export interface IndexStep {
  /** Rows up to this one are indexed. */
  readonly through: number;
  readonly newest: number;
  readonly isMore: boolean;
  /** What was found out about rows: subjects that decode differently, attachments. */
  readonly patches: readonly { seq: number; subject?: string; hasAttachment?: boolean }[];
  readonly tookMs: number;
}

export const reads: ReadTable = {
  inspect: readInspection,
  preview: readPreview,
  part: readPart,
  content: readContent,
  checks: readChecks,
  indexStep: readIndexStep,
  sweepStep: readSweepStep,
};

const clock = new SystemClock();

/** Rows and bytes of one step: some tens of milliseconds. */
const STEP_ROWS = 64;
const STEP_BYTES = 2 * 1024 * 1024;
const SWEEP_ROWS = 2_000;
/** A larger message is indexed by its beginning. */
const INDEX_MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Null when the row is gone or no data ever arrived for it. */
function readInspection(context: ReadContext, { seq }: { seq: number }): Inspection | null {
  const data = messageOf(context, seq);
  return data === null ? null : inspectMessage(data);
}

function readPreview(context: ReadContext, params: PreviewParams): Preview | null {
  const data = messageOf(context, params.seq);
  if (data === null) return null;
  const view = htmlView(data, params);
  const { isCut, remoteContent } = view;
  return { page: previewPage(view, params.theme), isCut, remoteContent };
}

function readContent(context: ReadContext, { seq }: { seq: number }): MessageContent | null {
  const data = messageOf(context, seq);
  return data === null ? null : messageContent(data);
}

function readChecks(context: ReadContext, { seq }: { seq: number }): MessageChecks | null {
  const data = messageOf(context, seq);
  return data === null ? null : checkMessage(data);
}

/** A part, decoded or as it stands in the message; null when there is no such part. */
function readPart(
  context: ReadContext,
  { seq, path, isEncoded }: { seq: number; path: string; isEncoded: boolean },
): PartRead | null {
  const data = messageOf(context, seq);
  if (data === null) return null;
  const node = partByPath(parseMimeTree(data).root, path);
  if (!node) return null;
  const bytes = Uint8Array.from(isEncoded ? encodedBytes(data, node) : decodedBytes(data, node));
  context.transfers.push(bytes.buffer);
  return {
    bytes,
    contentType: node.contentType,
    charset: node.charset,
    filename: downloadName(node),
  };
}

const PLACE = `SELECT coalesce(m.body, t.body) AS body, m.prefix FROM recipients AS r
  JOIN transactions AS t ON t.id = r.tx LEFT JOIN messages AS m ON m.id = r.message WHERE r.seq = ?`;

/** As it was, or would have been, delivered. */
function messageOf(context: ReadContext, seq: number): Uint8Array | null {
  const row = context.one(PLACE, seq);
  return row === undefined || row['body'] === null ? null : finalBytes(context, row);
}

const TO_INDEX = `SELECT r.seq, r.sender, r.recipient, r.subject, r.has_attachment, r.size,
  coalesce(m.body, t.body) AS body, m.prefix FROM recipients AS r
  JOIN transactions AS t ON t.id = r.tx LEFT JOIN messages AS m ON m.id = r.message
  WHERE r.seq > ? ORDER BY r.seq LIMIT ?`;

/** Indexes the next rows. */
function readIndexStep(context: ReadContext): IndexStep {
  const startMs = clock.monotonic();
  const from = Number(context.call('indexThrough', {}));
  const newest = Number(context.one('SELECT max(seq) AS seq FROM recipients')?.['seq'] ?? 0);
  const rows = context.all(TO_INDEX, from, STEP_ROWS);
  const entries: Record<string, unknown>[] = [];
  const patches: IndexStep['patches'][number][] = [];
  let through = from;
  let bytes = 0;
  let last: { readonly body: number | null; readonly text: IndexText } | null = null;
  for (const row of rows) {
    if (bytes > STEP_BYTES) break;
    const body = row['body'] as number | null;
    // The rows of one transaction share their body, and all that is indexed of it.
    if (last === null || last.body !== body) {
      last = { body, text: textOf(context, row) };
      bytes += Number(row['size']);
    }
    entries.push(entryOf(row, last.text));
    const patch = patchOf(row, last.text);
    if (patch) patches.push(patch);
    through = Number(row['seq']);
  }
  if (through > from) context.call('indexAdd', { entries, through });
  const isMore = through < newest && through > from;
  return { through, newest, isMore, patches, tookMs: clock.monotonic() - startMs };
}

const NO_TEXT: IndexText = { from: '', to: '', subject: '', body: '', hasAttachment: false };

/** A message that cannot be read is indexed by its row alone. */
function textOf(context: ReadContext, row: SqlRow): IndexText {
  if (row['body'] === null) return NO_TEXT;
  try {
    return indexText(finalBytes(context, row).subarray(0, INDEX_MESSAGE_BYTES_MAX));
  } catch {
    return NO_TEXT;
  }
}

function entryOf(row: SqlRow, text: IndexText): Record<string, unknown> {
  return {
    seq: Number(row['seq']),
    sender: String(row['sender'] ?? ''),
    recipient: String(row['recipient'] ?? ''),
    fromHeader: text.from,
    toHeader: text.to,
    subject: text.subject === '' ? String(row['subject']) : text.subject,
    body: text.body,
  };
}

function patchOf(row: SqlRow, text: IndexText): IndexStep['patches'][number] | null {
  const hasAttachment = (row['has_attachment'] === 1) !== text.hasAttachment;
  return hasAttachment ? { seq: Number(row['seq']), hasAttachment: text.hasAttachment } : null;
}

/** Takes rows out of the index that retention took out of the store; false when all were looked at. */
function readSweepStep(context: ReadContext): boolean {
  const from = Number(context.call('indexSwept', {}));
  const seqs = context.call('indexRowsAfter', { seq: from, limit: SWEEP_ROWS }) as number[];
  const gone = seqs.filter((seq) => !context.one('SELECT 1 FROM recipients WHERE seq = ?', seq));
  const isMore = seqs.length === SWEEP_ROWS;
  context.call('indexRemove', { seqs: gone, swept: isMore ? (seqs.at(-1) ?? 0) : 0 });
  return isMore;
}
