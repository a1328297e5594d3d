/**
 * Traffic shaping rules as files say them, merged: options of egress paths by default, by provider,
 * by site and by domain, each with variants per source, and automation rules.
 *
 * A domain stands for its site (the domains that share its exchangers) unless `mx_rollup = false`.
 * Later files add to earlier ones unless a block says `replace_base = true`.
 *
 * Source: KumoMTA user guide, "Traffic shaping"; reference `lua-api.md` §3.20, §6.6.
 */
import { createHash } from 'node:crypto';
import { DnsError } from '../../dns/resolver.ts';
import type { MxResult, Resolver } from '../../dns/resolver.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { treeOf, writePrettyJson } from './serde-encode.ts';

export type Options = Map<string, LuaValue>;

/** Options and what goes with them, of a domain or a provider. */
export interface ShapingBlock {
  readonly options: Options;
  readonly sources: Map<string, Options>;
  readonly automation: Options[];
}

interface Domain extends ShapingBlock {
  readonly isRollup: boolean;
}

interface Provider extends ShapingBlock {
  readonly match: readonly ProviderMatch[];
  readonly limits: Options;
}

type ProviderMatch =
  | { readonly kind: 'mx-suffix'; readonly text: string }
  | { readonly kind: 'host'; readonly text: string }
  | { readonly kind: 'domain-suffix'; readonly text: string };

export type Level = 'Ignore' | 'Warn' | 'Error';

/** How loudly each kind of finding is told. */
export interface ShapingLevels {
  readonly dnsFail: Level;
  readonly nullMx: Level;
  readonly aliasedSite: Level;
  readonly providerOverlap: Level;
}

/** Keys of a block that are not options of a path. */
const BLOCK_KEYS = ['mx_rollup', 'replace_base', 'sources', 'automation', 'match'];
const PROVIDER_LIMITS = [
  'provider_connection_limit',
  'provider_max_message_rate',
  'provider_source_selection_rate',
];

export class ShapingData {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly #domains = new Map<string, Domain>();
  readonly #providers = new Map<string, Provider>();
  readonly #sites = new Map<string, ShapingBlock>();
  readonly #siteOwners = new Map<string, string>();

  /** @throws {Error} the file does not have this shape */
  addFile(name: string, data: LuaValue): void {
    for (const [key, value] of entriesOf(data, name)) {
      if (key === 'provider') {
        for (const [provider, block] of entriesOf(value, `${name}: provider`)) {
          this.#addProvider(provider, asOptions(block, `${name}: provider.${provider}`));
        }
      } else {
        this.#addDomain(key.toLowerCase(), asOptions(value, `${name}: ${key}`));
      }
    }
  }

  #addDomain(domain: string, block: Options): void {
    const known = block.get('replace_base') === true ? undefined : this.#domains.get(domain);
    const isRollup = block.get('mx_rollup') ?? known?.isRollup ?? domain !== 'default';
    this.#domains.set(domain, { ...mergeBlock(known, block), isRollup: isRollup === true });
  }

  #addProvider(name: string, block: Options): void {
    const known = block.get('replace_base') === true ? undefined : this.#providers.get(name);
    const merged = mergeBlock(known, block);
    const limits = new Map(known?.limits);
    for (const key of PROVIDER_LIMITS) {
      if (merged.options.has(key)) limits.set(key, merged.options.get(key));
      merged.options.delete(key);
    }
    const match = block.get('match');
    const rules = Array.isArray(match) ? (match as LuaValue[]).map(matchOf) : [];
    this.#providers.set(name, { ...merged, limits, match: [...(known?.match ?? []), ...rules] });
  }

  /** Finds the site of every domain that stands for one. */
  async resolveSites(resolver: Resolver, levels: ShapingLevels): Promise<void> {
    for (const [domain, block] of this.#domains) {
      if (!block.isRollup || domain === 'default') continue;
      const mx = await this.#lookup(resolver, domain, levels);
      if (!mx) continue;
      const owner = this.#siteOwners.get(mx.siteName);
      if (owner !== undefined) {
        this.#tell(
          levels.aliasedSite,
          `domain ${domain} and ${owner} have the same site ${mx.siteName}; use mx_rollup = false for one of them`,
        );
      }
      this.#siteOwners.set(mx.siteName, domain);
      this.#sites.set(mx.siteName, joinBlocks(this.#sites.get(mx.siteName), block));
    }
  }

  async #lookup(
    resolver: Resolver,
    domain: string,
    levels: ShapingLevels,
  ): Promise<MxResult | undefined> {
    try {
      const mx = await resolver.lookupMx(domain);
      if (!mx.hosts.includes('.')) return mx;
      this.#tell(levels.nullMx, `domain ${domain} has a null MX and cannot receive mail`);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      this.#tell(levels.dnsFail, `error resolving MX for ${domain}: ${error.message}`);
    }
    return undefined;
  }

  #tell(level: Level, text: string): void {
    if (level === 'Error') this.errors.push(text);
    if (level === 'Warn') this.warnings.push(text);
  }

  /** Options of one path, the more special block winning. */
  pathOptions(domain: string, source: string, site: string, hosts: readonly string[]): Options {
    const options: Options = new Map();
    const blocks = this.#blocksFor(domain, site, hosts);
    for (const { block } of blocks) copyInto(options, block.options);
    for (const { block } of blocks) copyInto(options, block.sources.get(source));
    for (const { provider, block } of blocks) {
      if (provider !== undefined) addProviderLimits(options, provider, source, block as Provider);
    }
    return options;
  }

  /** Automation rules for a destination, the most special first. */
  automationFor(domain: string, site: string, hosts: readonly string[]): readonly Options[] {
    return this.#blocksFor(domain, site, hosts)
      .reverse()
      .flatMap(({ block }) => block.automation);
  }

  #blocksFor(
    domain: string,
    site: string,
    hosts: readonly string[],
  ): { provider?: string; block: ShapingBlock }[] {
    const blocks: { provider?: string; block: ShapingBlock }[] = [];
    const base = this.#domains.get('default');
    if (base) blocks.push({ block: base });
    for (const [provider, block] of this.#providers) {
      if (isMatch(block.match, domain, hosts)) blocks.push({ provider, block });
    }
    const ofSite = this.#sites.get(site);
    if (ofSite) blocks.push({ block: ofSite });
    const own = this.#domains.get(domain.toLowerCase());
    if (own && !own.isRollup && domain.toLowerCase() !== 'default') blocks.push({ block: own });
    return blocks;
  }

  /** Source names that blocks mention, with who mentions them. */
  referencedSources(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    const all = [
      ...this.#domains,
      ...[...this.#providers].map(([n, b]) => [`provider.${n}`, b] as const),
    ];
    for (const [name, block] of all) {
      for (const source of block.sources.keys()) {
        found.set(source, [...(found.get(source) ?? []), name]);
      }
    }
    return found;
  }

  /** Equal for equal rules. */
  hash(): string {
    const all = new Map<string, LuaValue>();
    const plain = (block: ShapingBlock): LuaValue =>
      new Map<LuaValue, LuaValue>([
        ['options', block.options],
        ['sources', block.sources],
        ['automation', block.automation],
      ]);
    for (const [name, block] of this.#domains) all.set(name, plain(block));
    for (const [name, block] of this.#providers) all.set(`provider ${name}`, plain(block));
    const tree = treeOf(all, () => undefined);
    return createHash('sha256').update(writePrettyJson(tree)).digest('hex');
  }
}

function mergeBlock(known: ShapingBlock | undefined, block: Options): ShapingBlock {
  const options: Options = new Map(known?.options);
  for (const [key, value] of block) if (!BLOCK_KEYS.includes(key)) options.set(key, value);
  const sources = new Map(known?.sources);
  for (const [name, value] of entriesOf(block.get('sources') ?? new Map(), 'sources')) {
    sources.set(name, new Map([...(sources.get(name) ?? []), ...asOptions(value, name)]));
  }
  const rules = block.get('automation');
  const added = Array.isArray(rules)
    ? (rules as LuaValue[]).map((rule) => asOptions(rule, 'automation'))
    : [];
  return { options, sources, automation: [...(known?.automation ?? []), ...added] };
}

function joinBlocks(known: ShapingBlock | undefined, block: ShapingBlock): ShapingBlock {
  if (!known) return block;
  const sources = new Map(known.sources);
  for (const [name, options] of block.sources) {
    sources.set(name, new Map([...(sources.get(name) ?? []), ...options]));
  }
  return {
    options: new Map([...known.options, ...block.options]),
    sources,
    automation: [...known.automation, ...block.automation],
  };
}

/** What a provider limits over all of its domains becomes an additional limit by name. */
function addProviderLimits(
  options: Options,
  provider: string,
  source: string,
  { limits }: Provider,
): void {
  options.set('provider_name', provider);
  const additional = [
    ['provider_connection_limit', 'additional_connection_limits', 'limit'],
    ['provider_max_message_rate', 'additional_message_rate_throttles', 'rate'],
    ['provider_source_selection_rate', 'additional_source_selection_rates', 'selection-rate'],
  ] as const;
  for (const [key, target, suffix] of additional) {
    const value = limits.get(key);
    if (value === undefined) continue;
    const known = options.get(target);
    const map = new Map<LuaValue, LuaValue>(known instanceof Map ? known : []);
    map.set(`shaping-provider-${provider}-${source}-${suffix}`, value);
    options.set(target, map);
  }
}

function matchOf(rule: LuaValue): ProviderMatch {
  const options = asOptions(rule, 'match');
  const kinds = [
    ['MXSuffix', 'mx-suffix'],
    ['HostName', 'host'],
    ['DomainSuffix', 'domain-suffix'],
  ] as const;
  for (const [key, kind] of kinds) {
    const text = options.get(key);
    if (typeof text === 'string') return { kind, text: text.toLowerCase() };
  }
  throw new Error(
    `unknown variant \`${[...options.keys()][0] ?? ''}\`, expected one of \`MXSuffix\`, \`DomainSuffix\`, \`HostName\``,
  );
}

/** By the domain's name, or when every exchanger is the provider's. */
function isMatch(
  rules: readonly ProviderMatch[],
  domain: string,
  hosts: readonly string[],
): boolean {
  const name = domain.toLowerCase();
  if (rules.some((rule) => rule.kind === 'domain-suffix' && name.endsWith(rule.text))) return true;
  const bare = hosts.map((host) => host.replace(/(?::\d+)?$/, '').replace(/\.$/, ''));
  return (
    bare.length > 0 &&
    bare.every((host) =>
      rules.some(({ kind, text }) => {
        const wanted = text.replace(/\.$/, '');
        if (kind === 'mx-suffix') return host.endsWith(wanted);
        return kind === 'host' && host === wanted;
      }),
    )
  );
}

function copyInto(target: Options, from: Options | undefined): void {
  for (const [key, value] of from ?? []) target.set(key, value);
}

function entriesOf(value: LuaValue, where: string): [string, LuaValue][] {
  return [...asOptions(value, where)];
}

function asOptions(value: LuaValue, where: string): Options {
  if (value instanceof Map) return value as Options;
  throw new Error(`${where}: expected a table`);
}
