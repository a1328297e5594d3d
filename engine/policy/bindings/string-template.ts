/**
 * `kumo.string.eval_template`: a template rendered with Lua data as its context.
 *
 * Source: reference `lua-api.md` §3.11.
 */
import { jsonFloat, jsonInteger } from '../../mail/json.ts';
import type { JsonObject } from '../../mail/json.ts';
import { compileTemplate } from '../../mail/template.ts';
import type { TemplateDialect, TemplateSources } from '../../mail/template.ts';
import type { HostCall } from '../lua/host-function.ts';
import { LuaFloat } from '../lua/lua-value.ts';
import { isTreeList, treeOf } from './serde-encode.ts';
import type { Tree } from './serde-encode.ts';

const DIALECTS: readonly TemplateDialect[] = ['Jinja', 'Static', 'Handlebars'];

/** @throws {Error} the template's own error, or what is wrong with the dialect or the context */
export function evalTemplate(call: HostCall, sources: TemplateSources): string {
  const [name, source] = [call.string(1), call.string(2)];
  const dialect = call.optString(4) ?? 'Jinja';
  if (!isDialect(dialect)) {
    throw new Error(
      `unknown variant \`${dialect}\`, expected one of ${DIALECTS.map((each) => `\`${each}\``).join(', ')}`,
    );
  }
  const tree = treeOf(call.value(3), (object) => call.context.pairsOf(object));
  const template = compileTemplate(name, source, dialect);
  return template.render((plain(tree) ?? {}) as JsonObject, sources);
}

function isDialect(name: string): name is TemplateDialect {
  return DIALECTS.some((dialect) => dialect === name);
}

function plain(tree: Tree): unknown {
  if (tree instanceof LuaFloat) return jsonFloat(tree.value);
  if (typeof tree === 'bigint') return jsonInteger(tree);
  if (tree === null || typeof tree !== 'object') return tree;
  if (isTreeList(tree)) return tree.map(plain);
  return Object.fromEntries([...tree].map(([key, item]) => [key, plain(item)]));
}
