/**
 * Resolver configurations as policies write them: test zones, or one of the kinds that ask real
 * name servers.
 *
 * Source: reference `lua-api.md` §3.13.
 */
import { LocalResolver } from '../../dns/local-resolver.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { textOf } from './lua-data.ts';

export interface TestZones {
  readonly zones: readonly { readonly zone: string; readonly secure: boolean }[];
  readonly servfail: readonly string[];
}

export type ResolverConfig = ({ readonly kind: 'test' } & TestZones) | { readonly kind: 'system' };

/** Kinds that ask name servers; here all of them mean the engine's own resolver. */
const SYSTEM_KINDS = ['Hickory', 'Unbound', 'Aggregate'];

/** Reads a list of zone texts (or `{zone=, secure=}`), or `{zones=…, servfail={…}}`. */
export function testZonesOf(value: LuaValue): TestZones {
  if (!(value instanceof LuaTable)) throw new Error('invalid type: expected a list of zones');
  const list = value.sequence.length > 0 ? value : value.get('zones');
  const servfail = value.get('servfail');
  return {
    zones: list instanceof LuaTable ? list.sequence.map(zoneOf) : [],
    servfail:
      servfail instanceof LuaTable ? servfail.sequence.map((name) => textOf(name) ?? '') : [],
  };
}

function zoneOf(value: LuaValue): { zone: string; secure: boolean } {
  const text = textOf(value);
  if (text !== undefined) return { zone: text, secure: false };
  const zone = value instanceof LuaTable ? textOf(value.get('zone')) : undefined;
  if (zone === undefined) {
    throw new Error('data did not match any variant of untagged enum TestResolverZone');
  }
  return { zone, secure: (value as LuaTable).get('secure') === true };
}

export function readResolverConfig(value: LuaValue): ResolverConfig {
  if (textOf(value) === 'HickorySystemConfig') return { kind: 'system' };
  if (value instanceof LuaTable) {
    const test = value.get('Test');
    if (test !== undefined) return { kind: 'test', ...testZonesOf(test) };
    // A bare table is the older form: options of the one resolver there was.
    const isKnown = SYSTEM_KINDS.some((kind) => value.get(kind) !== undefined);
    if (isKnown || value.get('name_servers') !== undefined || value.get('options') !== undefined) {
      return { kind: 'system' };
    }
    const found = textOf(value.entries[0]?.[0]) ?? 'nothing';
    throw new Error(
      `unknown variant \`${found}\`, expected one of \`Hickory\`, \`HickorySystemConfig\`, \`Unbound\`, \`Test\`, \`Aggregate\``,
    );
  }
  throw new Error('invalid type: expected a resolver configuration');
}

export function namedResolver(deps: BindingDeps, config: ResolverConfig): Resolver {
  if (config.kind === 'system') return deps.resolver;
  const resolver = new LocalResolver({ clock: deps.clock, system: null });
  resolver.configureTestResolver(config.zones, config.servfail);
  return resolver;
}
