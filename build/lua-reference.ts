/**
 * Writes `docs/reference/lua.md` from the bindings and the events, so that the page cannot say
 * something else than the code. A test compares the two.
 *
 *   node build/lua-reference.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { EVENTS } from '../engine/policy/event-reference.ts';
import { luaGroups, receiverOf, type LuaGroup } from '../engine/policy/lua-reference.ts';

export const LUA_PAGE = join(import.meta.dirname, '../docs/reference/lua.md');

const INTRODUCTION = `# Lua

What a policy can call, made by \`node build/lua-reference.ts\` from the bindings. The names and what they do are KumoMTA's; what is knowingly different is in [differences](differences.md). \`?\` is a value that may be left out or may be nil; a function without \`->\` gives nothing back.

The effect says what a dry run (the Lab, explain, expectations) does with a call: *pure* and *read* run as they are, *write* changes a copy or is withheld and shown, *network* is answered by a stub, a recording or a far end.`;

/** The whole page, formatted. */
export async function luaPage(): Promise<string> {
  const groups = luaGroups();
  const parts = [INTRODUCTION, '## Events', eventTable()];
  for (const group of groups) parts.push(`## ${titleOf(group)}`, ...sectionOf(group));
  return format(`${parts.join('\n\n')}\n`, { parser: 'markdown', printWidth: 100 });
}

function eventTable(): string {
  const rows = EVENTS.map(({ name, args, returns, doc }) => [
    code(`${name}(${args.join(', ')})`),
    returns === '' ? '' : code(returns),
    doc,
  ]);
  return `Handled with \`kumo.on(event, function(…) … end)\`. A custom-Lua delivery is one more: \`kumo.on('NAME', function(domain, tenant, campaign) … end)\` returns a table with \`send(self, msg)\` or \`send_batch(self, msgs)\`, and perhaps \`close(self)\`.\n\n${table(['event', 'returns', ''], rows)}`;
}

function titleOf({ name, kind }: LuaGroup): string {
  if (name === '') return 'Globals';
  return kind === 'module' ? name : `${name} (as \`${receiverOf(name)}\`)`;
}

function sectionOf({ name, entries, fields }: LuaGroup): string[] {
  const rows = entries.map(({ signature, effect, doc }) => [code(signature), effect, doc]);
  const receiver = receiverOf(name);
  return [
    ...(rows.length > 0 ? [table(['call', 'effect', ''], rows)] : []),
    ...(fields.length > 0
      ? [`Values: ${fields.map((field) => code(`${receiver}.${field}`)).join(', ')}.`]
      : []),
  ];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

if (import.meta.main) writeFileSync(LUA_PAGE, await luaPage());
