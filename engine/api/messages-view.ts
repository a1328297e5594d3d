/**
 * Caught messages for tests: one whole, the next one that fits, and all that fit away. A wait looks
 * at once, then after every commit of rows, and now and then besides, since the full-text index
 * fills behind reception without a commit of its own.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { MailClock } from '../base/mail-clock.ts';
import { formatSpan } from '../base/span-words.ts';
import type { Inspector } from '../inspect/inspector.ts';
import type { RowsRead } from '../search/search-reads.ts';
import type { RowSummary, Store } from '../store/store.ts';
import type { DeletedRows } from './deleted-rows.ts';
import { attachmentsZip, mboxStream } from './save-files.ts';
import type { MessagesDoor, WaitQuery } from './doors.ts';
import type { CaughtMessage, CaughtMessages, DeletedMessages } from './protocol.ts';
import { ApiProblem } from './route.ts';
import { readFilter } from './rows-view.ts';

/** After a commit, before looking: others follow it in a burst. */
const LOOK_DELAY_MS = 20;
const LOOK_INTERVAL_MS = 500;
/** Rows that fit the filter among which the exact recipient is looked for. */
const LOOK_ROWS = 500;
const DELETE_ROWS = 1_000;

export interface MessagesViewParts {
  readonly store: Store;
  readonly deleted: DeletedRows;
  readonly inspector: Inspector;
  readonly mailClock: MailClock;
  /** Real time. */
  readonly clock: Clock;
}

export class MessagesView implements MessagesDoor {
  readonly #parts: MessagesViewParts;

  constructor(parts: MessagesViewParts) {
    this.#parts = parts;
  }

  async message(seq: number): Promise<CaughtMessage | null> {
    const { store, inspector } = this.#parts;
    const [read, inspection, content] = await Promise.all([
      store.read('row', { seq }),
      inspector.inspect(seq),
      inspector.content(seq),
    ]);
    if (read === null) return null;
    const { timeMs, state, code, lastText, from, to, subject, sizeBytes } = read.row;
    return {
      ...{ seq, timeMs, state, code, lastText, from, to },
      subject: inspection?.subject ?? subject,
      messageId: inspection?.messageId ?? null,
      headers: headersByName(inspection?.headers ?? []),
      text: content?.text ?? null,
      html: content?.html ?? null,
      links: content?.links ?? [],
      attachments: inspection?.attachments ?? [],
      sizeBytes,
    };
  }

  async wait(query: WaitQuery, signal: AbortSignal): Promise<CaughtMessages> {
    const { clock } = this.#parts;
    const endMs = clock.monotonic() + query.timeoutMs;
    for (;;) {
      const { rows, newestSeq } = await this.#look(query);
      if (rows.length >= query.count) {
        const messages = await Promise.all(rows.map(({ seq }) => this.message(seq)));
        return { messages: messages.filter((message) => message !== null), newestSeq };
      }
      const leftMs = endMs - clock.monotonic();
      if (leftMs <= 0) throw tooLate(query, rows.length, newestSeq);
      await this.#change(Math.min(leftMs, LOOK_INTERVAL_MS), signal);
    }
  }

  async remove(filter: string): Promise<DeletedMessages> {
    const { store, deleted, mailClock } = this.#parts;
    const query = readFilter(filter, mailClock.now());
    const seqs: number[] = [];
    let cursor: string | null = null;
    do {
      const page: RowsRead = await store.read('rows', {
        ...{ limit: DELETE_ROWS, query, cursor },
        needsTotal: false,
      });
      const found = page.rows.map((row) => row.seq);
      await deleted.delete(found);
      seqs.push(...found);
      cursor = page.next;
    } while (cursor !== null);
    return { changed: seqs.length, seqs };
  }

  mbox(seqs: readonly number[]): Readable {
    return mboxStream(this.#parts.store, seqs);
  }

  attachments(seq: number): Promise<Readable | null> {
    return attachmentsZip(this.#parts, seq);
  }

  /** Rows that fit, oldest first: the next ones after `since`, else the newest there are. */
  async #look(query: WaitQuery): Promise<{ rows: RowSummary[]; newestSeq: number }> {
    const { store, mailClock } = this.#parts;
    const page = await store.read('rows', {
      limit: query.to === undefined ? query.count : LOOK_ROWS,
      query: readFilter(filterOf(query), mailClock.now()),
      newerThan: query.since ?? null,
      needsTotal: false,
    });
    const to = query.to?.toLowerCase();
    const fitting = page.rows
      .filter((row) => to === undefined || row.to?.toLowerCase() === to)
      .toReversed();
    const rows =
      query.since === undefined ? fitting.slice(-query.count) : fitting.slice(0, query.count);
    return { rows, newestSeq: page.newestSeq ?? 0 };
  }

  /** Resolves when rows changed, or after `waitMs`. @throws the signal's reason */
  async #change(waitMs: number, signal: AbortSignal): Promise<void> {
    const { clock, store } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = store.onRows(() => resolve());
    const timer = clock.timer(waitMs, resolve);
    const abort = (): void => resolve();
    signal.addEventListener('abort', abort);
    try {
      await promise;
      signal.throwIfAborted();
      await clock.sleep(Math.min(LOOK_DELAY_MS, waitMs));
    } finally {
      timer.cancel();
      stop();
      signal.removeEventListener('abort', abort);
    }
  }
}

/** The exact recipient is compared afterwards; a filter knows only words. */
function filterOf({ filter, to, from, subject }: WaitQuery): string {
  const terms = Object.entries({ rcpt: to, from, subject })
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([field, value]) => `${field}:"${value.replaceAll('"', ' ')}"`);
  return [filter, ...terms].filter((term) => term !== '').join(' ');
}

function tooLate(query: WaitQuery, found: number, newestSeq: number): ApiProblem {
  const wanted = filterOf(query) || 'any message';
  const after = query.since === undefined ? '' : ` after row ${query.since}`;
  const waited = query.timeoutMs === 0 ? 'now' : `within ${formatSpan(query.timeoutMs)}`;
  return new ApiProblem(
    404,
    'no-message',
    `found ${found} messages for ${wanted}${after} ${waited}, expected ${query.count}; the newest row is ${newestSeq}`,
  );
}

function headersByName(
  headers: readonly { readonly name: string; readonly decoded: string }[],
): Record<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const { name, decoded } of headers) {
    const key = name.toLowerCase();
    byName.set(key, [...(byName.get(key) ?? []), decoded]);
  }
  return Object.fromEntries(byName);
}
