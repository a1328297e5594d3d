/** A selection of recipient rows as a shared file: what goes in, how much may, and its stream. */
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { RowRead } from '../store/row-reads.ts';
import type { RowSummary, Store } from '../store/store.ts';
import { Redactor } from '../share/redactor.ts';
import {
  FILE_ENDING,
  FORMAT,
  FORMAT_VERSION,
  MESSAGE_BYTES_MAX,
  MESSAGES_BYTES_MAX,
  RECORDS_BYTES_MAX,
  RECORDS_MAX,
  ROWS_MAX,
  messageEntry,
  originalEntry,
} from '../share/share-format.ts';
import { sharedDetail } from '../share/share-schemas.ts';
import type { Manifest, RowEntry } from '../share/share-schemas.ts';
import { policyHashes, policyTexts, secretsOf } from '../share/workspace-texts.ts';
import { writeShare } from '../share/write-share.ts';
import type { MessageEntry } from '../share/write-share.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { RoutesDoor, RowsDoor, ShareDoor } from './doors.ts';
import type { RecordRow, ShareRequest } from './protocol.ts';
import { recordRow } from './records-view.ts';
import { ApiProblem } from './route.ts';

export interface ShareViewParts {
  readonly store: Store;
  readonly rows: RowsDoor;
  readonly routes: RoutesDoor;
  readonly layout: WorkspaceLayout;
  /** `Postyard 0.1.0` */
  readonly writer: string;
  readonly token: string;
  readonly mailClock: Pick<Clock, 'now'>;
  readonly clock: Clock;
}

const PAGE_ROWS = 500;

export class ShareView implements ShareDoor {
  readonly #parts: ShareViewParts;

  constructor(parts: ShareViewParts) {
    this.#parts = parts;
  }

  async share(request: ShareRequest): Promise<{ filename: string; bytes: Readable }> {
    const { layout, rows, routes, store, clock } = this.#parts;
    const chosen = await this.#chosen(request);
    const reads = await this.#read(chosen);
    const messages = messagesOf(reads);
    const records = await this.#records(chosen);
    const redactor = this.#redactor(reads);
    const texts = policyTexts(layout.policyFolder, layout.root, redactor);
    const manifest = this.#manifest(request, chosen, {
      main: layout.policyFile.slice(layout.root.length + 1),
      ...policyHashes(texts),
      hasTexts: request.withPolicy === true,
    });
    const bytes = writeShare(
      {
        manifest,
        records,
        routes: routes.list(),
        policyTexts: request.withPolicy === true ? texts : [],
        messages: messages.entries,
        row: async (seq) => this.#row(seq, messages),
        journey: async (seq) => found(await rows.journey(seq), seq),
        attempts: async (seq) => found(await rows.attempts(seq), seq),
        bytes: async ({ seq, which }) => found(await store.read('body', { seq, which }), seq).bytes,
      },
      redactor,
    );
    const day = new Date(clock.now()).toISOString().slice(0, 16).replace(/[-:]/g, '');
    const name = layout.name.replace(/[^\w.-]+/g, '-') || 'mail';
    return { filename: `${name}-${day.replace('T', '-')}${FILE_ENDING}`, bytes };
  }

  /** Newest first. */
  async #chosen(request: ShareRequest): Promise<RowSummary[]> {
    const { store } = this.#parts;
    if (request.seqs !== undefined) {
      const seqs = [...new Set(request.seqs)];
      if (seqs.length > ROWS_MAX) throw tooMany(`${seqs.length}`);
      const rows = await store.read('rowsBySeq', { seqs });
      const missing = seqs.find((seq) => !rows.some((row) => row.seq === seq));
      if (missing !== undefined) throw gone(missing);
      return rows.sort((a, b) => b.seq - a.seq);
    }
    const chosen: RowSummary[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.#parts.rows.page({
        limit: PAGE_ROWS,
        filter: request.filter ?? '',
        ...(cursor !== null && { cursor }),
      });
      chosen.push(...page.rows);
      if (chosen.length > ROWS_MAX || (cursor === null && page.total.value > ROWS_MAX))
        throw tooMany(
          `${Math.max(page.total.value, chosen.length)}${page.total.isExact ? '' : '+'}`,
        );
      cursor = page.next;
    } while (cursor !== null);
    return chosen;
  }

  async #read(chosen: readonly RowSummary[]): Promise<RowRead[]> {
    const reads: RowRead[] = [];
    for (const { seq } of chosen)
      reads.push(found(await this.#parts.store.read('row', { seq }), seq));
    return reads;
  }

  async #records(chosen: readonly RowSummary[]): Promise<RecordRow[]> {
    const records = new Map<number, RecordRow>();
    let bytes = 0;
    for (const { seq } of chosen) {
      for (const entry of await this.#parts.store.read('rowRecords', { seq })) {
        if (records.has(entry.recordSeq)) continue;
        bytes += entry.json.length;
        if (records.size >= RECORDS_MAX || bytes > RECORDS_BYTES_MAX / 2)
          throw new ApiProblem(
            413,
            'too-large',
            `the selection has more than ${RECORDS_MAX} records or ${mebibytes(RECORDS_BYTES_MAX / 2)} of them, expected at most that: choose fewer messages`,
          );
        records.set(entry.recordSeq, recordRow(entry));
      }
    }
    return [...records.values()].sort((a, b) => a.recordSeq - b.recordSeq);
  }

  #redactor(reads: readonly RowRead[]): Redactor {
    const { layout, token } = this.#parts;
    const { policyFolder, routesFile, settingsFile, farEndsFile, root } = layout;
    const places = [policyFolder, routesFile, settingsFile, farEndsFile];
    const logins = reads.map(({ session }) => session?.auth ?? '').filter(isToken);
    return new Redactor([token, ...secretsOf(places, process.env), ...logins], root);
  }

  #manifest(
    request: ShareRequest,
    rows: readonly RowSummary[],
    policy: Manifest['policy'],
  ): Manifest {
    const { writer, clock, mailClock, layout } = this.#parts;
    const { seqs, filter = '' } = request;
    const picked = rows.length === 1 ? '1 chosen message' : `${rows.length} chosen messages`;
    return {
      format: FORMAT,
      version: FORMAT_VERSION,
      writtenBy: writer,
      exportedAt: new Date(clock.now()).toISOString(),
      clockMs: mailClock.now(),
      workspace: layout.name,
      selection: seqs !== undefined ? picked : filter === '' ? 'all mail' : filter,
      policy,
      rows: [...rows],
    };
  }

  async #row(seq: number, messages: Messages): Promise<RowEntry> {
    const { rows, store } = this.#parts;
    const [all, read] = await Promise.all([rows.detail(seq), store.read('row', { seq })]);
    return {
      detail: sharedDetail(found(all, seq)),
      message: messages.finals.get(seq) ?? null,
      original: messages.originals.get(seq) ?? null,
      problem: read?.problem ?? null,
    };
  }
}

interface Messages {
  readonly entries: readonly MessageEntry[];
  /** Row to the entry that has its bytes. */
  readonly finals: ReadonlyMap<number, string>;
  readonly originals: ReadonlyMap<number, string>;
}

/** Rows of one message, and of one transaction, share their bytes. */
function messagesOf(reads: readonly RowRead[]): Messages {
  const entries = new Map<string, MessageEntry>();
  const finals = new Map<number, string>();
  const originals = new Map<number, string>();
  let bytes = 0;
  const add = (key: string, message: MessageEntry, sizeBytes: number): string => {
    const known = entries.get(key);
    if (known !== undefined) return known.entry;
    bytes += sizeBytes;
    if (sizeBytes > MESSAGE_BYTES_MAX || bytes > MESSAGES_BYTES_MAX) throw tooLarge(sizeBytes);
    entries.set(key, message);
    return message.entry;
  };
  for (const { row, message, transaction } of reads) {
    const { seq, transactionId, messageId } = row;
    if (message === null && transaction.bodyBytes === null) continue;
    const final = { seq, which: 'final', entry: messageEntry(seq) } as const;
    const size = message?.sizeBytes ?? transaction.bodyBytes ?? 0;
    finals.set(seq, add(message === null ? `tx ${transactionId}` : `${messageId}`, final, size));
    if (message === null || (message.prefix === '' && !message.hasOwnBody)) continue;
    const original = { seq, which: 'original', entry: originalEntry(seq) } as const;
    originals.set(seq, add(`original ${transactionId}`, original, transaction.bodyBytes ?? size));
  }
  return { entries: [...entries.values()], finals, originals };
}

/** Some services take their key as the user's name. */
function isToken(login: string): boolean {
  return /^[\w.-]{20,}$/.test(login) && /\d/.test(login) && /[A-Za-z]/.test(login);
}

function found<T>(value: T | null, seq: number): T {
  if (value === null) throw gone(seq);
  return value;
}

function gone(seq: number): ApiProblem {
  return new ApiProblem(404, 'no-row', `there is no row ${seq}, or not any more`);
}

function tooMany(count: string): ApiProblem {
  return new ApiProblem(
    413,
    'too-many',
    `the selection has ${count} messages, expected at most ${ROWS_MAX}: narrow the filter or choose fewer`,
  );
}

function tooLarge(sizeBytes: number): ApiProblem {
  const isOne = sizeBytes > MESSAGE_BYTES_MAX;
  return new ApiProblem(
    413,
    'too-large',
    isOne
      ? `a message has ${mebibytes(sizeBytes)}, expected at most ${mebibytes(MESSAGE_BYTES_MAX)}`
      : `the messages have more than ${mebibytes(MESSAGES_BYTES_MAX)} together, expected at most that: choose fewer`,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (1024 * 1024))} MiB`;
}
