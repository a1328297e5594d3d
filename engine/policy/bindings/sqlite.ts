/**
 * The `sqlite` module: `open` and `execute`, with KumoMTA's parameter rules, result shapes (one
 * column is a list of values, several are a list of rows, none is a count) and error texts.
 *
 * A statement of several columns that finds nothing gives one empty row, as the original does.
 *
 * Source: reference `lua-api.md` §3.15; sqlite.org/rescode.html.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { HostCall, UserdataType } from '../lua/host-function.ts';
import { HostObject, LUA_NULL, LuaFloat, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { floatValue, integerValue, isList } from './lua-data.ts';
import { numberText } from './serde-encode.ts';
import { SqlitePool } from './sqlite-pool.ts';
import type { SqliteHandle } from './sqlite-pool.ts';

const BUSY_TIMEOUT_MS = 500;

export function sqliteBindings(deps: BindingDeps): Bindings {
  const pool = new SqlitePool();
  return {
    modules: [
      {
        path: ['sqlite'],
        functions: {
          open: {
            effect: 'write',
            signature: 'open(path, busy_timeout_ms?) -> connection',
            doc: 'Opens a database file, creating it when there is none.',
            run: (call) => {
              const path = call.string(1);
              const busyTimeoutMs = call.optInteger(2, 'usize') ?? BUSY_TIMEOUT_MS;
              const isFile = path !== '' && !path.startsWith(':memory:');
              const realPath = isFile ? deps.mapPath(path, 'write') : path;
              try {
                return new SqliteConnection(pool.open(realPath, busyTimeoutMs));
              } catch (error) {
                throw sqliteError(error);
              }
            },
          },
        },
      },
    ],
    types: [CONNECTION_TYPE],
    close: () => pool.close(),
  };
}

class SqliteConnection extends HostObject {
  readonly luaTypeName = 'Conn';
  readonly handle: SqliteHandle;

  constructor(handle: SqliteHandle) {
    super();
    this.handle = handle;
  }

  override dispose(): void {
    this.handle.close();
  }
}

const CONNECTION_TYPE: UserdataType<SqliteConnection> = {
  name: 'Conn',
  class: SqliteConnection,
  methods: {
    execute: {
      effect: 'write',
      signature: 'execute(sql, ...) -> list or count',
      doc: 'Runs one statement with its parameters.',
      run: ({ handle }, call) => {
        const sql = call.string(1);
        const parameters = parametersOf(sql, call);
        try {
          return handle.use(sql, (db) => execute(db, sql, parameters));
        } catch (error) {
          throw sqliteError(error, `bind parameters ${parameters.text} in query \`${sql}'`);
        }
      },
    },
    close: {
      effect: 'write',
      signature: 'close()',
      doc: 'Closes the connection; using it afterwards is an error.',
      run: ({ handle }) => {
        handle.close();
        return undefined;
      },
    },
  },
};

type Parameters =
  | { readonly kind: 'positional'; readonly values: readonly SQLInputValue[] }
  | { readonly kind: 'named'; readonly values: Readonly<Record<string, SQLInputValue>> };

/** What a script passed, for errors while it is bound. */
type Given = Parameters & { readonly text: string };

/** One scalar, one list, one map of names, or several scalars. */
function parametersOf(sql: string, call: HostCall): Given {
  const all = Array.from({ length: Math.max(call.count - 1, 0) }, (_, i) => call.value(i + 2));
  const [first] = all;
  const fail = (what: LuaValue, where: string, value: LuaValue): Error =>
    new Error(
      `bind parameters ${debug(what)} in query \`${sql}': binding ${where} with value ${debug(value)}: ` +
        'only numbers, strings and nil can be passed as parameter values',
    );
  if (all.length === 1 && first instanceof LuaTable) {
    if (isList(first) || first.entries.length === 0) {
      const list = positional(first.sequence, (v, i) => fail(first, `parameter ${i + 1}`, v));
      return { ...list, text: debug(first) };
    }
    const values: Record<string, SQLInputValue> = {};
    for (const [key, value] of first.entries) {
      const bound = bindable(value);
      if (bound === undefined) throw fail(first, `parameter ${String(key)}`, value);
      values[`:${String(key)}`] = bound;
    }
    return { kind: 'named', values, text: debug(first) };
  }
  if (all.length === 1) {
    const sole = positional(all, (value) => fail(value, 'sole parameter', value));
    return { ...sole, text: debug(first) };
  }
  const list = new LuaTable(all, [], true);
  const several = positional(all, (value, i) => fail(list, `parameter ${i + 1}`, value));
  return { ...several, text: debug(list) };
}

function positional(
  list: readonly LuaValue[],
  fail: (value: LuaValue, index: number) => Error,
): Parameters {
  const values = list.map((value, index) => {
    const bound = bindable(value);
    if (bound === undefined) throw fail(value, index);
    return bound;
  });
  return { kind: 'positional', values };
}

function bindable(value: LuaValue): SQLInputValue | undefined {
  if (value === undefined || value === null || value === LUA_NULL) return null;
  if (value instanceof LuaFloat) return value.value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'bigint' || typeof value === 'string') return value;
  return value instanceof Uint8Array ? value : undefined;
}

/** Rust's debug form of the JSON of a parameter. */
function debug(value: LuaValue): string {
  if (value === undefined || value === null || value === LUA_NULL) return 'Null';
  if (typeof value === 'boolean') return `Bool(${value})`;
  if (typeof value === 'string') return `String(${JSON.stringify(value)})`;
  if (value instanceof LuaTable) {
    if (isList(value)) return `Array [${value.sequence.map(debug).join(', ')}]`;
    const pairs = value.entries.map(([key, item]) => [String(key), debug(item)] as const);
    const sorted = pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    return `Object {${sorted.map(([key, text]) => `${JSON.stringify(key)}: ${text}`).join(', ')}}`;
  }
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof LuaFloat) {
    return `Number(${numberText(value)})`;
  }
  return value instanceof HostObject ? 'userdata' : 'value';
}

function execute(db: DatabaseSync, sql: string, parameters: Parameters): LuaValue {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const names = statement.columns().map((column) => column.name);
  const { kind, values } = parameters;
  if (names.length === 0) {
    const { changes } = kind === 'named' ? statement.run(values) : statement.run(...values);
    return Number(changes);
  }
  const rows = (kind === 'named'
    ? statement.all(values)
    : statement.all(...values)) as unknown as SQLOutputValue[][];
  if (names.length === 1) return rows.map(([value]) => luaOf(value));
  // The original reads a row before it asks whether there is one.
  if (rows.length === 0) return [new Map()];
  return rows.map((row) => new Map(names.map((name, i) => [name, luaOf(row[i])])));
}

function luaOf(value: SQLOutputValue | undefined): LuaValue {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'bigint') return integerValue(value);
  return typeof value === 'number' ? floatValue(value) : value;
}

/** Of a parameter that the statement does not have. */
const SQLITE_RANGE = 25;

/** `no such table: x (code 1)`: SQLite's sentence and primary result code. */
function sqliteError(error: unknown, binding = ''): Error {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (message.startsWith('Unknown named parameter')) {
    return new Error(`${binding}: the index is out of range (0)`, { cause: error });
  }
  if (errcode === undefined) return error as Error;
  const text = `${message} (code ${errcode & 0xff})`;
  return new Error(errcode === SQLITE_RANGE ? `${binding}: ${text}` : text, { cause: error });
}
