/** The Mail list and one recipient row, from the store and the inspect thread. */
import type { MailClock } from '../base/mail-clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { formatSpan } from '../base/span-words.ts';
import type { Inspector } from '../inspect/inspector.ts';
import type { WaitingSummary } from '../queue/queue-lists.ts';
import type { Queues } from '../queue/queues.ts';
import { FilterError } from '../search/filter-query.ts';
import type { FilterQuery } from '../search/filter-query.ts';
import { parseFilter } from '../search/parse-filter.ts';
import type { RowRead } from '../store/row-reads.ts';
import type { RowSummary, Store } from '../store/store.ts';
import type { Download, RowsDoor, RowsQuery } from './doors.ts';
import type { DeletedRows } from './deleted-rows.ts';
import { attemptSteps } from './attempt-words.ts';
import { composeJourney } from './journey.ts';
import { textOf, withoutCode } from './journey.ts';
import { withNow } from './journey-waiting.ts';
import type { JourneyNow } from './journey-waiting.ts';
import { inspectedFields } from './inspected-fields.ts';
import { maildirPlace } from './maildir-place.ts';
import type {
  AttemptList,
  FarEndPlace,
  Journey,
  LinkRequest,
  RowChecks,
  RowDetail,
  RowPage,
} from './protocol.ts';
import { ApiProblem } from './route.ts';
import { suppressedByOf } from './suppressed-by.ts';
import { withClock } from './waiting-words.ts';

export interface RowsViewParts {
  readonly store: Store;
  readonly deleted: DeletedRows;
  readonly inspector: Inspector;
  readonly queues: Queues;
  readonly mailClock: MailClock;
  readonly openHosts: () => readonly string[];
  readonly workspace: string;
  /** Where an attempt with this peer and reply led; null: to no far end. */
  readonly farEndOf: (peer: string | null, reply: string) => FarEndPlace | null;
}

export class RowsView implements RowsDoor {
  readonly #parts: RowsViewParts;

  constructor(parts: RowsViewParts) {
    this.#parts = parts;
  }

  async page(query: RowsQuery): Promise<RowPage> {
    const { store, mailClock } = this.#parts;
    const filter = readFilter(query.filter, mailClock.now());
    const read = await store.read('rows', {
      limit: query.limit,
      query: filter,
      maildir: query.maildir ?? null,
      cursor: query.cursor ?? null,
      at: query.at ?? null,
      newerThan: query.newerThan ?? null,
    });
    return {
      rows: read.rows,
      next: read.next,
      total: read.total ?? { value: read.rows.length, isExact: false },
      oldestSeq: read.oldestSeq,
      newestSeq: read.newestSeq,
      commitSeq: read.commitSeq,
    };
  }

  async detail(seq: number): Promise<RowDetail | null> {
    const { store, inspector, workspace } = this.#parts;
    const [read, inspection] = await Promise.all([
      store.read('row', { seq }),
      inspector.inspect(seq),
    ]);
    if (read === null) return null;
    const { row, session, message } = read;
    return {
      row,
      reversePath: row.from,
      forwardPaths: message?.recipients ?? (row.to === null ? [] : [row.to]),
      sessionId: session?.id ?? '',
      listener: session?.listener ?? '',
      peer: session?.peer ?? '',
      ehlo: session?.ehlo ?? null,
      tls: session?.tls ?? null,
      auth: session?.auth ?? null,
      summary: await this.#summary(read),
      whyWaiting: this.#whyWaiting(row),
      meta: message?.meta ?? {},
      bodySizeBytes: message?.sizeBytes ?? read.transaction.bodyBytes ?? 0,
      isChanged: message?.hasOwnBody ?? false,
      maildir: await maildirPlace(workspace, read.maildir),
      otherRecipients: read.siblings,
      ...(row.state === 'suppressed' && (await this.#suppressedBy(row))),
      ...inspectedFields(inspection, read.problem),
    };
  }

  async journey(seq: number): Promise<Journey | null> {
    const { store } = this.#parts;
    const [read, trace, attempts, records] = await Promise.all([
      store.read('row', { seq }),
      store.read('trace', { seq }),
      store.read('attempts', { seq }),
      store.read('rowRecords', { seq }),
    ]);
    if (read === null) return null;
    const { parts } = composeJourney({ read, trace, attempts, records });
    return { parts: withNow(parts, this.#now(read.row)) };
  }

  async attempts(seq: number): Promise<AttemptList | null> {
    const { store } = this.#parts;
    const [read, attempts] = await Promise.all([
      store.read('row', { seq }),
      store.read('attempts', { seq }),
    ]);
    if (read === null) return null;
    return {
      attempts: attempts.map((attempt) => ({
        id: attempt.id,
        number: attempt.number,
        dueMs: attempt.dueMs,
        startedMs: attempt.startedMs,
        startedRealMs: attempt.startedRealMs,
        durationMs: attempt.durationMs,
        protocol: attempt.protocol,
        site: attempt.site,
        pool: attempt.pool,
        source: attempt.source,
        peer: attempt.peer,
        outcome: attempt.outcome,
        code: attempt.code,
        text: withoutCode(attempt),
        nextDueMs: attempt.nextDueMs,
        arithmetic: textOf(attempt.details['arithmetic']) || null,
        notes: attemptSteps(attempt),
        transcript: attempt.transcript,
        farEnd: this.#parts.farEndOf(attempt.peer, attempt.text),
      })),
    };
  }

  checks(seq: number): Promise<RowChecks | null> {
    return this.#parts.inspector.checks(seq);
  }

  async download(request: LinkRequest): Promise<Download | null> {
    const { seq, what } = request;
    if (what === 'preview') return this.#preview(request);
    if (what === 'part') {
      const part = await this.#parts.inspector.part(seq, request.part ?? '1', {
        isEncoded: request.encoded === true,
      });
      if (part === null) return null;
      const charset = part.charset === null ? '' : `; charset=${part.charset}`;
      return {
        contentType: `${part.contentType}${charset}`,
        filename: part.filename,
        bytes: part.bytes,
      };
    }
    const body = await this.#parts.store.read('body', {
      seq,
      which: what === 'original' ? 'original' : 'final',
    });
    if (body === null) return null;
    return { contentType: 'message/rfc822', filename: `message-${seq}.eml`, bytes: body.bytes };
  }

  async remove(seqs: readonly number[]): Promise<number> {
    await this.#parts.deleted.delete(seqs);
    return seqs.length;
  }

  async restore(seqs: readonly number[]): Promise<number> {
    await this.#parts.deleted.undelete(seqs);
    return seqs.length;
  }

  async #preview({ seq, theme, remote }: LinkRequest): Promise<Download | null> {
    const { inspector, openHosts } = this.#parts;
    const preview = await inspector.preview(seq, {
      theme: theme ?? 'light',
      allowedHosts: remote === true ? openHosts() : null,
      isWhole: false,
    });
    if (preview === null) return null;
    return {
      contentType: 'text/html; charset=utf-8',
      filename: null,
      bytes: Buffer.from(preview.page),
    };
  }

  async #suppressedBy(row: RowSummary): Promise<Pick<RowDetail, 'suppressedBy'>> {
    const trace = await this.#parts.store.read('trace', { seq: row.seq });
    const suppressedBy = suppressedByOf(trace?.events ?? [], row.to ?? '');
    return suppressedBy === null ? {} : { suppressedBy };
  }

  #now(row: RowSummary): JourneyNow {
    const { queues, mailClock } = this.#parts;
    const waiting = this.#waiting(row);
    return {
      nowMs: mailClock.now(),
      queue: queues.lists.configOf(row.queue),
      waiting: waiting && { why: withClock(waiting, mailClock), dueMs: waiting.dueMs },
    };
  }

  #waiting(row: RowSummary): WaitingSummary | null {
    if (row.messageId === null || (row.state !== 'queued' && row.state !== 'deferred')) return null;
    return this.#parts.queues.lists.find(row.messageId as SpoolId, row.queue);
  }

  #whyWaiting(row: RowSummary): string | null {
    const waiting = this.#waiting(row);
    return waiting === null ? null : withClock(waiting, this.#parts.mailClock);
  }

  /** One sentence on what became of it. */
  async #summary({ row, transaction }: RowRead): Promise<string> {
    const attempt = row.attempts === 1 ? 'attempt 1' : `attempt ${row.attempts}`;
    switch (row.state) {
      case 'delivered': {
        const attempts = await this.#parts.store.read('attempts', { seq: row.seq });
        const endedMs = attempts.at(-1)?.endedMs ?? null;
        const after =
          endedMs === null
            ? ''
            : `, ${formatSpan(endedMs - transaction.endedMs)} after it was received`;
        return `Delivered on ${attempt}${after}`;
      }
      case 'bounced':
        return row.attempts > 0
          ? `Bounced on ${attempt}: ${row.lastText}`
          : `Bounced: ${row.lastText}`;
      case 'expired':
        return `Expired after ${row.attempts} attempts: ${row.lastText}`;
      case 'deferred':
        return row.attempts > 0
          ? `Deferred after ${attempt}: ${row.lastText}`
          : `Delayed: ${row.lastText}`;
      case 'queued':
        return 'Queued, not attempted yet';
      case 'rejected':
        return `Rejected: ${row.lastText}`;
      case 'suppressed':
        return `Suppressed${row.lastText === '' ? '' : `: ${row.lastText}`}`;
      case 'null':
        return 'Accepted and discarded: the null queue';
      case 'aborted':
        return `Aborted: ${row.lastText || 'the client left before the end of the data'}`;
    }
  }
}

/** @throws {ApiProblem} 400 with what was wrong, where, and what could stand there */
/** @throws {ApiProblem} with the place in the text */
export function readFilter(text: string, nowMs: number): FilterQuery | null {
  if (text.trim() === '') return null;
  try {
    return parseFilter(text, nowMs);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const hint = error.suggestions.length > 0 ? `; expected ${error.suggestions.join(', ')}` : '';
    throw new ApiProblem(
      400,
      'filter',
      `filter, character ${error.position + 1}: ${error.message}${hint}`,
    );
  }
}
