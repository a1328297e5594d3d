/** Records as the Log screen lists them. */
import type { RecordEntry, Store } from '../store/store.ts';
import type { RecordsDoor } from './doors.ts';
import type { RecordRow } from './protocol.ts';

export class RecordsView implements RecordsDoor {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async page(query: Parameters<RecordsDoor['page']>[0]): ReturnType<RecordsDoor['page']> {
    const read = await this.#store.read('records', {
      limit: query.limit,
      types: [...query.types],
      text: query.text,
      cursor: query.cursor ?? null,
    });
    return {
      records: read.records.map(recordRow),
      next: read.next,
      commitSeq: read.commitSeq,
      ...(read.counts !== null && { counts: read.counts }),
    };
  }
}

interface RecordFields {
  readonly sender?: string;
  readonly recipient?: string | readonly string[];
  readonly queue?: string;
  readonly site?: string;
  readonly num_attempts?: number;
  readonly response?: { readonly code: number; readonly content: string };
}

export function recordRow(entry: RecordEntry): RecordRow {
  const record = JSON.parse(entry.json) as RecordFields;
  return {
    recordSeq: entry.recordSeq,
    timeMs: entry.timeMs,
    type: entry.type,
    messageId: entry.messageId,
    rowSeq: entry.rowSeq,
    sender: record.sender ?? '',
    recipient: [record.recipient ?? ''].flat().join(', '),
    queue: record.queue ?? '',
    site: record.site ?? '',
    numAttempts: record.num_attempts ?? 0,
    code: record.response?.code ?? 0,
    text: record.response?.content ?? '',
    json: entry.json,
  };
}
