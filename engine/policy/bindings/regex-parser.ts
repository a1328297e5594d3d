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
import type { Flags, RegexDialect, RegexNode, SetText } from './regex-syntax.ts';

const DEPTH_MAX = 250;
/** Repetitions are counted in 32 bits. */
const COUNT_MAX = 2 ** 32 - 1;
/** `u` is a flag too, and always on. */
const FLAG_NAMES: Readonly<Record<string, keyof Flags>> = {
  i: 'ignoreCase',
  m: 'multiLine',
  s: 'dotAll',
  U: 'swapGreed',
  x: 'extended',
};
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
  readonly #dialect: RegexDialect;
  /** By number, as the pattern writes them. */
  readonly #numbered: number[] = [];

  constructor(pattern: string, dialect: RegexDialect) {
    this.#pattern = pattern;
    this.#dialect = dialect;
  }

  /** @throws {RegexSyntaxError} */
  parse(): ParsedRegex {
    const node = this.#alternation();
    if (this.#at < this.#pattern.length) {
      throw this.#error('General parsing error: end of string not reached');
    }
    this.#checkNumbered();
    return { node, groupCount: this.#groupCount, names: this.#names };
  }

  #checkNumbered(): void {
    const [first] = this.#numbered;
    if (first === undefined) return;
    if (this.#names.size > 0) {
      throw this.#refused(
        'Numbered backref/call not allowed because named group was used, use a named backref instead',
        'compiler',
      );
    }
    const wrong = this.#numbered.find((index) => index === 0 || index > this.#groupCount);
    if (wrong === undefined) return;
    throw this.#refused(`Invalid back reference to group ${wrong}`, 'compiler');
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

  /** An atom and the repetition after it; only the linear dialect repeats a repetition. */
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
      if (this.#dialect === 'fancy') return this.#take('+') ? { kind: 'atomic', node } : node;
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
    if (max < min || min > COUNT_MAX) {
      throw this.#refused('invalid repetition count range, the start must be <= the end');
    }
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
    if (this.#match(/\?P=/y)) {
      return this.#namedBackref(this.#match(/([^)]*)\)/y)?.[1], start + 4);
    }
    if (this.#peek() === '?' && /^\?(?:\(|P>)/.test(this.#pattern.slice(this.#at, this.#at + 3))) {
      throw unsupported('conditionals and subroutine calls');
    }
    if (this.#match(/\?P?</y)) {
      return this.#capture(this.#groupName(this.#match(/([^>]*)>/y)?.[1], start + 1));
    }
    if (this.#peek() !== '?') return this.#capture();
    return this.#flagGroup(start);
  }

  #groupName(name: string | undefined, at: number): string {
    if (name !== undefined && /^[\p{Alphabetic}\p{N}_]+$/u.test(name)) return name;
    throw this.#error('Could not parse group name', at);
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

  /** `(?i)`, `(?s-m:…)`, its parenthesis already read. */
  #flagGroup(start: number): RegexNode | undefined {
    this.#take('?');
    for (let isOn = true, last = ''; ;) {
      const letter = this.#peek();
      if (letter === undefined)
        throw this.#error('Opening parenthesis without closing parenthesis');
      const isEnd = letter === ')' || letter === ':';
      const isFlag = FLAG_NAMES[letter] !== undefined || letter === 'u';
      const isSign = letter === '-' && isOn;
      if (!isFlag && !isSign && (!isEnd || last === '-')) {
        const found = this.#pattern.slice(start, this.#at + letter.length);
        throw this.#error(`Unknown group flag: ${found}`, start + 2);
      }
      if (letter === 'u' && !isOn) throw this.#error('Disabling Unicode not supported');
      this.#take(letter);
      if (isEnd) return letter === ':' ? this.#closed() : undefined;
      const name = FLAG_NAMES[letter];
      if (name) this.#flags = { ...this.#flags, [name]: isOn };
      if (isSign) isOn = false;
      last = letter;
    }
  }

  #escape(start: number): RegexNode {
    const letter = this.#peek();
    if (letter === undefined) throw this.#error('Backslash without following character', start);
    if (this.#dialect === 'fancy' && this.#match(/b\{/y)) {
      throw this.#error('Invalid escape: \\b', start);
    }
    const boundary = this.#match(/b\{(?:start|end)(?:-half)?\}|[bBAzZ<>]/y)?.[0];
    if (boundary) return { kind: 'assert', js: BOUNDARIES[boundary] ?? '' };
    const digits = this.#match(/\d+/y)?.[0];
    if (digits) return this.#numberedBackref(Number(digits), start + 1);
    if (this.#take('k')) {
      const name = this.#match(/<([^>]*)>|'([^']*)'/y);
      return this.#namedBackref(name?.[1] ?? name?.[2], start + 2);
    }
    if (this.#take('K')) return { kind: 'keep' };
    if (letter === 'G' || letter === 'g') throw unsupported(`\\${letter}`);
    if (this.#take('O')) return this.#set('[\\s\\S]');
    const set = this.#classEscape();
    return set !== undefined ? this.#set(set) : this.#char(this.#charEscape(start));
  }

  #namedBackref(given: string | undefined, at: number): RegexNode {
    const name = this.#groupName(given, at);
    if (/^\d+$/.test(name)) return this.#numberedBackref(Number(name), at);
    const index = this.#names.get(name);
    if (index === undefined) {
      throw this.#error(`Invalid group name in back reference: ${name}`, at);
    }
    return this.#backref(index);
  }

  /** What cannot be a group of a pattern this long is refused at once. */
  #numberedBackref(index: number, at: number): RegexNode {
    if (index >= Math.floor(Buffer.byteLength(this.#pattern) / 2)) {
      throw this.#error('Invalid back reference', at);
    }
    this.#numbered.push(index);
    return this.#backref(index);
  }

  #backref(index: number): RegexNode {
    return { kind: 'backref', index, ignoreCase: this.#flags.ignoreCase };
  }

  /** `\d`, `\p{…}` and the like, the backslash already read; `undefined` for a single character. */
  #classEscape(): SetText | undefined {
    const perl = this.#match(/[dDwWsShH]/y)?.[0];
    if (perl) return perlClass(perl);
    const start = this.#at - 1;
    const property = this.#match(/([pP])(?:\{([^}]*)\}|([^{]))/uy);
    if (!property) {
      if (this.#match(/[pP]\{/y)) throw this.#error('Unicode escape not closed', start);
      return undefined;
    }
    const name = property[2] ?? property[3] ?? '';
    const set = name.startsWith('^') ? undefined : propertyClass(name, property[1] === 'P');
    if (set === undefined) throw this.#refused('Unicode property not found');
    return set;
  }

  #charEscape(start: number): number {
    const hex = this.#match(
      /x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU]\{([0-9A-Fa-f]+)\}/y,
    );
    if (hex) {
      const code = parseInt(hex[1] ?? hex[2] ?? hex[3] ?? hex[4] ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        throw this.#error('Invalid codepoint for hex or unicode escape', start + 2);
      }
      return code;
    }
    if (/[xuU]/.test(this.#peek() ?? '')) throw this.#error('Invalid hex escape', start + 2);
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
      if (set !== undefined) return set;
      // Unknown names are a class of their letters.
      this.#at = start;
    }
    if (this.#take('[')) return this.#class();
    const low = this.#classMember();
    const isRange = this.#match(/-(?![-\]])/y) !== null;
    if (!isRange) return typeof low === 'string' ? low : charText(low);
    const high = this.#classMember();
    if (typeof low === 'string' || typeof high === 'string' || high < low) {
      throw this.#refused('invalid character class range, the start must be <= the end');
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

  /** What the fancy parser lets pass: its compiler, or the crate below it, refuses it. */
  #refused(why: string, foundBy: 'compiler' | 'inner' = 'inner'): RegexSyntaxError {
    return new RegexSyntaxError(this.#at, why, foundBy);
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
