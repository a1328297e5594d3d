/**
 * `kumo.aaa.*`: access control lists for the HTTP API, as objects a policy makes, keeps and asks.
 *
 * Source: reference `lua-api.md` §3.20.
 */
import { readFileSync } from 'node:fs';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import type { JsonValue } from '../../mail/json.ts';
import { deserializeRaw } from '../config-read.ts';
import { AUTH_INFO } from '../auth-info.ts';
import type { HostCall, HostFunction, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { luaToJson } from '../lua-json.ts';
import { configureAcctLog } from './aaa-acct.ts';
import { decidingRule, httpResourceChain, parseRules } from './aaa-acl.ts';
import type { AclRule } from './aaa-acl.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { inert } from './inert.ts';
import { ShareableObject } from './memoized-table.ts';
import { parseJson } from './serde-json.ts';
import { parseToml } from './serde-toml.ts';

/** What `get_acl_definition` returns. `definition` is the list of rules as written. */
export class AccessControlList extends ShareableObject {
  readonly luaTypeName = 'AccessControlListWrap';
  readonly definition: JsonValue;
  readonly rules: readonly AclRule[];

  constructor(definition: JsonValue) {
    super();
    this.definition = definition;
    this.rules = parseRules(definition);
  }
}

/** Lists by resource. */
class AclMap extends ShareableObject {
  readonly luaTypeName = 'ACLMap';
  readonly lists: ReadonlyMap<string, AccessControlList>;

  constructor(lists: ReadonlyMap<string, AccessControlList>) {
    super();
    this.lists = lists;
  }
}

class Resource extends HostObject {
  readonly luaTypeName = 'Resource';
  readonly chain: readonly string[];

  constructor(chain: readonly string[]) {
    super();
    this.chain = chain;
  }
}

class QueryResult extends HostObject {
  readonly luaTypeName = 'ACLQueryResult';
  readonly rule: AclRule | undefined;
  readonly resource: string | undefined;

  constructor(rule: AclRule | undefined, resource: string | undefined) {
    super();
    this.rule = rule;
    this.resource = resource;
  }
}

export function aaaBindings(deps: BindingDeps): Bindings {
  let fallBack: AclMap | null = null;
  const functions: Record<string, HostFunction> = {
    make_access_control_list: {
      effect: 'pure',
      signature: 'make_access_control_list(rules) -> ACL',
      doc: 'A list of rules, each with criteria, privilege and access.',
      run: (call) => asDeserialized(() => new AccessControlList(luaToJson(call.value(1)))),
    },
    load_acl_map: {
      effect: 'read',
      signature: 'load_acl_map(path) -> ACLMap',
      doc: 'Lists by resource out of a TOML or JSON file.',
      run: (call) => loadMap(deps, call.string(1)),
    },
    make_http_url_resource: {
      effect: 'pure',
      signature: 'make_http_url_resource(listener, url) -> Resource',
      doc: 'The resource behind a URL of a listener, with all resources above it.',
      run: (call) => new Resource(httpResourceChain(call.string(1), call.string(2))),
    },
    query_resource_access: {
      effect: 'read',
      signature: 'query_resource_access(resource, auth_info, privilege) -> result',
      doc: 'Whether someone may do something with a resource, and which rule says so.',
      run: async (call) => {
        const { chain } = call.object(1, Resource);
        const auth = authInfoOf(call, 2);
        const privilege = call.string(3);
        for (const resource of chain) {
          const list = (await definedList(deps, resource)) ?? fallBack?.lists.get(resource);
          const rule = list && decidingRule(list.rules, privilege, auth);
          if (rule) return new QueryResult(rule, resource);
        }
        return new QueryResult(undefined, undefined);
      },
    },
    set_fall_back_to_acl_map: {
      effect: 'write',
      signature: 'set_fall_back_to_acl_map(map)',
      doc: 'Asks this map when get_acl_definition does not answer.',
      run: (call) => {
        fallBack = call.isNil(1) ? null : call.object(1, AclMap);
        return undefined;
      },
    },
    configure_acct_log: configureAcctLog(deps),
    set_acl_cache_ttl: inert('set_acl_cache_ttl(duration)', 'Accepted; definitions are not kept.'),
    set_check_cache_ttl: inert('set_check_cache_ttl(duration)', 'Accepted; results are not kept.'),
  };
  return {
    modules: [{ path: ['kumo', 'aaa'], functions }],
    types: [ACL_TYPE, ACL_MAP_TYPE, RESOURCE_TYPE, QUERY_RESULT_TYPE],
  };
}

const ACL_TYPE: UserdataType<AccessControlList> = {
  name: 'AccessControlListWrap',
  class: AccessControlList,
};
const RESOURCE_TYPE: UserdataType<Resource> = { name: 'Resource', class: Resource };

const ACL_MAP_TYPE: UserdataType<AclMap> = {
  name: 'ACLMap',
  class: AclMap,
  methods: {
    get: {
      effect: 'pure',
      signature: 'get(resource) -> ACL?',
      doc: 'The list of a resource.',
      run: ({ lists }, call) => lists.get(call.string(1)),
    },
  },
};

const QUERY_RESULT_TYPE: UserdataType<QueryResult> = {
  name: 'ACLQueryResult',
  class: QueryResult,
  fields: {
    allow: ({ rule }) => rule?.access === 'Allow',
    rule: ({ rule }): LuaValue => rule && { privilege: rule.privilege, access: rule.access },
    resource: ({ resource }) => resource,
  },
};

/** What the policy's own handler says about a resource. */
async function definedList(
  deps: BindingDeps,
  resource: string,
): Promise<AccessControlList | undefined> {
  try {
    const [list] = await deps.callEvent('get_acl_definition', [resource]);
    return list instanceof AccessControlList ? list : undefined;
  } catch (error) {
    if (/has not been registered/.test((error as Error).message)) return undefined;
    throw error;
  }
}

function authInfoOf(call: HostCall, n: number): AuthInfo {
  return deserializeRaw(AUTH_INFO, call.value(n));
}

function loadMap(deps: BindingDeps, path: string): AclMap {
  let text: string;
  try {
    text = readFileSync(deps.mapPath(path, 'read'), 'utf8');
  } catch (error) {
    throw new Error(`reading file ${path}: ${errnoText(error)}`, { cause: error });
  }
  const data = luaToJson(path.endsWith('.toml') ? parseToml(text) : parseJson(text));
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new Error(`${path}: expected a table of resources`);
  }
  const lists = Object.entries(data).map(([resource, rules]) => {
    const list = asDeserialized(() => new AccessControlList(rules));
    return [resource, list] as const;
  });
  return new AclMap(new Map(lists));
}

function asDeserialized<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`deserialize error: ${(error as Error).message}`, { cause: error });
  }
}
