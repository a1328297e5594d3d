/**
 * YAML for policies: the 1.2 core schema, integers and floats kept apart, and serde_yaml's layout
 * when writing (list items not indented, long lines left alone).
 *
 * Source: YAML 1.2.2; reference `lua-api.md` §3.8.
 */
import { Document, parseDocument, Scalar, visit } from 'yaml';
import { LuaFloat } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { floatValue, integerValue } from './lua-data.ts';
import { isTreeList } from './serde-encode.ts';
import type { Tree } from './serde-encode.ts';

/** @throws {Error} what is wrong, with its line and column */
export function parseYaml(text: string): LuaValue {
  const document = parseDocument(text, { intAsBigInt: true, merge: false });
  const [problem] = document.errors;
  if (problem) throw new Error(problem.message.split('\n')[0]?.replace(/:$/, '') ?? '');
  return luaOf(document.toJS({ mapAsMap: true, maxAliasCount: 100 }));
}

function luaOf(value: unknown): LuaValue {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'bigint') return integerValue(value);
  if (typeof value === 'number') return floatValue(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(luaOf);
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [luaOf(key), luaOf(item)]));
  }
  return String(value);
}

export function writeYaml(tree: Tree): string {
  const document = new Document(plain(tree), { version: '1.2', intAsBigInt: true });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'number' && Number.isInteger(node.value))
        node.minFractionDigits = 1;
      if (typeof node.value === 'string' && node.value.includes('\n'))
        node.type = Scalar.BLOCK_LITERAL;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true });
}

/** Integers become bigint, so that every `number` left is a float. */
function plain(tree: Tree): unknown {
  if (typeof tree === 'number') return Number.isInteger(tree) ? BigInt(tree) : tree;
  if (tree instanceof LuaFloat) return tree.value;
  if (tree === null || typeof tree !== 'object') return tree;
  if (isTreeList(tree)) return tree.map(plain);
  return new Map([...tree].map(([key, item]) => [key, plain(item)]));
}
