/** What passes over the WebSocket `/api/v1/live`. */
import type { QueueList } from './queues.ts';
import type { RecordRow } from './records.ts';
import type { Count, RecipientRow } from './rows.ts';
import type { EngineStatus } from './status.ts';

/** Client to engine over the WebSocket `/api/v1/live`. The first message authenticates. */
export type LiveRequest =
  | { readonly type: 'hello'; readonly token: string; readonly since: number | null }
  | { readonly type: 'watch'; readonly maildir: string | null };

/** Engine to client. `seq` grows by one per event; `hello` continues after `since` or says `resync`. */
export type LiveEvent =
  | { readonly type: 'welcome'; readonly seq: number; readonly status: EngineStatus }
  | { readonly type: 'resync'; readonly seq: number; readonly reason: string }
  /** Batched, at most ten times a second: new rows (newest last) and rows that changed. */
  | {
      readonly type: 'rows';
      readonly seq: number;
      readonly added: readonly RecipientRow[];
      readonly changed: readonly RowChange[];
      readonly total: Count;
    }
  | {
      readonly type: 'records';
      readonly seq: number;
      readonly records: readonly RecordRow[];
      readonly dropped: number;
    }
  | { readonly type: 'queues'; readonly seq: number; readonly queues: QueueList }
  | { readonly type: 'status'; readonly seq: number; readonly status: EngineStatus }
  | { readonly type: 'maildir'; readonly seq: number; readonly path: string }
  /** State, counts or received mail of some far end changed: ask again when they are shown. */
  | { readonly type: 'far-ends'; readonly seq: number }
  | {
      readonly type: 'print';
      readonly seq: number;
      readonly level: string;
      readonly text: string;
      readonly timeMs: number;
    };

/** The fields of a row that changed, as they are now; absent ones stayed as they were. */
export type RowChange = Pick<RecipientRow, 'seq'> &
  Partial<
    Pick<
      RecipientRow,
      | 'state'
      | 'code'
      | 'route'
      | 'queue'
      | 'attempts'
      | 'nextDueMs'
      | 'lastText'
      | 'subject'
      | 'hasAttachment'
      | 'isDeleted'
    >
  >;
