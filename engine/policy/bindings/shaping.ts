/**
 * `kumo.shaping.load`: shaping rules out of files and URLs, and what they say about a path or a log
 * record.
 *
 * Source: reference `lua-api.md` §3.20, §6.6.
 */
import { readFileSync } from 'node:fs';
import { DnsError } from '../../dns/resolver.ts';
import { parseQueueName } from '../../mail/queue-name.ts';
import { bundledFile } from '../bundled-share.ts';
import { deserializeRaw } from '../config-read.ts';
import { duration } from '../config-scalars.ts';
import { bool, defaulted, enumeration, struct } from '../config-serde.ts';
import type { HostCall, UserdataType } from '../lua/host-function.ts';
import { LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { exchange, HttpConnections, parseUrl } from './http-exchange.ts';
import { numberOf, textOf } from './lua-data.ts';
import { ShareableObject } from './memoized-table.ts';
import { compileRegex } from './regex-compile.ts';
import { parseJson } from './serde-json.ts';
import { parseToml } from './serde-toml.ts';
import { ShapingData } from './shaping-data.ts';
import type { Level, Options } from './shaping-data.ts';

const LEVEL = enumeration('Ignore', 'Warn', 'Error');
const HTTP_TIMEOUT_MS = 5_000;

/** Levels that an options table leaves out are `Ignore`. */
const OPTIONS = struct('ShapingMergeOptions', {
  provider_overlap: defaulted(LEVEL, 'Ignore'),
  dns_fail: defaulted(LEVEL, 'Ignore'),
  null_mx: defaulted(LEVEL, 'Ignore'),
  aliased_site: defaulted(LEVEL, 'Ignore'),
  remote_load: defaulted(LEVEL, 'Ignore'),
  local_load: defaulted(LEVEL, 'Ignore'),
  skip_remote: defaulted(bool, false),
  http_timeout: defaulted(duration, HTTP_TIMEOUT_MS),
});
type LoadOptions = ReturnType<typeof OPTIONS.read>;

/** Without a table, a local file that cannot be loaded is an error. */
const DEFAULT_OPTIONS: LoadOptions = {
  ...OPTIONS.read(new LuaTable([], [], false), 'direct'),
  local_load: 'Error',
};

class Shaping extends ShareableObject {
  readonly luaTypeName = 'Shaping';
  readonly data: ShapingData;

  constructor(data: ShapingData) {
    super();
    this.data = data;
  }
}

export function shapingBindings(deps: BindingDeps): Bindings {
  return {
    modules: [
      {
        path: ['kumo', 'shaping'],
        functions: {
          load: {
            effect: 'network',
            signature: 'load(paths, options?) -> Shaping',
            doc: 'Reads and merges shaping rules from files and URLs.',
            run: async (call) => {
              const paths = call.value(1);
              if (!(paths instanceof LuaTable)) {
                throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to Vec`);
              }
              const options = call.isNil(2)
                ? DEFAULT_OPTIONS
                : deserializeRaw(OPTIONS, call.value(2));
              return load(
                deps,
                paths.sequence.map((path) => textOf(path) ?? ''),
                options,
              );
            },
          },
        },
      },
    ],
    types: [shapingType(deps)],
  };
}

async function load(
  deps: BindingDeps,
  paths: readonly string[],
  options: LoadOptions,
): Promise<Shaping> {
  const data = new ShapingData();
  for (const path of paths) {
    const isRemote = /^https?:\/\//.test(path);
    if (isRemote && options.skip_remote) continue;
    const level: Level = isRemote ? options.remote_load : options.local_load;
    try {
      const text = isRemote
        ? await fetchText(deps, path, options.http_timeout)
        : readText(deps, path);
      data.addFile(path, path.endsWith('.toml') ? parseToml(text) : parseJson(text));
    } catch (error) {
      const problem = `loading ${path}: ${(error as Error).message}`;
      if (level === 'Error') throw new Error(problem, { cause: error });
      if (level === 'Warn') data.warnings.push(problem);
    }
  }
  await data.resolveSites(deps.resolver, {
    dnsFail: options.dns_fail,
    nullMx: options.null_mx,
    aliasedSite: options.aliased_site,
    providerOverlap: options.provider_overlap,
  });
  return new Shaping(data);
}

function readText(deps: BindingDeps, path: string): string {
  try {
    return readFileSync(bundledFile(path) ?? deps.mapPath(path, 'read'), 'utf8');
  } catch (error) {
    throw new Error(`reading file ${path}: ${errnoText(error)}`, { cause: error });
  }
}

async function fetchText(deps: BindingDeps, url: string, timeoutMs: number): Promise<string> {
  const connections = new HttpConnections(deps, {
    idleTimeoutMs: 1_000,
    acceptInvalidCerts: false,
  });
  try {
    const question = {
      method: 'GET',
      url: parseUrl(url),
      headers: new Map(),
      body: null,
      timeoutMs,
    };
    const answer = await exchange(deps, connections, question);
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
    return Buffer.from(answer.body).toString('utf8');
  } finally {
    connections.destroy();
  }
}

function shapingType(deps: BindingDeps): UserdataType<Shaping> {
  return {
    name: 'Shaping',
    class: Shaping,
    methods: {
      get_egress_path_config: {
        effect: 'network',
        signature: 'get_egress_path_config(domain, source, site) -> table',
        doc: 'The options of a path, for kumo.make_egress_path.',
        run: async ({ data }, call) => {
          const [domain, source, site] = [call.string(1), call.string(2), call.string(3)];
          return data.pathOptions(domain, source, site, await hostsOf(deps, domain));
        },
      },
      match_rules: {
        effect: 'network',
        signature: 'match_rules(record) -> list',
        doc: 'The automation rules whose pattern matches the response of a log record.',
        run: ({ data }, call) => matchRules(deps, data, call),
      },
      get_errors: {
        effect: 'pure',
        signature: 'get_errors() -> list',
        doc: 'What was found wrong at level Error.',
        run: ({ data }) => data.errors,
      },
      get_warnings: {
        effect: 'pure',
        signature: 'get_warnings() -> list',
        doc: 'What was found wrong at level Warn.',
        run: ({ data }) => data.warnings,
      },
      get_referenced_sources: {
        effect: 'pure',
        signature: 'get_referenced_sources() -> table',
        doc: 'Names of sources with the blocks that mention them.',
        run: ({ data }) => data.referencedSources(),
      },
      hash: {
        effect: 'pure',
        signature: 'hash() -> string',
        doc: 'A digest that changes when the rules do.',
        run: ({ data }) => data.hash(),
      },
    },
  };
}

/** Exchangers of a domain; a domain that has none matches no provider by its hosts. */
async function hostsOf(deps: BindingDeps, domain: string): Promise<readonly string[]> {
  try {
    return (await deps.resolver.lookupMx(domain)).hosts;
  } catch (error) {
    if (error instanceof DnsError) return [];
    throw error;
  }
}

async function matchRules(deps: BindingDeps, data: ShapingData, call: HostCall): Promise<LuaValue> {
  const record = call.value(1);
  if (!(record instanceof LuaTable)) {
    throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to table`);
  }
  const queue = parseQueueName(textOf(record.get('queue')) ?? '');
  const domain = queue.routingDomain ?? queue.domain;
  // `source->site@protocol`
  const site = /->(.*)@[^@]*$/.exec(textOf(record.get('site')) ?? '')?.[1] ?? '';
  const response = responseLine(record.get('response'));
  const rules = data.automationFor(domain, site, await hostsOf(deps, domain));
  return rules.filter((rule) => matches(rule, response));
}

function responseLine(response: LuaValue): string {
  if (!(response instanceof LuaTable)) return '';
  const code = numberOf(response.get('code')) ?? 0;
  const enhanced = response.get('enhanced_code');
  const part = (name: string): number =>
    enhanced instanceof LuaTable ? (numberOf(enhanced.get(name)) ?? 0) : 0;
  const status =
    enhanced instanceof LuaTable ? `${part('class')}.${part('subject')}.${part('detail')} ` : '';
  return `${code} ${status}${textOf(response.get('content')) ?? ''}`;
}

function matches(rule: Options, response: string): boolean {
  const regex = rule.get('regex');
  const patterns: LuaValue[] = Array.isArray(regex) ? (regex as LuaValue[]) : [regex];
  return patterns.some((pattern) => {
    const text = textOf(pattern);
    return text !== undefined && response.search(compileRegex(text, 'fancy').expression) >= 0;
  });
}
