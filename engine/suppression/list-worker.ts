/**
 * The list's thread: it has the engine's only connection to `suppression.db`, opened with the first
 * request and anew when the file was replaced or removed. Removals are remembered for a while, so
 * that they can be undone.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { DatabaseSync } from 'node:sqlite';
import { toError } from '../base/assert.ts';
import { SystemClock } from '../base/clock.ts';
import type { WorkerRequest } from '../base/request-worker.ts';
import type { SuppressionEntry } from './entry.ts';
import { fileIdOf, openSuppressionFile } from './suppression-file.ts';
import { SuppressionTable } from './suppression-table.ts';
import { exportEntries, exportFrame, readImport } from './transfer.ts';
import type { ListAnswer, ListRequests, ListState, RequestName } from './worker-messages.ts';

const port = parentPort;
if (!port) throw new Error('Bug: list-worker.ts runs in a worker thread only');

const { file } = workerData as { file: string };

const REFUSED_SHOWN_MAX = 50;
const EXPORT_ENTRIES = 5_000;
/** Entries that undo keeps, over all removals. */
const REMOVED_KEPT_MAX = 200_000;

/** Tokens of an earlier thread mean nothing to this one. */
const life = Math.round(new SystemClock().now()).toString(36);

const removals = new Map<string, readonly SuppressionEntry[]>();
let removalCount = 0;
let open: { readonly db: DatabaseSync; readonly table: SuppressionTable; fileId: string } | null =
  null;
let state: ListState = { count: 0, version: 0 };
let dataVersion = -1;

type Answers = {
  readonly [N in RequestName]: (
    table: SuppressionTable,
    params: ListRequests[N]['params'],
  ) => ListRequests[N]['result'];
};

const answers: Answers = {
  lookUp: (table, keys) => table.lookUp(keys),
  page: (table, request) => table.page(request),
  add(table, { entries, whenListed }) {
    const report = table.add(entries, whenListed);
    changed(report.added);
    return report;
  },
  remove(table, { ids, keys }) {
    const removed = [...table.removeIds(ids), ...table.removeKeys(keys)];
    changed(-removed.length);
    return { removed, undo: remember(removed) };
  },
  undo(table, token) {
    const removed = removals.get(token);
    if (removed === undefined) return null;
    removals.delete(token);
    const restored = table.restore(removed);
    changed(restored);
    return restored;
  },
  importText(table, { source, whenListed }) {
    const { entries, refused } = readImport(source);
    const report = table.add(entries, whenListed);
    changed(report.added);
    return {
      ...report,
      refused: refused.slice(0, REFUSED_SHOWN_MAX),
      refusedCount: refused.length,
    };
  },
  exportPage(table, { cursor, text, format }) {
    const { entries, next } = table.page({ cursor, limit: EXPORT_ENTRIES, text });
    const { head, foot } = exportFrame(format);
    const body = exportEntries(entries, format, cursor === null);
    return { text: `${cursor === null ? head : ''}${body}${next === null ? foot : ''}`, next };
  },
  countHits(table, { ids, atMs }) {
    table.countHits(ids, atMs);
    changed(0);
    return null;
  },
  probe: () => null,
};

port.on('message', (request: WorkerRequest) => port.postMessage(run(request)));

function run({ id, name, params }: WorkerRequest): ListAnswer {
  try {
    const table = present();
    const result = answers[name as RequestName](table, params as never);
    // Looking up is the one thing that happens for every message.
    if (name !== 'lookUp') noticeOthers(table);
    return { id, result, state: name === 'lookUp' ? null : state };
  } catch (thrown) {
    return { id, error: toError(thrown), state: null };
  }
}

function present(): SuppressionTable {
  if (open?.fileId === fileIdOf(file) && open.fileId !== '') return open.table;
  open?.db.close();
  open = null;
  const db = openSuppressionFile(file);
  open = { db, table: new SuppressionTable(db), fileId: fileIdOf(file) };
  dataVersion = -1;
  return open.table;
}

function changed(countBy: number): void {
  state = { count: state.count + countBy, version: state.version + 1 };
}

/** Another connection, a policy's for one, has written: count anew. */
function noticeOthers(table: SuppressionTable): void {
  const seen = table.dataVersion;
  if (seen === dataVersion) return;
  dataVersion = seen;
  state = { count: table.count, version: state.version + 1 };
}

function remember(removed: readonly SuppressionEntry[]): string {
  const token = `${life}-${++removalCount}`;
  removals.set(token, removed);
  let kept = [...removals.values()].reduce((sum, entries) => sum + entries.length, 0);
  for (const [oldest, entries] of removals) {
    if (kept <= REMOVED_KEPT_MAX || oldest === token) break;
    removals.delete(oldest);
    kept -= entries.length;
  }
  return token;
}
