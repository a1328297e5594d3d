/**
 * Lookup structures that may be memoized and shared: `kumo.domain_map`, `kumo.cidr` and
 * `kumo.regex_set_map`.
 *
 * Source: reference `lua-api.md` §3.9.
 */
import { CidrMap as Networks, parseNetwork } from '../../base/cidr.ts';
import type { HostCall, HostFunction, UserdataType } from '../lua/host-function.ts';
import { LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { pairsOf, textOf } from './lua-data.ts';
import { freeze, MEMOIZED_TABLE_TYPE, ShareableObject, thaw } from './memoized-table.ts';
import type { Frozen } from './memoized-table.ts';
import { compileRegex } from './regex-compile.ts';

export function lookupBindings(_deps: BindingDeps): Bindings {
  const maker = (
    signature: string,
    doc: string,
    make: (pairs: [string, Frozen][]) => ShareableObject,
  ): HostFunction => ({ effect: 'pure', signature, doc, run: (call) => make(contents(call)) });
  return {
    modules: [
      {
        path: ['kumo', 'domain_map'],
        functions: {
          new: maker(
            'new(table?) -> DomainMap',
            'A map of domains in which *.example.com matches every name below example.com.',
            (pairs) => new DomainMap(pairs),
          ),
        },
      },
      {
        path: ['kumo', 'cidr'],
        functions: {
          make_map: maker(
            'make_map(table?) -> CidrMap',
            'A map from networks and addresses to values.',
            (pairs) => new CidrMap(pairs),
          ),
        },
      },
      {
        path: ['kumo', 'regex_set_map'],
        functions: {
          new: maker(
            'new(table?) -> RegexSetMap',
            'A map from patterns to values; the first pattern that matches decides.',
            (pairs) => new RegexSetMap(pairs),
          ),
        },
      },
    ],
    types: [MEMOIZED_TABLE_TYPE, DOMAIN_MAP_TYPE, CIDR_MAP_TYPE, REGEX_SET_MAP_TYPE],
  };
}

/** The pairs of the optional table; userdata is not taken for one. */
function contents(call: HostCall): [string, Frozen][] {
  if (call.isNil(1)) return [];
  const table = call.value(1);
  if (!(table instanceof LuaTable)) {
    throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to table`);
  }
  return pairsOf(table).map(([key, value]) => [keyText(key), freeze(value)]);
}

function keyText(key: LuaValue): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new Error('error converting Lua value to String (expected string or number)');
}

interface DomainNode {
  readonly children: Map<string, DomainNode>;
  value?: Frozen;
}

/**
 * A tree of labels from the right, case kept. The walk follows exact labels; at the first one that
 * is missing it takes a `*` of that level, whatever else would match further up.
 */
class DomainMap extends ShareableObject {
  readonly luaTypeName = 'DomainMap';
  readonly #root: DomainNode = { children: new Map() };

  constructor(pairs: readonly [string, Frozen][]) {
    super();
    for (const [domain, value] of pairs) this.set(domain, value);
  }

  set(domain: string, value: Frozen): void {
    let node = this.#root;
    for (const label of domain.split('.').reverse()) {
      let child = node.children.get(label);
      if (!child) node.children.set(label, (child = { children: new Map() }));
      node = child;
    }
    node.value = value;
  }

  get(domain: string): Frozen {
    let node = this.#root;
    for (const label of domain.split('.').reverse()) {
      const child = node.children.get(label);
      if (!child) return node.children.get('*')?.value;
      node = child;
    }
    return node.value;
  }
}

const DOMAIN_MAP_TYPE: UserdataType<DomainMap> = {
  name: 'DomainMap',
  class: DomainMap,
  methods: {},
  index: (map, key) => thaw(map.get(keyText(key))),
  newIndex: (map, key, value) => map.set(keyText(key), freeze(value)),
};

class CidrMap extends ShareableObject {
  readonly luaTypeName = 'CidrMap';
  readonly #networks = new Networks<Frozen>();

  constructor(pairs: readonly [string, Frozen][]) {
    super();
    for (const [network, value] of pairs) this.set(network, value);
  }

  set(network: string, value: Frozen): void {
    this.#networks.set(parseNetwork(network), value);
  }

  get(address: string): Frozen {
    return this.#networks.get(parseNetwork(address).ip);
  }
}

const CIDR_MAP_TYPE: UserdataType<CidrMap> = {
  name: 'CidrMap',
  class: CidrMap,
  methods: {},
  index: (map, key) => thaw(map.get(keyText(key))),
  newIndex: (map, key, value) => map.set(keyText(key), freeze(value)),
};

class RegexSetMap extends ShareableObject {
  readonly luaTypeName = 'RegexSetMap';
  readonly #patterns: readonly (readonly [RegExp, Frozen])[];

  constructor(pairs: readonly [string, Frozen][]) {
    super();
    this.#patterns = pairs.map(([pattern, value]) => [
      compileRegex(pattern, 'linear').expression,
      value,
    ]);
  }

  get(text: string): Frozen {
    return this.#patterns.find(([expression]) => text.search(expression) >= 0)?.[1];
  }
}

const REGEX_SET_MAP_TYPE: UserdataType<RegexSetMap> = {
  name: 'RegexSetMap',
  class: RegexSetMap,
  methods: {},
  index: (map, key) => thaw(map.get(keyText(key))),
};
