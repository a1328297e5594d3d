/**
 * `kumo.serde.*` and its older names directly on `kumo`: JSON, TOML and YAML in both directions.
 *
 * Source: reference `lua-api.md` §3.8.
 */
import { readFileSync } from 'node:fs';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { treeOf, writeJson, writePrettyJson } from './serde-encode.ts';
import type { Tree } from './serde-encode.ts';
import { parseJson } from './serde-json.ts';
import { parseToml, writeToml } from './serde-toml.ts';
import { parseYaml, writeYaml } from './serde-yaml.ts';

const PLAIN = { sorted: false, multiline: false, inlineEmptyTables: false };
const PRETTY = { sorted: true, multiline: true, inlineEmptyTables: false };
const COMPACT = { sorted: true, multiline: true, inlineEmptyTables: true };

export function serdeBindings(deps: BindingDeps): Bindings {
  const functions: Record<string, HostFunction> = {
    json_parse: parser('json', parseJson),
    json_load: loader(deps, 'json', parseJson),
    json_encode: encoder('json_encode', 'Compact JSON text of a value.', writeJson),
    json_encode_pretty: encoder(
      'json_encode_pretty',
      'JSON text of a value on several lines, keys sorted.',
      (tree) => writePrettyJson(tree),
    ),
    toml_parse: parser('toml', parseToml),
    toml_load: loader(deps, 'toml', parseToml),
    toml_encode: encoder('toml_encode', 'TOML text of a table.', (tree) => writeToml(tree, PLAIN)),
    toml_encode_pretty: encoder(
      'toml_encode_pretty',
      'TOML text of a table, keys sorted, longer lists on several lines.',
      (tree) => writeToml(tree, PRETTY),
    ),
    toml_encode_pretty_compact: encoder(
      'toml_encode_pretty_compact',
      'Like toml_encode_pretty, with empty tables inline.',
      (tree) => writeToml(tree, COMPACT),
    ),
    yaml_parse: parser('yaml', parseYaml),
    yaml_load: loader(deps, 'yaml', parseYaml),
    yaml_encode: encoder('yaml_encode', 'YAML text of a value.', writeYaml),
  };
  const aliases = Object.fromEntries(
    Object.entries(functions).filter(
      ([name]) => !name.startsWith('yaml') && name !== 'toml_encode_pretty_compact',
    ),
  );
  return {
    modules: [
      { path: ['kumo', 'serde'], functions },
      { path: ['kumo'], functions: aliases },
    ],
    types: [],
  };
}

function parser(format: string, parse: (text: string) => LuaValue): HostFunction {
  return {
    effect: 'pure',
    signature: `${format}_parse(text) -> value`,
    doc: `The value of a ${format.toUpperCase()} text.`,
    run: (call) => parseNamed(call.string(1), call.string(1), format, parse),
  };
}

function loader(
  deps: BindingDeps,
  format: string,
  parse: (text: string) => LuaValue,
): HostFunction {
  return {
    effect: 'read',
    signature: `${format}_load(path) -> value`,
    doc: `The value of a ${format.toUpperCase()} file.`,
    run(call) {
      const path = call.string(1);
      return parseNamed(path, readText(deps, path), format, parse);
    },
  };
}

function encoder(name: string, doc: string, write: (tree: Tree) => string): HostFunction {
  return {
    effect: 'pure',
    signature: `${name}(value) -> string`,
    doc,
    run: (call: HostCall) => write(treeOf(call.value(1), (object) => call.context.pairsOf(object))),
  };
}

function readText(deps: BindingDeps, path: string): string {
  try {
    const bytes = readFileSync(deps.mapPath(path, 'read'));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`reading file ${path}: ${errnoText(error)}`, { cause: error });
  }
}

function parseNamed(
  what: string,
  text: string,
  format: string,
  parse: (text: string) => LuaValue,
): LuaValue {
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`parsing ${what} as ${format}: ${(error as Error).message}`, { cause: error });
  }
}
