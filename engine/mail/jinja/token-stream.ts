/** A cursor over tokens with the expectations of the grammar and their error texts. */
import { Fault } from './fault.ts';
import { describeToken } from './lexer.ts';
import type { Token, TokenKind } from './lexer.ts';

/** Nesting beyond which a template is refused rather than overflowing the stack. */
const DEPTH_MAX = 150;

export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token | undefined {
    return this.#tokens[this.#at];
  }

  /** Line of the token read last: where a syntax error is reported. */
  get lastLine(): number {
    return this.#tokens[Math.max(this.#at - 1, 0)]?.line ?? 1;
  }

  get line(): number {
    return this.current?.line ?? this.lastLine;
  }

  next(): Token | undefined {
    const token = this.#tokens[this.#at];
    if (token) this.#at++;
    return token;
  }

  nextOr(expected: string): Token {
    const token = this.next();
    if (!token) throw unexpected('end of input', expected);
    return token;
  }

  is(kind: TokenKind, text?: string): boolean {
    const token = this.current;
    return token?.kind === kind && (text === undefined || token.text === text);
  }

  isOperator(text: string): boolean {
    return this.is('operator', text);
  }

  isWord(...words: readonly string[]): boolean {
    const token = this.current;
    return token?.kind === 'identifier' && words.includes(token.text);
  }

  skipOperator(text: string): boolean {
    if (!this.isOperator(text)) return false;
    this.#at++;
    return true;
  }

  skipWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false;
    this.#at++;
    return true;
  }

  expect(kind: TokenKind, text: string | undefined, expected: string): Token {
    const token = this.nextOr(expected);
    if (token.kind === kind && (text === undefined || token.text === text)) return token;
    throw unexpected(describeToken(token), expected);
  }

  expectOperator(text: string, expected = `\`${text}\``): Token {
    return this.expect('operator', text, expected);
  }

  expectName(): string {
    return this.expect('identifier', undefined, 'identifier').text;
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > DEPTH_MAX) {
      throw new Fault('syntax', 'template exceeds maximum recursion limits');
    }
    const result = parse();
    this.#depth--;
    return result;
  }
}

function unexpected(found: string, expected: string): Fault {
  return new Fault('syntax', `unexpected ${found}, expected ${expected}`);
}
