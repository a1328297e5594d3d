/**
 * `kumo.memoize`: results shared by all contexts. Values are frozen when they are stored and thawed
 * on every call, the first one included, so a table comes back as a `MemoizedTable`.
 *
 * An error of the wrapped function is not stored and is raised anew as text: a `kumo.reject` inside
 * is no reject any more.
 *
 * Source: reference `lua-api.md` §3.3; recorded behaviour of KumoMTA.
 */
import { toError } from '../../base/assert.ts';
import { deserialize } from '../config-read.ts';
import { duration } from '../config-scalars.ts';
import { bool, defaulted, required, struct, text, unsigned } from '../config-serde.ts';
import type { HostCall, HostResult } from '../lua/host-function.ts';
import { LuaError } from '../lua/lua-error.ts';
import { HostClosure, type LuaFunctionRef, type LuaValue } from '../lua/lua-value.ts';
import { luaJsonText, luaToJson } from '../lua-json.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import { MemoizeCache, type Memoized, type MemoizeSettings } from './memoize-cache.ts';
import { freeze, MemoizedTable, thaw } from './memoized-table.ts';
import { after } from './settle.ts';

const MEMOIZE = struct('MemoizeParams', {
  ttl: required(duration),
  capacity: required(unsigned('usize')),
  name: required(text),
  invalidate_with_epoch: defaulted(bool, false),
  retry_on_populate_timeout: defaulted(bool, false),
  populate_timeout: defaulted(duration, 120_000),
  allow_stale_reads: defaulted(bool, false),
});

export function memoizeBindings(deps: CoreDeps): Bindings {
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          memoize: {
            effect: 'read',
            signature: 'memoize(fn, {name, ttl, capacity, …}) -> function',
            doc: 'A function that remembers the results of `fn` for all contexts.',
            run: (call) => memoize(deps, call),
          },
        },
      },
    ],
    types: [],
  };
}

function memoize(deps: CoreDeps, call: HostCall): HostResult {
  const fn = call.func(1);
  const read = deserialize(MEMOIZE, call.value(2), (object) => call.context.pairsOf(object));
  if (BUILT_IN_CACHES.has(read.name)) {
    throw new Error(`cannot use name \`${read.name}\` for a memoize cache: it is a built-in cache`);
  }
  const settings: MemoizeSettings = {
    name: read.name,
    ttlMs: read.ttl,
    capacity: read.capacity,
    invalidateWithEpoch: read.invalidate_with_epoch,
    retryOnPopulateTimeout: read.retry_on_populate_timeout,
    populateTimeoutMs: read.populate_timeout,
    allowStaleReads: read.allow_stale_reads,
  };
  const known = deps.world.caches.get(settings.name);
  if (!known || JSON.stringify(known.settings) !== JSON.stringify(settings)) {
    deps.world.caches.set(settings.name, new MemoizeCache(settings, deps));
  }
  return new HostClosure(settings.name, (inner) => lookUp(deps, settings.name, fn, inner));
}

/** KumoMTA's own caches: a policy may set their capacity, and not take their names. */
export const BUILT_IN_CACHES: ReadonlySet<string> = new Set([
  'acl_definition',
  'dns_resolver_aaaa',
  'dns_resolver_addr',
  'dns_resolver_ip',
  'dns_resolver_ipv4',
  'dns_resolver_ipv6',
  'dns_resolver_mx',
  'egress_pool',
  'egress_source',
  'http_server_auth',
  'mta_sts_policy',
]);

function lookUp(deps: CoreDeps, name: string, fn: LuaFunctionRef, call: HostCall): HostResult {
  const cache = deps.world.caches.get(name);
  if (!cache) throw new Error(`Bug: memoize cache ${name} is gone`);
  const key = cacheKey(call, cache.settings, deps.world.epoch);
  const hit = cache.find(key);
  if (hit) return toLua(hit);
  if (cache.isPopulating(key)) {
    const stale = cache.settings.allowStaleReads ? cache.findStale(key) : undefined;
    if (stale) return toLua(stale);
    return waitAndRetry(deps, cache, key, name, fn, call);
  }
  return compute(deps, cache, key, fn, call);
}

async function waitAndRetry(
  deps: CoreDeps,
  cache: MemoizeCache,
  key: string,
  name: string,
  fn: LuaFunctionRef,
  call: HostCall,
): Promise<LuaValue> {
  await cache.waitFor(key);
  const result = await lookUp(deps, name, fn, call);
  return result as LuaValue;
}

function compute(
  deps: CoreDeps,
  cache: MemoizeCache,
  key: string,
  fn: LuaFunctionRef,
  call: HostCall,
): HostResult {
  const keep = (values: readonly LuaValue[]): LuaValue => {
    const result = memoized(values);
    cache.store(key, result);
    return toLua(result);
  };
  const fail = (thrown: unknown): never => {
    const error = toError(thrown);
    deps.services.diagnostic('error', `memoize ${cache.settings.name}: ${error.message}`);
    throw error instanceof LuaError ? new Error(error.message) : error;
  };
  let results: readonly LuaValue[] | Promise<readonly LuaValue[]>;
  try {
    results = call.context.forward(fn, call);
    if (results instanceof Promise) {
      const kept = results.then(keep);
      cache.populate(key, kept);
      return kept.catch(fail);
    }
    return after(results, keep);
  } catch (thrown) {
    return fail(thrown);
  }
}

/** One value, or a list of several: KumoMTA makes one array of them. */
function memoized(values: readonly LuaValue[]): Memoized {
  if (values.length > 1) return { kind: 'list', list: values.map((value) => luaToJson(value)) };
  if (values[0] instanceof MemoizedTable) {
    throw new Error('cannot serialize <userdata>: MemoizedTable cannot be memoized');
  }
  return { kind: 'one', value: freeze(values[0]) };
}

function toLua(result: Memoized): LuaValue {
  return result.kind === 'one' ? thaw(result.value) : result.list;
}

/** JSON of the arguments: none is null, one is itself, several are an array. */
function cacheKey(call: HostCall, settings: MemoizeSettings, epoch: number): string {
  const values: string[] = [];
  for (let n = 1; n <= call.count; n++) values.push(luaJsonText(call.value(n)));
  const args =
    values.length === 0 ? 'null' : values.length === 1 ? values[0] : `[${values.join(',')}]`;
  const isPerEpoch = settings.invalidateWithEpoch && !settings.allowStaleReads;
  return isPerEpoch ? `${epoch} ${args}` : `${args}`;
}
