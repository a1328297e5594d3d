/**
 * Reads a regular expression in Rust's syntax as fancy-regex extends it: groups by name or number,
 * inline flags, look-around, atomic groups, possessive repetition, back references, `\K`.
 *
 * Long because it is one grammar; every method reads one production.
 *
 * Source: docs.rs/regex "Syntax"; fancy-regex 0.16 "Syntax" and its error texts.
 */
import {
  charText,
  combineSets,
  perlClass,
  posixClass,
  propertyClass,
  WORD,
} from './regex-class.ts';
import type { SetOperator } from './regex-class.ts';
import { NO_FLAGS, RegexSyntaxError } from './regex-syntax.ts';
import type { Flags, RegexNode, SetText } from './regex-syntax.ts';

const DEPTH_MAX = 250;
const EMPTY: RegexNode = { kind: 'empty' };

const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const BOUNDARIES: Readonly<Record<string, string>> = {
  b: BOUNDARY,
  B: `(?!${BOUNDARY})`,
  'b{start}': `(?<!${WORD})(?=${WORD})`,
  'b{end}': `(?<=${WORD})(?!${WORD})`,
  'b{start-half}': `(?<!${WORD})`,
  'b{end-half}': `(?!${WORD})`,
  '<': `(?<!${WORD})(?=${WORD})`,
  '>': `(?<=${WORD})(?!${WORD})`,
  A: '^',
  z: '$',
  Z: '(?=\\u{a}*$)',
};

const CONTROLS: Readonly<Record<string, number>> = {
  a: 7,
  e: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

export interface ParsedRegex {
  readonly node: RegexNode;
  /** Capture groups, the whole match not counted. */
  readonly groupCount: number;
  readonly names: ReadonlyMap<string, number>;
}

export class RegexParser {
  readonly #pattern: string;
  readonly #names = new Map<string, number>();
  #at = 0;
  #groupCount = 0;
  #depth = 0;
  #flags: Flags = NO_FLAGS;
  readonly #backrefs: { readonly index: number; readonly at: number }[] = [];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** @throws {RegexSyntaxError} */
  parse(): ParsedRegex {
    const node = this.#alternation();
    if (this.#at < this.#pattern.length) {
      throw this.#error('General parsing error: end of string not reached');
    }
    const wrong = this.#backrefs.find(({ index }) => index > this.#groupCount);
    if (wrong) throw this.#error('Invalid back reference', wrong.at);
    return { node, groupCount: this.#groupCount, names: this.#names };
  }

  #alternation(): RegexNode {
    const branches = [this.#branch()];
    while (this.#take('|')) branches.push(this.#branch());
    return branches.length === 1 ? (branches[0] ?? EMPTY) : { kind: 'alternate', nodes: branches };
  }

  #branch(): RegexNode {
    const nodes: RegexNode[] = [];
    for (;;) {
      this.#skipBlanks();
      const next = this.#peek();
      if (next === undefined || next === '|' || next === ')') break;
      const node = this.#piece();
      if (node.kind !== 'empty') nodes.push(node);
    }
    return nodes.length === 1 ? (nodes[0] ?? EMPTY) : { kind: 'concat', nodes };
  }

  /** An atom and the repetitions after it. */
  #piece(): RegexNode {
    let node = this.#atom();
    for (;;) {
      this.#skipBlanks();
      const start = this.#at;
      const count = this.#repetition();
      if (!count) return node;
      if (!isRepeatable(node)) throw this.#error('Target of repeat operator is invalid', start);
      const isLazy = this.#take('?');
      const greed = isLazy === this.#flags.swapGreed ? 'greedy' : 'lazy';
      node = { kind: 'repeat', node, ...count, greed };
      if (!isLazy && this.#take('+')) node = { kind: 'atomic', node };
    }
  }

  #repetition(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity };
    if (this.#take('+')) return { min: 1, max: Infinity };
    if (this.#take('?')) return { min: 0, max: 1 };
    const match = this.#match(/\{(?:(\d+)(,(\d*))?|,(\d+))\}/y);
    if (!match) return undefined;
    const min = Number(match[1] ?? 0);
    const upper = match[4] ?? match[3];
    const isOpen = upper === '' || upper === undefined;
    const max =
      match[2] === undefined && match[4] === undefined ? min : isOpen ? Infinity : Number(upper);
    if (max < min) throw this.#error('Invalid repeat syntax');
    return { min, max };
  }

  #atom(): RegexNode {
    const start = this.#at;
    const char = this.#next();
    switch (char) {
      case '.':
        return this.#set(this.#flags.dotAll ? '[\\s\\S]' : '[^\\u{a}]');
      case '^':
        return { kind: 'assert', js: this.#flags.multiLine ? '(?<![^\\u{a}])' : '^' };
      case '$':
        return { kind: 'assert', js: this.#flags.multiLine ? '(?![^\\u{a}])' : '$' };
      case '(':
        return this.#group(start);
      case '[':
        return this.#set(this.#class());
      case '\\':
        return this.#escape(start);
      case '*':
      case '+':
      case '?':
        throw this.#error('Target of repeat operator is invalid', start);
      default:
        return this.#char(char.codePointAt(0) ?? 0);
    }
  }

  #group(start: number): RegexNode {
    if (++this.#depth > DEPTH_MAX) throw this.#error('Pattern too deeply nested', start);
    const outer = this.#flags;
    const node = this.#groupContent(start);
    this.#depth--;
    // `(?i)` stays in force until the group around it ends.
    if (node !== undefined) this.#flags = outer;
    return node ?? EMPTY;
  }

  /** `undefined` for a group that only sets flags. */
  #groupContent(start: number): RegexNode | undefined {
    const look = this.#match(/\?(<=|<!|=|!)/y)?.[1] as '=' | '!' | '<=' | '<!' | undefined;
    if (look) return { kind: 'look', sign: look, node: this.#closed() };
    if (this.#match(/\?>/y)) return { kind: 'atomic', node: this.#closed() };
    if (this.#match(/\?#[^)]*\)/y)) return EMPTY;
    const reference = this.#match(/\?P=([^)]*)\)/y)?.[1];
    if (reference !== undefined) return this.#namedBackref(reference, start);
    if (this.#peek() === '?' && /^\?(?:\(|P>)/.test(this.#pattern.slice(this.#at, this.#at + 3))) {
      throw unsupported('conditionals and subroutine calls');
    }
    const named = this.#match(/\?P?<([^>]*)>/y)?.[1];
    if (named !== undefined) return this.#capture(this.#groupName(named));
    if (this.#peek() !== '?') return this.#capture();
    return this.#flagGroup();
  }

  #groupName(name: string): string {
    if (!/^[\p{Alphabetic}_][\p{Alphabetic}\p{Nd}_.[\]]*$/u.test(name)) {
      throw this.#error('Could not parse group name');
    }
    return name;
  }

  #capture(name?: string): RegexNode {
    const index = ++this.#groupCount;
    if (name !== undefined) this.#names.set(name, index);
    return { kind: 'capture', index, node: this.#closed() };
  }

  #closed(): RegexNode {
    const node = this.#alternation();
    if (!this.#take(')')) throw this.#error('Opening parenthesis without closing parenthesis');
    return node;
  }

  #flagGroup(): RegexNode | undefined {
    const start = this.#at;
    const match = this.#match(/\?([A-Za-z]*)(?:-([A-Za-z]*))?([:)])/y);
    if (!match) {
      const found = this.#pattern.slice(start - 1, start + 3);
      throw this.#error(`Unknown group flag: ${found}`, start);
    }
    const [, on = '', off = '', end] = match;
    this.#flags = this.#withFlags(this.#withFlags(this.#flags, on, true), off, false);
    return end === ':' ? this.#closed() : undefined;
  }

  #withFlags(flags: Flags, letters: string, value: boolean): Flags {
    const names: Readonly<Record<string, keyof Flags>> = {
      i: 'ignoreCase',
      m: 'multiLine',
      s: 'dotAll',
      U: 'swapGreed',
      x: 'extended',
    };
    let changed = flags;
    for (const letter of letters) {
      const name = names[letter];
      if (name) changed = { ...changed, [name]: value };
      else if (letter === 'u' && !value) throw this.#error('Disabling Unicode not supported');
      else if (letter !== 'u') throw this.#error(`Unknown group flag: ${letter}`);
    }
    return changed;
  }

  #escape(start: number): RegexNode {
    const letter = this.#peek();
    if (letter === undefined) throw this.#error('Backslash without following character', start);
    const boundary = this.#match(/b\{(?:start|end)(?:-half)?\}|[bBAzZ<>]/y)?.[0];
    if (boundary) return { kind: 'assert', js: BOUNDARIES[boundary] ?? '' };
    const digits = this.#match(/[1-9]\d*/y)?.[0];
    if (digits) return this.#backref(Number(digits), start);
    const name = this.#match(/k(?:<([^>]*)>|'([^']*)')/y);
    if (name) return this.#namedBackref(name[1] ?? name[2] ?? '', start);
    if (this.#take('K')) return { kind: 'keep' };
    if (letter === 'G' || letter === 'g') throw unsupported(`\\${letter}`);
    if (this.#take('O')) return this.#set('[\\s\\S]');
    if (this.#take('N')) return this.#set('[^\\u{a}]');
    if (this.#take('R')) {
      const lines = this.#set('[\\u{a}-\\u{d}\\u{85}\\u{2028}\\u{2029}]');
      const crlf: RegexNode = { kind: 'concat', nodes: [this.#char(13), this.#char(10)] };
      return { kind: 'atomic', node: { kind: 'alternate', nodes: [crlf, lines] } };
    }
    const set = this.#classEscape();
    return set !== undefined ? this.#set(set) : this.#char(this.#charEscape(start));
  }

  #namedBackref(name: string, start: number): RegexNode {
    const index = /^\d+$/.test(name) ? Number(name) : this.#names.get(name);
    if (index === undefined) {
      throw this.#error(`Invalid group name in back reference: ${name}`, start);
    }
    return this.#backref(index, start);
  }

  #backref(index: number, at: number): RegexNode {
    this.#backrefs.push({ index, at });
    return { kind: 'backref', index, ignoreCase: this.#flags.ignoreCase };
  }

  /** `\d`, `\p{…}` and the like, the backslash already read; `undefined` for a single character. */
  #classEscape(): SetText | undefined {
    const perl = this.#match(/[dDwWsShH]/y)?.[0];
    if (perl) return perlClass(perl);
    const start = this.#at;
    const property = this.#match(/([pP])(?:\{([^}]*)\}|(.))/uy);
    if (!property) return undefined;
    const set = propertyClass(property[2] ?? property[3] ?? '', property[1] === 'P');
    if (set === undefined) throw this.#refused('Unicode property not found', start);
    return set;
  }

  #charEscape(start: number): number {
    const hex = this.#match(
      /x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU]\{([0-9A-Fa-f]+)\}/y,
    );
    if (hex) {
      const code = parseInt(hex[1] ?? hex[2] ?? hex[3] ?? hex[4] ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        throw this.#error('Invalid codepoint for hex or unicode escape', start);
      }
      return code;
    }
    if (/[xuU]/.test(this.#peek() ?? '')) throw this.#error('Invalid hex escape', start);
    const letter = this.#next();
    const control = CONTROLS[letter];
    if (control !== undefined) return control;
    if (/[A-Za-z0-9]/.test(letter)) throw this.#error(`Invalid escape: \\${letter}`, start);
    return letter.codePointAt(0) ?? 0;
  }

  /** Reads a class after its `[`. Operators bind weaker than neighbours, from the left. */
  #class(): SetText {
    const isNegated = this.#take('^');
    let items = '';
    let combined: { left: SetText; operator: SetOperator } | undefined;
    const finish = (): SetText => {
      const right = `[${items}]`;
      return combined ? combineSets(combined.left, combined.operator, right) : right;
    };
    if (this.#take(']')) items += charText(0x5d);
    for (;;) {
      if (this.#flags.extended) this.#skipBlanks();
      if (this.#at >= this.#pattern.length) throw this.#error('Invalid character class');
      if (this.#take(']')) break;
      const operator = this.#match(/&&|--|~~/y)?.[0] as SetOperator | undefined;
      if (operator) {
        combined = { left: finish(), operator };
        items = '';
      } else {
        items += this.#classItem();
      }
    }
    return isNegated ? `[^${finish()}]` : finish();
  }

  #classItem(): SetText {
    const start = this.#at;
    const posix = this.#match(/\[:(\^?[a-z]+):\]/y)?.[1];
    if (posix !== undefined) {
      const set = posixClass(posix);
      if (set === undefined) throw this.#refused('invalid ASCII character class', start);
      return set;
    }
    if (this.#take('[')) return this.#class();
    const low = this.#classMember();
    if (typeof low === 'string') return low;
    if (!this.#match(/-(?![-\]])/y)) return charText(low);
    const high = this.#classMember();
    if (typeof high === 'string' || high < low) {
      throw this.#refused('invalid character class range', start);
    }
    return `${charText(low)}-${charText(high)}`;
  }

  /** A code point, or the set of an escape. */
  #classMember(): number | SetText {
    const start = this.#at;
    if (!this.#take('\\')) return this.#next().codePointAt(0) ?? 0;
    if (this.#peek() === undefined) {
      throw this.#error('Backslash without following character', start);
    }
    return this.#classEscape() ?? (this.#take('b') ? 8 : this.#charEscape(start));
  }

  #set(set: SetText): RegexNode {
    return { kind: 'set', set, ignoreCase: this.#flags.ignoreCase };
  }

  #char(code: number): RegexNode {
    return { kind: 'char', code, ignoreCase: this.#flags.ignoreCase };
  }

  #skipBlanks(): void {
    if (this.#flags.extended) this.#match(/(?:\s|#[^\n]*)+/y);
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at];
  }

  #next(): string {
    const char = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return char;
  }

  #take(char: string): boolean {
    if (this.#pattern[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#pattern);
    if (match) this.#at += match[0].length;
    return match;
  }

  #error(why: string, at = this.#at): RegexSyntaxError {
    return new RegexSyntaxError(Buffer.byteLength(this.#pattern.slice(0, at)), why);
  }

  /** What the fancy parser lets pass and the crate below it refuses. */
  #refused(why: string, at: number): RegexSyntaxError {
    return new RegexSyntaxError(Buffer.byteLength(this.#pattern.slice(0, at)), why, 'inner');
  }
}

function isRepeatable(node: RegexNode): boolean {
  return !['empty', 'assert', 'look', 'keep'].includes(node.kind);
}

function unsupported(what: string): Error {
  return new Error(
    `Cannot compile the pattern: ${what} exist in KumoMTA's expressions and not in these, expected a pattern without`,
  );
}
