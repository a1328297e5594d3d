/**
 * Settings of KumoMTA's threads, caches and memory. Those that concern Lua contexts are honoured,
 * the others are checked and have no effect here.
 *
 * Source: reference `lua-api.md` §3.20, §17.2.
 */
import { availableParallelism, totalmem } from 'node:os';
import { parseThrottle } from '../config-scalars.ts';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import { inert } from './inert.ts';
import { BUILT_IN_CACHES } from './memoize.ts';

const THREAD_SETTINGS = [
  'set_httpinject_threads',
  'set_smtpsrv_threads',
  'set_qmaint_threads',
  'set_ready_qmaint_threads',
  'set_readyq_threads',
  'set_spoolin_threads',
  'set_logging_threads',
] as const;

export function tuningBindings(deps: CoreDeps): Bindings {
  const { tuning } = deps.world;
  const honoured = (
    signature: string,
    doc: string,
    run: (call: HostCall) => void,
  ): HostFunction => ({
    effect: 'write',
    signature,
    doc,
    run: (call) => void run(call),
  });
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          ...Object.fromEntries(
            THREAD_SETTINGS.map((name) => [
              name,
              inert(`${name}(n)`, 'Accepted; there are no such threads.', (call) =>
                call.integer(1, 'usize'),
              ),
            ]),
          ),
          ...memorySettings(deps),
          set_max_lua_context_use_count: honoured(
            'set_max_lua_context_use_count(n)',
            'Events after which a context is retired.',
            (call) => (tuning.contextUsesMax = call.integer(1, 'usize')),
          ),
          set_max_lua_context_age: honoured(
            'set_max_lua_context_age(seconds)',
            'Age at which a context is retired.',
            (call) => (tuning.contextAgeMsMax = call.integer(1, 'usize') * 1000),
          ),
          set_max_spare_lua_contexts: honoured(
            'set_max_spare_lua_contexts(n)',
            'Idle contexts that are kept.',
            (call) => (tuning.spareContextsMax = call.integer(1, 'usize')),
          ),
          set_lua_gc_on_put: honoured(
            'set_lua_gc_on_put(percent)',
            'Chance that a returned context is collected.',
            (call) => (tuning.collectPercent = call.integer(1, 'u8')),
          ),
          set_httpinject_recipient_rate_limit: inert(
            'set_httpinject_recipient_rate_limit(spec | nil)',
            'Accepted; injection is not limited.',
            (call) => call.isNil(1) || parseThrottle(call.string(1)),
          ),
          set_lruttl_cache_capacity: inert(
            'set_lruttl_cache_capacity(name, n)',
            'Accepted; caches have fixed sizes.',
            (call) => {
              const name = call.string(1);
              call.integer(2, 'usize');
              if (!BUILT_IN_CACHES.has(name) && !deps.world.caches.has(name)) {
                throw new Error(
                  `could not set capacity for cache ${name} as that is not a pre-defined lruttl cache name`,
                );
              }
            },
          ),
          set_timeq_spawn_reinsertion: inert(
            'set_timeq_spawn_reinsertion(boolean)',
            'Accepted; has no effect.',
          ),
          enable_memory_callstack_tracking: inert(
            'enable_memory_callstack_tracking(boolean)',
            'Accepted; has no effect.',
          ),
          configure_accounting_db_path: {
            effect: 'write',
            signature: 'configure_accounting_db_path(path)',
            doc: 'Counts recipients received and delivered by month in this database.',
            run: (call) =>
              deps.services.configureAccountingDb(call.string(1)).then(() => undefined),
          },
          suspend_delivery_when_spool_unhealthy: inert(
            'suspend_delivery_when_spool_unhealthy(boolean)',
            'Accepted; a store that fails stops delivery by itself.',
          ),
          configure_redis_throttles: inert(
            'configure_redis_throttles{…}',
            'Accepted; rates are counted in this process.',
            (call) => call.value(1),
          ),
          available_parallelism: {
            effect: 'read',
            signature: 'available_parallelism() -> integer',
            doc: 'Processors of this machine.',
            run: () => availableParallelism(),
          },
          prometheus_metrics: {
            effect: 'read',
            signature: 'prometheus_metrics() -> string',
            doc: 'Empty: the metrics are served over HTTP.',
            run: () => '',
          },
        },
      },
    ],
    types: [],
  };
}

/** KumoMTA's shares of the machine's memory, until a policy says otherwise. */
function memorySettings(deps: CoreDeps): Record<string, HostFunction> {
  const { memory } = deps.world;
  const hard = (): number => memory.hard ?? totalmem();
  const soft = (): number => memory.soft ?? Math.floor(hard() * 0.75);
  const low = (): number => memory.low ?? Math.floor(soft() * 0.8);
  const getter = (name: string, get: () => number): HostFunction => ({
    effect: 'read',
    signature: `${name}() -> integer`,
    doc: 'Bytes.',
    run: () => get(),
  });
  const setter = (name: string, set: (bytes: number) => void): HostFunction => ({
    effect: 'write',
    signature: `${name}(bytes)`,
    doc: 'Remembered; memory is limited by other means here.',
    run: (call) => void set(call.integer(1, 'usize')),
  });
  return {
    get_memory_hard_limit: getter('get_memory_hard_limit', hard),
    get_memory_soft_limit: getter('get_memory_soft_limit', soft),
    get_memory_low_thresh: getter('get_memory_low_thresh', low),
    set_memory_hard_limit: setter('set_memory_hard_limit', (bytes) => (memory.hard = bytes)),
    set_memory_soft_limit: setter('set_memory_soft_limit', (bytes) => {
      memory.soft = bytes;
      memory.low = Math.floor(bytes * 0.8);
    }),
    set_memory_low_thresh: setter('set_memory_low_thresh', (bytes) => (memory.low = bytes)),
  };
}
