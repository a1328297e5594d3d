/** What stands inside the braces: a path or a helper with parameters, literals, sub-expressions. */
import { Fault } from '../jinja/fault.ts';
import type { JsonValue } from '../json.ts';

export type HandlebarsValue =
  | { readonly type: 'literal'; readonly value: JsonValue }
  | { readonly type: 'path'; readonly path: HandlebarsPath }
  | { readonly type: 'call'; readonly call: HandlebarsCall };

export interface HandlebarsPath {
  /** `@index`, `@../key`: a variable of the block instead of the data. */
  readonly isLocal: boolean;
  /** How many `../` stand in front. */
  readonly up: number;
  /** Empty is `this`. */
  readonly segments: readonly string[];
  readonly text: string;
}

export interface HandlebarsCall {
  readonly name: HandlebarsPath;
  /** A literal in the place of the name: `{{"text"}}`. */
  readonly literal: JsonValue | undefined;
  readonly params: readonly HandlebarsValue[];
  readonly hash: ReadonlyMap<string, HandlebarsValue>;
  /** `as |value key|` */
  readonly blockParams: readonly string[];
  readonly line: number;
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([()])|as\s+\|([^|]*)\||([^\s()=|"']+)=|((?:\[[^\]]*\]|[^\s()|="'[\]])+))/y;

export function parseExpression(text: string, line: number): HandlebarsCall {
  const reader = new ExpressionReader(text, line);
  const call = reader.call();
  reader.expectEnd();
  return call;
}

class ExpressionReader {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  call(): HandlebarsCall {
    const head = this.#value();
    const params: HandlebarsValue[] = [];
    const hash = new Map<string, HandlebarsValue>();
    let blockParams: string[] = [];
    for (let next = this.#peek(); next && next[2] !== ')'; next = this.#peek()) {
      if (next[3] !== undefined) {
        this.#at += next[0].length;
        blockParams = next[3].trim().split(/\s+/);
      } else if (next[4] !== undefined) {
        this.#at += next[0].length;
        hash.set(next[4], this.#value());
      } else {
        params.push(this.#value());
      }
    }
    const literal = head.type === 'literal' ? head.value : undefined;
    const name = head.type === 'path' ? head.path : parsePath('this');
    return { name, literal, params, hash, blockParams, line: this.#line };
  }

  expectEnd(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw this.#invalid();
  }

  #peek(): RegExpExecArray | null {
    TOKEN.lastIndex = this.#at;
    return TOKEN.exec(this.#text);
  }

  #value(): HandlebarsValue {
    const token = this.#peek();
    if (!token) throw this.#invalid();
    this.#at += token[0].length;
    if (token[1] !== undefined) {
      return { type: 'literal', value: token[1].slice(1, -1).replace(/\\(.)/g, '$1') };
    }
    if (token[2] === '(') {
      const call = this.call();
      const close = this.#peek();
      if (close?.[2] !== ')') throw this.#invalid();
      this.#at += close[0].length;
      return { type: 'call', call };
    }
    const word = token[5];
    if (word === undefined) throw this.#invalid();
    return literalOf(word) ?? { type: 'path', path: parsePath(word) };
  }

  #invalid(): Fault {
    return new Fault('syntax', 'invalid handlebars syntax', this.#line);
  }
}

function literalOf(word: string): HandlebarsValue | undefined {
  if (/^-?\d+(\.\d+)?$/.test(word)) return { type: 'literal', value: Number(word) };
  if (word === 'true' || word === 'false') return { type: 'literal', value: word === 'true' };
  return word === 'null' || word === 'undefined' ? { type: 'literal', value: null } : undefined;
}

function parsePath(text: string): HandlebarsPath {
  const isLocal = text.startsWith('@');
  let rest = isLocal ? text.slice(1) : text;
  let up = 0;
  while (rest.startsWith('../')) {
    up++;
    rest = rest.slice(3);
  }
  if (rest === '..') {
    up++;
    rest = '';
  }
  const segments = (rest.match(/\[[^\]]*\]|[^./[\]]+/g) ?? [])
    .map((s) => (s.startsWith('[') ? s.slice(1, -1) : s))
    .filter((s, i) => !(i === 0 && s === 'this'));
  return { isLocal, up, segments, text };
}
