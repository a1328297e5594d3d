/**
 * `kumo.regex.*`: expressions in Rust's syntax with look-around and back references.
 *
 * Source: reference `lua-api.md` §3.10.
 */
import type { HostCall, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { compileRegex } from './regex-compile.ts';
import type { CompiledRegex } from './regex-compile.ts';

/** Patterns compiled lately: policies compile the same ones in every handler. */
const COMPILED_MAX = 256;

export function regexBindings(_deps: BindingDeps): Bindings {
  const compiled = new Map<string, CompiledRegex>();
  return {
    modules: [
      {
        path: ['kumo', 'regex'],
        functions: {
          compile: {
            effect: 'pure',
            signature: 'compile(pattern) -> Regex',
            doc: 'Compiles a pattern in the syntax of Rust, look-around and back references included.',
            run: (call) => {
              const pattern = call.string(1);
              let known = compiled.get(pattern);
              if (!known) {
                known = compileRegex(pattern, 'fancy');
                if (compiled.size >= COMPILED_MAX) compiled.clear();
                compiled.set(pattern, known);
              }
              return new Regex(known);
            },
          },
          escape: {
            effect: 'pure',
            signature: 'escape(text) -> string',
            doc: 'The text as a pattern that matches only itself.',
            run: (call) => call.string(1).replace(/[\\.+*?()|[\]{}^$#&\-~]/g, '\\$&'),
          },
        },
      },
    ],
    types: [REGEX_TYPE],
  };
}

class Regex extends HostObject {
  readonly luaTypeName = 'Regex';
  readonly compiled: CompiledRegex;

  constructor(compiled: CompiledRegex) {
    super();
    this.compiled = compiled;
  }

  first(text: string): RegExpExecArray | null {
    const { expression } = this.compiled;
    expression.lastIndex = 0;
    return expression.exec(text);
  }

  /** All matches; an empty one directly behind the match before it does not count. */
  *all(text: string): Generator<RegExpExecArray> {
    const { expression } = this.compiled;
    let from = 0;
    let lastEnd = -1;
    while (from <= text.length) {
      expression.lastIndex = from;
      const match = expression.exec(text);
      if (!match) return;
      const end = match.index + match[0].length;
      if (match[0] === '') {
        from = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
        if (end === lastEnd) continue;
      } else {
        from = end;
      }
      lastEnd = end;
      yield match;
    }
  }

  /** Text of a group by Rust's number, `undefined` when it took no part. */
  group(match: RegExpExecArray, index: number): string | undefined {
    const group = this.compiled.groups[index];
    return group === undefined ? undefined : match[group];
  }

  /** Replaces up to `limit` matches; 0 means all. */
  replace(text: string, limit: number, replacement: string): string {
    let result = '';
    let at = 0;
    let count = 0;
    for (const match of this.all(text)) {
      result += text.slice(at, match.index) + this.#expand(match, replacement);
      at = match.index + match[0].length;
      if (++count === limit) break;
    }
    return result + text.slice(at);
  }

  /** `$1`, `$name`, `${name}` and `$$`; a group that is not there is empty. */
  #expand(match: RegExpExecArray, replacement: string): string {
    return replacement.replace(
      /\$(?:\$|\{([^}]+)\}|([0-9A-Za-z_]+))/g,
      (_, braced: string | undefined, bare: string | undefined) => {
        const name = braced ?? bare;
        if (name === undefined) return '$';
        const index = /^\d+$/.test(name) ? Number(name) : this.compiled.names.get(name);
        return index === undefined ? '' : (this.group(match, index) ?? '');
      },
    );
  }
}

const REGEX_TYPE: UserdataType<Regex> = {
  name: 'Regex',
  class: Regex,
  methods: {
    captures: method(
      'captures(text) -> table?',
      'The groups of the first match by number and name.',
      (regex, call) => {
        const match = regex.first(call.string(1));
        if (!match) return undefined;
        const groups = new Map<LuaValue, LuaValue>();
        for (const index of regex.compiled.groups.keys())
          groups.set(index, regex.group(match, index));
        for (const [name, index] of regex.compiled.names)
          groups.set(name, regex.group(match, index));
        return groups;
      },
    ),
    is_match: method(
      'is_match(text) -> boolean',
      'Whether the pattern matches somewhere.',
      (regex, call) => regex.first(call.string(1)) !== null,
    ),
    find: method(
      'find(text) -> string?',
      'The first match.',
      (regex, call) => regex.first(call.string(1))?.[0],
    ),
    find_all: method('find_all(text) -> list', 'All matches.', (regex, call) =>
      [...regex.all(call.string(1))].map((match) => match[0]),
    ),
    replace: method(
      'replace(text, replacement) -> string',
      'The first match replaced; $1 and ${name} stand for groups.',
      (regex, call) => regex.replace(call.string(1), 1, call.string(2)),
    ),
    replace_all: method(
      'replace_all(text, replacement) -> string',
      'Every match replaced.',
      (regex, call) => regex.replace(call.string(1), 0, call.string(2)),
    ),
    replacen: method(
      'replacen(text, limit, replacement) -> string',
      'The first matches replaced.',
      (regex, call) => regex.replace(call.string(1), call.integer(2, 'usize'), call.string(3)),
    ),
    split: method('split(text) -> list', 'The pieces between matches.', (regex, call) => {
      const text = call.string(1);
      const pieces: string[] = [];
      let at = 0;
      for (const match of regex.all(text)) {
        pieces.push(text.slice(at, match.index));
        at = match.index + match[0].length;
      }
      return [...pieces, text.slice(at)];
    }),
  },
};

function method(
  signature: string,
  doc: string,
  run: (regex: Regex, call: HostCall) => LuaValue,
): NonNullable<UserdataType<Regex>['methods']>[string] {
  return { effect: 'pure', signature, doc, run };
}
