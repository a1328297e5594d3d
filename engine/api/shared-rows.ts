/** The rows of a shared file, as the window asks for them: the Mail list, and each row's tabs. */
import { checkMessage } from '../inspect/checks/check-message.ts';
import { downloadName, partByPath } from '../inspect/display-parts.ts';
import { htmlView, inspectMessage } from '../inspect/inspect-message.ts';
import { parseMimeTree } from '../inspect/mime-tree.ts';
import { decodedBytes, encodedBytes } from '../inspect/part-content.ts';
import { previewPage } from '../inspect/preview-page.ts';
import type { ShareFile } from '../share/open-share.ts';
import { satisfies } from '../share/row-filter.ts';
import { decodeCursor, encodeCursor } from '../store/cursor.ts';
import type { Download, RowsDoor, RowsQuery } from './doors.ts';
import { inspectedFields } from './inspected-fields.ts';
import type {
  AttemptList,
  Journey,
  LinkRequest,
  RecipientRow,
  RowChecks,
  RowDetail,
  RowPage,
} from './protocol.ts';
import { readFilter } from './rows-view.ts';

/** Nothing is committed to a file. */
export const SHARED_COMMIT_SEQ = 1;

/** What can be asked of a file; the rest of the door needs an engine. */
type Answered = 'page' | 'detail' | 'journey' | 'attempts' | 'download';

export class SharedRows implements Pick<RowsDoor, Answered> {
  readonly #file: ShareFile;
  /** Newest first. */
  readonly #rows: readonly RecipientRow[];

  constructor(file: ShareFile) {
    this.#file = file;
    this.#rows = [...file.manifest.rows].sort((a, b) => b.seq - a.seq);
  }

  page(query: RowsQuery): Promise<RowPage> {
    const found = this.#matching(query);
    const { limit, cursor, at, newerThan } = query;
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, 1);
    const newest = before !== undefined ? before - 1 : (at ?? Number.MAX_SAFE_INTEGER);
    const older = found.filter((row) => row.seq <= newest);
    const rows =
      newerThan === undefined
        ? older.slice(0, limit)
        : found.filter((row) => row.seq > newerThan).slice(-limit);
    const next =
      newerThan !== undefined
        ? encodeCursor([newerThan + 1])
        : older.length > limit
          ? encodeCursor([rows.at(-1)?.seq ?? 0])
          : null;
    return Promise.resolve({
      rows,
      next,
      total: { value: found.length, isExact: true },
      oldestSeq: this.#rows.at(-1)?.seq ?? null,
      newestSeq: this.#rows[0]?.seq ?? null,
      commitSeq: SHARED_COMMIT_SEQ,
    });
  }

  async detail(seq: number): Promise<RowDetail | null> {
    if (!this.#has(seq)) return null;
    const { detail, message, problem } = await this.#file.entry(seq);
    const inspection = message === null ? null : inspectMessage(await this.#file.bytes(message));
    return { ...detail, ...inspectedFields(inspection, problem) };
  }

  async journey(seq: number): Promise<Journey | null> {
    return this.#has(seq) ? this.#file.journey(seq) : null;
  }

  async attempts(seq: number): Promise<AttemptList | null> {
    return this.#has(seq) ? this.#file.attempts(seq) : null;
  }

  async checks(seq: number): Promise<RowChecks | null> {
    if (!this.#has(seq)) return null;
    const { message } = await this.#file.entry(seq);
    return message === null ? null : checkMessage(await this.#file.bytes(message));
  }

  async download(request: LinkRequest): Promise<Download | null> {
    const { seq, what } = request;
    if (!this.#has(seq)) return null;
    const { message, original } = await this.#file.entry(seq);
    const entry = what === 'original' ? (original ?? message) : message;
    if (entry === null) return null;
    const bytes = await this.#file.bytes(entry);
    switch (what) {
      case 'preview':
        return preview(bytes, request.theme ?? 'light');
      case 'part':
        return part(bytes, request);
      default:
        return { contentType: 'message/rfc822', filename: `message-${seq}.eml`, bytes };
    }
  }

  #has(seq: number): boolean {
    return this.#file.words.has(seq);
  }

  #matching({ filter, maildir }: RowsQuery): readonly RecipientRow[] {
    const { words, manifest } = this.#file;
    const query = readFilter(filter, manifest.clockMs);
    return this.#rows.filter((row) => {
      const known = words.get(row.seq);
      if (known === undefined) return false;
      if (maildir !== undefined && !`${known.maildir ?? ''}/`.startsWith(`${maildir}/`))
        return false;
      return query === null || satisfies(row, known, query);
    });
  }
}

/** Nothing is ever loaded from elsewhere: whoever wrote the file need not know who reads it. */
function preview(bytes: Uint8Array, theme: 'light' | 'dark'): Download {
  const view = htmlView(bytes, { allowedHosts: null, isWhole: false });
  return {
    contentType: 'text/html; charset=utf-8',
    filename: null,
    bytes: Buffer.from(previewPage(view, theme)),
  };
}

function part(bytes: Uint8Array, { part: path = '1', encoded }: LinkRequest): Download | null {
  const node = partByPath(parseMimeTree(bytes).root, path);
  if (!node) return null;
  const charset = node.charset === null ? '' : `; charset=${node.charset}`;
  return {
    contentType: `${node.contentType}${charset}`,
    filename: downloadName(node),
    bytes: encoded === true ? encodedBytes(bytes, node) : decodedBytes(bytes, node),
  };
}
