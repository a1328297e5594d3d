/**
 * What Lua can call, as one list: every function of every module and every method of every userdata
 * type, with the path or the receiver put before the signature that its binding gives. Completion,
 * hover docs and `docs/reference/lua.md` are made of it.
 */
import { allBindings } from './bindings/all-groups.ts';
import type { CoreDeps } from './bindings/core-deps.ts';
import type { Effect } from './lua/host-function.ts';
import { PolicyWorld } from './policy-world.ts';

export interface LuaEntry {
  /** `kumo.json_parse`, `Message:set_meta`. */
  readonly name: string;
  /** `kumo.json_parse(text) -> value`, `msg:set_meta(key, value)`. */
  readonly signature: string;
  readonly doc: string;
  readonly effect: Effect;
}

export interface LuaGroup {
  /** `kumo.string`, `Message`. */
  readonly name: string;
  readonly kind: 'module' | 'type';
  readonly entries: readonly LuaEntry[];
  /** Names of a type's values: `address.domain`. */
  readonly fields: readonly string[];
}

/** How policies usually call a value of a type; others are called like their type. */
const RECEIVERS: Readonly<Record<string, string>> = {
  Message: 'msg',
  ConnectionMetaData: 'conn_meta',
  EnvelopeAddress: 'address',
  'FILE*': 'file',
  AsyncFile: 'file',
  UserThrottle: 'throttle',
  CounterSeries: 'series',
  Conn: 'connection',
  RedisConnection: 'connection',
  WebSocketStream: 'websocket',
  ACLMap: 'map',
  ACLQueryResult: 'result',
};

export function receiverOf(type: string): string {
  return RECEIVERS[type] ?? type.replace(/(?<=[a-z])([A-Z])/g, '_$1').toLowerCase();
}

export function luaGroups(): readonly LuaGroup[] {
  const groups = new Map<string, LuaGroup>();
  const add = (group: LuaGroup): void => {
    const { entries, fields } = group;
    const known = groups.get(group.name);
    if (entries.length + fields.length === 0) return;
    groups.set(group.name, known ? { ...known, entries: [...known.entries, ...entries] } : group);
  };
  // The bindings keep what they are given for the calls, and nothing is called here.
  const deps: Partial<CoreDeps> = { world: new PolicyWorld({ isStrict: false }) };
  for (const { modules, types } of allBindings(deps as CoreDeps)) {
    for (const { path, functions } of modules) {
      const name = path.filter((part) => part !== '_G').join('.');
      const prefix = name === '' ? '' : `${name}.`;
      const entries = Object.entries(functions).map(([own, fn]) => entry(prefix, prefix, own, fn));
      add({ name, kind: 'module', entries, fields: [] });
    }
    for (const { name, methods = {}, fields = {} } of types) {
      const receiver = `${receiverOf(name)}:`;
      const entries = Object.entries(methods).map(([own, fn]) =>
        entry(`${name}:`, receiver, own, fn),
      );
      add({ name, kind: 'type', entries, fields: Object.keys(fields) });
    }
  }
  return [...groups.values()];
}

function entry(
  path: string,
  receiver: string,
  own: string,
  fn: Pick<LuaEntry, 'signature' | 'doc' | 'effect'>,
): LuaEntry {
  const { signature, doc, effect } = fn;
  return { name: path + own, signature: receiver + signature, doc, effect };
}
