/**
 * What a script can ask about its own configuration: the answers of its lookup events, the files the
 * epoch monitor watches, the epoch itself.
 *
 * `invoke_get_egress_path_config` runs the handler in the calling context; the others run theirs in
 * a context of its own, as in KumoMTA.
 *
 * Source: reference `lua-api.md` §1.4, §3.2.
 */
import { globSync } from 'node:fs';
import { formatDuration } from '../../base/duration.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import { parseQueueName } from '../../mail/queue-name.ts';
import { buildEgressSource } from '../config-build.ts';
import { EGRESS_SOURCE } from '../config-schema.ts';
import type { PolicyEvents } from '../events.ts';
import type { HostCall, HostFunction, HostResult } from '../lua/host-function.ts';
import { LUA_NULL, LuaTable, type LuaValue } from '../lua/lua-value.ts';
import { mluaType } from '../config-serde.ts';
import { jsonWithNulls } from '../lua-json.ts';
import type { EgressSource } from '../settings.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import { absent } from './inert.ts';
import { after } from './settle.ts';
import { DEFAULT_EGRESS_PATH } from './settings.ts';
import { treeOf } from './serde-encode.ts';
import { writeToml } from './serde-toml.ts';
import { EgressPathObject, QueueConfigObject } from './settings-objects.ts';

export function introspectionBindings(deps: CoreDeps): Bindings {
  const fn = (
    effect: HostFunction['effect'],
    signature: string,
    doc: string,
    run: HostFunction['run'],
  ): HostFunction => ({ effect, signature, doc, run });
  const events = (): PolicyEvents => {
    if (!deps.world.events) throw new Error('Bug: no policy is running');
    return deps.world.events;
  };
  const printer = (name: string): HostFunction =>
    absent(`kumo.${name}`, `${name}(config)`, 'its output is for people at a KumoMTA console');
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          invoke_get_egress_path_config: fn(
            'read',
            'invoke_get_egress_path_config(routing_domain, source, site) -> table',
            'The answer of that event.',
            (call) => invokePathConfig(deps, call),
          ),
          invoke_get_egress_source: fn(
            'read',
            'invoke_get_egress_source(name) -> table',
            'The answer of that event.',
            async (call) => {
              const name = call.string(1);
              const isBuiltIn = name === 'unspecified';
              return sourceTable(
                isBuiltIn ? PLAIN_SOURCE : await events().getEgressSource(name, null),
              );
            },
          ),
          invoke_get_egress_pool: fn(
            'read',
            'invoke_get_egress_pool(name?) -> table',
            'The answer of that event.',
            async (call) => {
              const name = call.optString(1) ?? 'unspecified';
              if (name === 'unspecified') return poolTable(name, [{ name, weight: 1 }], 60_000);
              const pool = await events().getEgressPool(name, null);
              return poolTable(pool.name, pool.entries, pool.ttlMs);
            },
          ),
          invoke_get_queue_config: fn(
            'read',
            'invoke_get_queue_config(queue_name) -> table',
            'The answer of that event.',
            async (call) => {
              const name = parseQueueName(call.string(1));
              const { domain, tenant, campaign, routingDomain } = name;
              const config = await events().getQueueConfig(
                domain,
                tenant,
                campaign,
                routingDomain,
                null,
              );
              return jsonWithNulls(config.json);
            },
          ),
          compute_egress_path_config_constraints: printer('compute_egress_path_config_constraints'),
          compute_queue_config_constraints: printer('compute_queue_config_constraints'),
          format_queue_config_toml: fn(
            'pure',
            'format_queue_config_toml(config) -> string',
            'The queue configuration as TOML, without what is unset.',
            (call) => tomlOf(call.object(1, QueueConfigObject).json),
          ),
          format_egress_path_config_toml: fn(
            'pure',
            'format_egress_path_config_toml(config) -> string',
            'The path configuration as TOML, without what is unset.',
            (call) => tomlOf(call.object(1, EgressPathObject).json),
          ),
          format_egress_path_config_constraints: printer('format_egress_path_config_constraints'),
          bump_config_epoch: fn(
            'write',
            'bump_config_epoch()',
            'Makes everything that is cached be asked again.',
            () => {
              deps.services.bumpConfigEpoch();
              return undefined;
            },
          ),
          set_config_monitor_globs: fn(
            'write',
            'set_config_monitor_globs(globs)',
            'Which files make up the configuration.',
            (call) => {
              deps.world.monitorGlobs = textList(call);
              return undefined;
            },
          ),
          eval_config_monitor_globs: fn(
            'read',
            'eval_config_monitor_globs() -> array',
            'The files that make up the configuration.',
            () => monitoredFiles(deps),
          ),
        },
      },
    ],
    types: [],
  };
}

function invokePathConfig(deps: CoreDeps, call: HostCall): HostResult {
  const [handler] = deps.world.contextOf(call.context)?.handlers.get(PATH_EVENT) ?? [];
  if (!handler) return jsonWithNulls(DEFAULT_EGRESS_PATH.json);
  const fn = { kind: 'function', ref: handler.ref, contextId: call.context.id } as const;
  return after(call.context.forward(fn, call), ([value]): LuaValue => {
    if (value instanceof EgressPathObject) return jsonWithNulls(value.json);
    throw new Error(`error converting Lua ${mluaType(value)} to EgressPathConfig`);
  });
}

const PATH_EVENT = 'get_egress_path_config';

function poolTable(
  name: string,
  entries: readonly { readonly name: string; readonly weight: number }[],
  ttlMs: number,
): LuaValue {
  return {
    name,
    entries: entries.map((entry) => ({ name: entry.name, weight: entry.weight })),
    ttl: formatDuration(ttlMs),
  };
}

/** What a queue without a pool sends from. */
const PLAIN_SOURCE: EgressSource = buildEgressSource(
  EGRESS_SOURCE.read({ name: 'unspecified' }, 'direct'),
);

const TOML_LAYOUT = { sorted: false, multiline: true, inlineEmptyTables: true };

function tomlOf(config: JsonObject): string {
  return writeToml(
    treeOf(setOnly(config), () => undefined),
    TOML_LAYOUT,
  );
}

/** TOML has no null: what is unset is left out. */
function setOnly(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(setOnly);
  if (typeof value !== 'object' || value === null) return value;
  const set = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(set.map(([key, item]) => [key, setOnly(item)]));
}

function sourceTable(source: EgressSource): LuaValue {
  const orNull = (value: string | number | null): LuaValue => value ?? LUA_NULL;
  return {
    name: source.name,
    ehlo_domain: orNull(source.ehloDomain),
    source_address: orNull(source.sourceAddress),
    remote_port: orNull(source.remotePort),
    ha_proxy_server: orNull(source.haProxyServer),
    ha_proxy_source_address: orNull(source.haProxySourceAddress),
    socks5_proxy_server: orNull(source.socks5ProxyServer),
    socks5_proxy_source_address: orNull(source.socks5ProxySourceAddress),
    socks5_proxy_username: LUA_NULL,
    socks5_proxy_password: LUA_NULL,
    suspend_when_unplumbed: LUA_NULL,
    suspend_when_proxy_unhealthy: LUA_NULL,
    ttl: formatDuration(source.ttlMs),
  };
}

function textList(call: HostCall): string[] {
  const value = call.value(1);
  if (!(value instanceof LuaTable)) {
    throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to Vec`);
  }
  return value.sequence.map((item) => {
    if (typeof item === 'string') return item;
    throw call.badArgument(1, `error converting Lua ${mluaType(item)} to String`);
  });
}

/** The files behind the globs; those of KumoMTA's own folder are the policy's. */
function monitoredFiles(deps: CoreDeps): string[] {
  const found = deps.world.monitorGlobs.flatMap((glob) => globSync(deps.world.realGlob(glob)));
  return [...new Set(found)].sort();
}
