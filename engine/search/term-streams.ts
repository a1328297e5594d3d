/** The stream of each kind of term: which index answers it, in either direction. */
import { NAME_KINDS } from '../store/names.ts';
import { ROW_STATES } from '../store/ops.ts';
import type { ReadContext } from '../store/read-context.ts';
import { RUN_ROWS } from '../store/write-ops.ts';
import type { FilterTerm } from './filter-query.ts';
import { EMPTY_STREAM, queryWalk, step, UnionStream, WalkStream } from './seq-streams.ts';
import type { Budget, Direction, SeqStream, Walk } from './seq-streams.ts';
import { textStream } from './text-stream.ts';
import type { SearchReader } from './text-stream.ts';

/** Names up to which each gets a stream of its own; with more of them most rows match anyway. */
const STREAMS_MAX = 200;

/** Rows passed without a member between two places where a walk can be stopped. */
export const PASSED_EVERY = 64;

export interface StreamContext {
  readonly context: ReadContext;
  readonly search: SearchReader;
  readonly direction: Direction;
  readonly budget: Budget;
}

/** `seq` last parameter and column, whatever the table calls it. */
function rowsWhere(at: StreamContext, where: string, ...params: number[]): SeqStream {
  const order = at.direction === 'older' ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const sql = `SELECT seq FROM recipients WHERE ${where} AND seq ${order[0]} ? ORDER BY seq ${order[1]}`;
  return new WalkStream(
    queryWalk(() => at.context.db.prepare(sql), params),
    at,
  );
}

export function allRows(at: StreamContext): SeqStream {
  return rowsWhere(at, '1');
}

/** A term turned round that is a plain one: the other states. It can be leapt through. */
export function withoutNegation(term: FilterTerm): FilterTerm {
  if (term.kind !== 'state' || !term.isNegated) return term;
  const states = ROW_STATES.filter((state) => !term.states.includes(state));
  return { ...term, isNegated: false, states };
}

export function termStream(at: StreamContext, term: FilterTerm): SeqStream {
  switch (term.kind) {
    case 'text':
      return textStream(at, term.field, term.phrase);
    case 'nullSender':
      return rowsWhere(at, "sender = ''");
    case 'code':
      return union(
        at,
        codesWithin(at.context, term.ranges).map((code) => rowsWhere(at, 'code = ?', code)),
      );
    case 'state':
      return union(
        at,
        term.states.map((state) => rowsWhere(at, 'state = ?', ROW_STATES.indexOf(state))),
      );
    case 'route':
      return namedStream(at, nameIds(at.context, NAME_KINDS.route, term.pattern), {
        one: (id) => rowsWhere(at, 'route = ?', id),
        all: 'SELECT r.seq, r.route AS name FROM recipients AS r WHERE',
      });
    case 'queue':
      return namedStream(at, nameIds(at.context, NAME_KINDS.queue, term.pattern), {
        one: (id) => queueStream(at, id),
        all: `SELECT r.seq, m.queue AS name FROM recipients AS r
          LEFT JOIN messages AS m ON m.id = r.message WHERE`,
      });
    case 'flag':
      return rowsWhere(at, FLAGS[term.flag]);
    case 'time':
      return timeStream(at, term.sinceMs ?? -Infinity, term.beforeMs ?? Infinity);
  }
}

const FLAGS = {
  attachment: 'has_attachment = 1',
  tls: 'is_tls = 1',
  auth: 'is_auth = 1',
  deleted: 'is_deleted = 1',
} as const;

/** Rows delivered to a maildir, or to any below a folder. */
export function maildirStream(at: StreamContext, path: string): SeqStream {
  const rows = at.context.all(
    'SELECT id FROM names WHERE kind = ? AND (name = ? OR substr(name, 1, ?) = ?)',
    ...[NAME_KINDS.maildir, path, path.length + 1, `${path}/`],
  );
  const ids = rows.map((row) => Number(row['id']));
  return namedStream(at, ids, {
    one: (id) => rowsWhere(at, 'maildir = ?', id),
    all: 'SELECT r.seq, r.maildir AS name FROM recipients AS r WHERE',
  });
}

/** Rows with one of these names: a stream for each, or all rows compared when there are many. */
function namedStream(
  at: StreamContext,
  ids: readonly number[],
  from: { readonly one: (id: number) => SeqStream; readonly all: string },
): SeqStream {
  if (ids.length <= STREAMS_MAX) return union(at, ids.map(from.one));
  const { context, direction } = at;
  const wanted = new Set(ids);
  const order = direction === 'older' ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const sql = `${from.all} r.seq ${order[0]} ? ORDER BY r.seq ${order[1]}`;
  const walk: Walk = function* (start) {
    for (const row of context.db.prepare(sql).iterate(start)) {
      const seq = Number(row['seq']);
      if (wanted.has(Number(row['name']))) yield seq;
      else if (seq % PASSED_EVERY === 0) yield -seq;
    }
  };
  return new WalkStream(walk, at);
}

function union(at: StreamContext, streams: SeqStream[]): SeqStream {
  const [only] = streams;
  if (only === undefined) return EMPTY_STREAM;
  return streams.length === 1 ? only : new UnionStream(streams, at.direction);
}

/** The codes that occur, found by leaping through their index. */
function codesWithin(
  context: ReadContext,
  ranges: readonly (readonly [min: number, max: number])[],
): number[] {
  const codes = new Set<number>();
  for (const [min, max] of ranges) {
    for (let code = min - 1; ;) {
      const row = context.one(
        'SELECT min(code) AS code FROM recipients WHERE code > ? AND code IS NOT NULL',
        code,
      );
      const next = row?.['code'];
      if (typeof next !== 'number' || next > max) break;
      codes.add(next);
      code = next;
    }
  }
  return [...codes];
}

/** Names that contain the pattern, or that it describes whole when it has a `*`. */
function nameIds(context: ReadContext, kind: number, pattern: string): number[] {
  const lower = pattern.toLowerCase();
  const isGlob = lower.includes('*');
  const rows = context.all(
    `SELECT id FROM names WHERE kind = ? AND ${isGlob ? 'lower(name) GLOB ?' : 'instr(lower(name), ?)'}`,
    ...[kind, isGlob ? globOf(lower) : lower],
  );
  return rows.map((row) => Number(row['id']));
}

/** Only `*` is special in a filter. */
function globOf(pattern: string): string {
  return pattern.replace(/[[?]/g, '[$&]');
}

/** Rows of the messages whose queue this is; the rows of a message are consecutive. */
function queueStream(at: StreamContext, queue: number): SeqStream {
  const { context, direction } = at;
  const isOlder = direction === 'older';
  const sql = `SELECT id, row_count FROM messages WHERE queue = ? AND id ${isOlder ? '<=' : '>='} ?
    ORDER BY id ${isOlder ? 'DESC' : 'ASC'}`;
  const walk: Walk = function* (from) {
    // Going up, the message that the first row belongs to began before it.
    const own = isOlder ? null : context.one('SELECT message FROM recipients WHERE seq = ?', from);
    const start = Number(own?.['message'] ?? from);
    for (const row of context.db.prepare(sql).iterate(queue, start)) {
      const first = Number(row['id']);
      const count = Number(row['row_count']);
      for (let i = 0; i < count; i++) yield isOlder ? first + count - 1 - i : first + i;
    }
  };
  return new WalkStream(walk, at);
}

/** Rows of a time, by runs of rows whose earliest and latest time are known. */
function timeStream(at: StreamContext, sinceMs: number, beforeMs: number): SeqStream {
  const { context, direction } = at;
  const order = direction === 'older' ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const runSql = `SELECT run FROM row_times WHERE run ${order[0]} ? AND last_ms >= ? AND first_ms < ?
    ORDER BY run ${order[1]} LIMIT 1`;
  const rowSql = `SELECT seq FROM recipients WHERE seq BETWEEN ? AND ? AND time_ms >= ?
    AND time_ms < ? ORDER BY seq ${order[1]}`;
  const walk: Walk = function* (from) {
    for (let next = from; ;) {
      const run = context.one(runSql, Math.floor(next / RUN_ROWS), sinceMs, beforeMs)?.['run'];
      if (run === undefined) return;
      const low = Number(run) * RUN_ROWS;
      const high = low + RUN_ROWS - 1;
      const [first, last] =
        direction === 'older' ? [low, Math.min(high, next)] : [Math.max(low, next), high];
      for (const row of context.all(rowSql, first, last, sinceMs, beforeMs)) {
        yield Number(row['seq']);
      }
      next = step(direction === 'older' ? low : high, direction);
    }
  };
  return new WalkStream(walk, at);
}
