/**
 * Template source to tokens: text, and between the delimiters the tokens of the language. White
 * space control (`{{-`, `-%}`) and `raw` blocks are dealt with here, so the parser never sees them.
 *
 * Source: minijinja's syntax; the last line break of a source does not belong to it.
 */
import { Fault } from './fault.ts';

export type TokenKind =
  | 'text'
  | 'variable start'
  | 'variable end'
  | 'block start'
  | 'block end'
  | 'identifier'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator';

export interface Token {
  readonly kind: TokenKind;
  /** The text, the name, the unescaped string, the digits or the operator. */
  readonly text: string;
  readonly line: number;
}

/** How a syntax error names a token. */
export function describeToken(token: Token): string {
  switch (token.kind) {
    case 'text':
      return 'template-data';
    case 'variable start':
      return 'start of variable block';
    case 'variable end':
      return 'end of variable block';
    case 'block start':
      return 'start of block';
    case 'block end':
      return 'end of block';
    case 'operator':
      return `\`${token.text}\``;
    default:
      return token.kind;
  }
}

const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+*/%!.,:~|=><()[\]{}]/y;
const NAME = /[\p{ID_Start}_][\p{ID_Continue}_]*/uy;
const NUMBER =
  /0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/y;
const RAW = /\{%[-+]?\s*raw\s*([-+]?)%\}/y;
const END_RAW = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;

export function tokenize(source: string): Token[] {
  return new Lexer(source.replace(/\r?\n$/, '')).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #trimNext = false;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    try {
      while (this.#at < this.#source.length) this.#template();
    } catch (error) {
      if (error instanceof Fault) error.line ??= this.#line;
      throw error;
    }
    return this.#tokens;
  }

  #template(): void {
    const start = this.#source.slice(this.#at, this.#at + 2);
    if (start === '{{') this.#tag('variable start', 'variable end', '}}');
    else if (start === '{#') this.#comment();
    else if (start === '{%' && !this.#raw()) this.#tag('block start', 'block end', '%}');
    else if (start !== '{%') this.#text();
  }

  #text(): void {
    const rest = this.#source.slice(this.#at);
    const marker = /\{[{%#]/.exec(rest);
    const end = marker ? marker.index : rest.length;
    let text = rest.slice(0, end);
    const line = this.#line;
    this.#skip(end);
    if (this.#trimNext) text = text.trimStart();
    this.#trimNext = false;
    if (marker && rest[end + 2] === '-') text = text.trimEnd();
    if (text !== '') this.#tokens.push({ kind: 'text', text, line });
  }

  #comment(): void {
    const end = this.#source.indexOf('#}', this.#at);
    if (end < 0) throw new Fault('syntax', 'unexpected end of comment');
    this.#trimNext = this.#source[end - 1] === '-';
    this.#skip(end + 2 - this.#at);
  }

  /** A `raw` block becomes text; false when there is none here. */
  #raw(): boolean {
    RAW.lastIndex = this.#at;
    const open = RAW.exec(this.#source);
    if (!open) return false;
    const line = this.#line;
    const from = this.#at + open[0].length;
    END_RAW.lastIndex = from;
    const close = END_RAW.exec(this.#source);
    if (!close) throw new Fault('syntax', 'unexpected end of raw block');
    let text = this.#source.slice(from, close.index);
    if (open[1] === '-') text = text.trimStart();
    if (close[1] === '-') text = text.trimEnd();
    this.#skip(close.index + close[0].length - this.#at);
    this.#trimNext = close[2] === '-';
    if (text !== '') this.#tokens.push({ kind: 'text', text, line });
    return true;
  }

  #tag(start: TokenKind, end: TokenKind, closing: '}}' | '%}'): void {
    this.#trimNext = false;
    this.#push(start, this.#source.slice(this.#at, this.#at + 2));
    this.#skip(/[-+]/.test(this.#source[this.#at + 2] ?? '') ? 3 : 2);
    let depth = 0;
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#source.length) return;
      const dash = /[-+]/.test(this.#source[this.#at] ?? '') ? 1 : 0;
      const isEnd = this.#source.startsWith(closing, this.#at + dash);
      if (isEnd && depth === 0) {
        this.#trimNext = this.#source[this.#at] === '-';
        this.#push(end, closing);
        this.#skip(dash + 2);
        return;
      }
      depth += this.#token();
    }
  }

  /** Reads one token; returns how it changes the depth of brackets. */
  #token(): number {
    const c = this.#source[this.#at] ?? '';
    if (c === '"' || c === "'") {
      this.#string(c);
      return 0;
    }
    if (/\d/.test(c)) {
      this.#number();
      return 0;
    }
    const operator = this.#match(OPERATOR);
    if (operator !== undefined) {
      this.#push('operator', operator);
      this.#skip(operator.length);
      return '([{'.includes(operator) ? 1 : ')]}'.includes(operator) ? -1 : 0;
    }
    const name = this.#match(NAME);
    if (name === undefined) throw new Fault('syntax', 'unexpected character');
    this.#push('identifier', name);
    this.#skip(name.length);
    return 0;
  }

  #number(): void {
    const digits = this.#match(NUMBER) ?? '';
    const isFloat = /^\d[\d_]*(\.|[eE])/.test(digits);
    this.#push(isFloat ? 'float' : 'integer', digits.replaceAll('_', ''));
    this.#skip(digits.length);
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== quote) {
      end += this.#source[end] === '\\' ? 2 : 1;
    }
    if (end >= this.#source.length) throw new Fault('syntax', 'unexpected end of string');
    this.#push('string', unescape(this.#source.slice(this.#at + 1, end)));
    this.#skip(end + 1 - this.#at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #skipBlanks(): void {
    while (/[ \t\r\n\f]/.test(this.#source[this.#at] ?? '')) this.#skip(1);
  }

  #skip(count: number): void {
    for (let i = this.#at; i < this.#at + count; i++) if (this.#source[i] === '\n') this.#line++;
    this.#at += count;
  }

  #push(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, text, line: this.#line });
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex?: string, c?: string) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    const plain = ESCAPES[c ?? ''];
    if (plain === undefined) throw new Fault('badEscape');
    return plain;
  });
}
