/**
 * `kumo.dns.*`: lookups through the engine's resolver, block lists, and resolvers with names of
 * their own. Test zones replace the resolver; every other configuration is checked and recorded,
 * because what may be asked outside is decided by the guard, not by the policy.
 *
 * Source: reference `lua-api.md` §3.13.
 */
import { parseIp, splitIpPort } from '../../base/ip.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { IpLookupStrategy, Resolver } from '../../dns/resolver.ts';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import { MultiValue } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { namedResolver, readResolverConfig, testZonesOf } from './dns-config.ts';
import { inert } from './inert.ts';

const STRATEGIES: readonly IpLookupStrategy[] = [
  'Ipv4AndIpv6',
  'Ipv4Only',
  'Ipv6Only',
  'Ipv4ThenIpv6',
  'Ipv6ThenIpv4',
];

export function dnsBindings(deps: BindingDeps): Bindings {
  const named = new Map<string, Resolver>();
  const resolverFor = (call: HostCall, n: number): Resolver => {
    const name = call.optString(n);
    if (name === undefined) return deps.resolver;
    const found = named.get(name);
    if (!found) throw new Error(`resolver ${name} is not defined`);
    return found;
  };
  return {
    modules: [
      {
        path: ['kumo', 'dns'],
        functions: {
          ...lookupFunctions(resolverFor),
          ...addressFunctions,
          ...configurationFunctions(deps, named),
        },
      },
    ],
    types: [],
  };
}

function lookupFunctions(
  resolverFor: (call: HostCall, n: number) => Resolver,
): Record<string, HostFunction> {
  return {
    lookup_mx: {
      effect: 'network',
      signature: 'lookup_mx(domain, resolver?) -> table',
      doc: 'The mail exchangers of a domain: hosts, by_pref, site_name and flags.',
      run: async (call) => {
        const mx = await resolverFor(call, 2).lookupMx(call.string(1));
        return {
          domain_name: mx.domainName,
          hosts: mx.hosts,
          site_name: mx.siteName,
          by_pref: new Map<LuaValue, LuaValue>(mx.byPreference),
          is_domain_literal: mx.isDomainLiteral,
          is_secure: mx.isSecure,
          is_mx: mx.isMx,
        };
      },
    },
    lookup_addr: {
      effect: 'network',
      signature: 'lookup_addr(name, resolver?, strategy?) -> list',
      doc: 'The addresses of a host, IPv4 first.',
      run: (call) => {
        const resolver = resolverFor(call, 2);
        return resolver.lookupAddr(call.string(1), strategyOf(call.optString(3)));
      },
    },
    lookup_txt: {
      effect: 'network',
      signature: 'lookup_txt(name, resolver?) -> list',
      doc: 'The TXT records of a name.',
      run: (call) => resolverFor(call, 2).lookupTxt(call.string(1)),
    },
    lookup_ptr: {
      effect: 'network',
      signature: 'lookup_ptr(ip, resolver?) -> list',
      doc: 'The names of an address.',
      run: (call) => resolverFor(call, 2).lookupPtr(call.string(1)),
    },
    rbl_lookup: {
      effect: 'network',
      signature: 'rbl_lookup(ip, zone, resolver?) -> ip?, text?',
      doc: 'What a DNS block list says of an address: its answer and its reason, nil when unlisted.',
      run: async (call) => {
        const resolver = resolverFor(call, 3);
        const name = `${reversed(call.string(1))}.${call.string(2)}`;
        const [listed] = await existing(() => resolver.lookupAddr(name, 'Ipv4Only'));
        if (listed === undefined) return new MultiValue(undefined, undefined);
        const reasons = await existing(() => resolver.lookupTxt(name));
        return new MultiValue(listed, reasons.length > 0 ? reasons.join(' ') : undefined);
      },
    },
  };
}

const addressFunctions: Record<string, HostFunction> = {
  ptr_host: {
    effect: 'pure',
    signature: 'ptr_host(ip) -> string',
    doc: 'The name under which the PTR record of an address is found.',
    run: (call) => {
      const ip = call.string(1);
      return `${reversed(ip)}.${addressOf(ip).bits === 32 ? 'in-addr' : 'ip6'}.arpa`;
    },
  },
  reverse_ip: {
    effect: 'pure',
    signature: 'reverse_ip(ip) -> string',
    doc: 'The octets (or hex digits) of an address in reverse order.',
    run: (call) => reversed(call.string(1)),
  },
};

function configurationFunctions(
  deps: BindingDeps,
  named: Map<string, Resolver>,
): Record<string, HostFunction> {
  return {
    configure_test_resolver: {
      effect: 'write',
      signature: 'configure_test_resolver(zones)',
      doc: 'Replaces the resolver by zone texts; names outside them do not exist.',
      run: (call) => {
        const { zones, servfail } = testZonesOf(call.value(1));
        deps.resolver.configureTestResolver(zones, servfail);
        return undefined;
      },
    },
    configure_resolver: {
      effect: 'write',
      signature: 'configure_resolver(config)',
      doc: 'Chooses the default resolver; only Test zones change what is asked here.',
      run: (call) => {
        const config = readResolverConfig(call.value(1));
        if (config.kind === 'test') {
          deps.resolver.configureTestResolver(config.zones, config.servfail);
        }
        return undefined;
      },
    },
    define_resolver: {
      effect: 'write',
      signature: 'define_resolver(name, config)',
      doc: 'Gives a name to a resolver that lookups may ask for.',
      run: (call) => {
        named.set(call.string(1), namedResolver(deps, readResolverConfig(call.value(2))));
        return undefined;
      },
    },
    configure_unbound_resolver: inert(
      'configure_unbound_resolver(config)',
      'Accepted; names are resolved by this engine.',
      (call) => readResolverConfig(call.value(1)),
    ),
    load_resolv_conf: inert(
      'load_resolv_conf(path?)',
      'Accepted; the name servers of this machine are used.',
      (call) => call.optString(1),
    ),
    set_mx_concurrency_limit: inert(
      'set_mx_concurrency_limit(count)',
      'Accepted; there is no limit.',
      (call) => call.integer(1, 'usize'),
    ),
    set_mx_timeout: inert(
      'set_mx_timeout(duration)',
      'Accepted; lookups keep their own timeout.',
      (call) => call.value(1),
    ),
    set_mx_negative_cache_ttl: inert(
      'set_mx_negative_cache_ttl(duration)',
      'Accepted; failures are not kept.',
      (call) => call.value(1),
    ),
    set_mta_sts_enabled: inert(
      'set_mta_sts_enabled(enabled)',
      'Accepted; MTA-STS is not applied.',
      (call) => call.boolean(1),
    ),
    configure_test_mta_sts: inert(
      'configure_test_mta_sts(policies)',
      'Accepted; MTA-STS is not applied.',
      (call) => call.value(1),
    ),
  };
}

function strategyOf(name: string | undefined): IpLookupStrategy | undefined {
  if (name === undefined) return undefined;
  const found = STRATEGIES.find((strategy) => strategy === name);
  if (found) return found;
  const known = STRATEGIES.map((strategy) => `\`${strategy}\``).join(', ');
  throw new Error(`unknown variant \`${name}\`, expected one of ${known}`);
}

function addressOf(text: string): NonNullable<ReturnType<typeof parseIp>> {
  const ip = parseIp(splitIpPort(text)?.ip ?? text);
  if (!ip) throw new Error(`invalid address: \`${text}\`: invalid IP address syntax`);
  return ip;
}

function reversed(text: string): string {
  const { bits, value } = addressOf(text);
  const digits =
    bits === 32 ? [0n, 8n, 16n, 24n] : Array.from({ length: 32 }, (_, i) => BigInt(4 * i));
  const mask = bits === 32 ? 255n : 15n;
  return digits.map((shift) => ((value >> shift) & mask).toString(bits === 32 ? 10 : 16)).join('.');
}

/** A name that does not exist has no records; other failures are the caller's. */
async function existing(lookup: () => Promise<string[]>): Promise<string[]> {
  try {
    return await lookup();
  } catch (error) {
    // Nobody may be asked: unlisted, as for the TXT and PTR lookups of a policy.
    const isAbsent = error instanceof DnsError && ['NXDOMAIN', 'REFUSED'].includes(error.code);
    if (isAbsent) return [];
    throw error;
  }
}
