/**
 * Statements: `{% … %}` blocks and what they enclose.
 *
 * Source: minijinja's grammar, loop controls included.
 */
import type { Expression, MacroNode, Statement, Target } from './ast.ts';
import { parseExpression, parseFilter, parseOr } from './expression-parser.ts';
import { Fault } from './fault.ts';
import { describeToken, tokenize } from './lexer.ts';
import { TokenStream } from './token-stream.ts';

/** @throws {Fault} with the line at which reading stopped */
export function parseTemplate(source: string): Statement[] {
  const tokens = new TokenStream(tokenize(source));
  try {
    return new StatementParser(tokens).body([]);
  } catch (error) {
    if (error instanceof Fault) error.line ??= tokens.lastLine;
    throw error;
  }
}

const RESERVED = ['true', 'True', 'false', 'False', 'none', 'None', 'loop', 'self'];

class StatementParser {
  readonly #tokens: TokenStream;
  readonly #blocks = new Set<string>();
  #isInLoop = false;
  #isInMacro = false;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  /** Statements up to a block that starts with one of these words, which is left to be read. */
  body(ends: readonly string[]): Statement[] {
    const tokens = this.#tokens;
    const statements: Statement[] = [];
    for (let token = tokens.next(); token; token = tokens.next()) {
      const { line } = token;
      if (token.kind === 'text') {
        statements.push({ type: 'text', line, text: token.text });
      } else if (token.kind === 'variable start') {
        const value = parseExpression(tokens);
        tokens.expect('variable end', undefined, 'end of variable block');
        statements.push({ type: 'emit', line: value.line, value });
      } else {
        if (!tokens.current) {
          throw new Fault('syntax', 'unexpected end of input, expected keyword');
        }
        if (tokens.isWord(...ends)) return statements;
        statements.push(tokens.nested(() => this.#statement()));
        this.#blockEnd();
      }
    }
    return statements;
  }

  #blockEnd(): void {
    this.#tokens.expect('block end', undefined, 'end of block');
  }

  /** The body of a block and its closing word. */
  #bodyUntil(end: string): Statement[] {
    this.#blockEnd();
    const body = this.body([end]);
    this.#tokens.next();
    return body;
  }

  #statement(): Statement {
    const token = this.#tokens.nextOr('block keyword');
    if (token.kind !== 'identifier') {
      throw new Fault('syntax', `unknown ${describeToken(token)}, expected statement`);
    }
    const { line, text: word } = token;
    switch (word) {
      case 'for':
        return this.#for(line);
      case 'if':
        return this.#if(line);
      case 'with':
        return this.#with(line);
      case 'set':
        return this.#set(line);
      case 'autoescape':
        return {
          type: 'autoescape',
          line,
          enabled: parseExpression(this.#tokens),
          body: this.#bodyUntil('endautoescape'),
        };
      case 'filter':
        return {
          type: 'filter',
          line,
          filter: this.#filterChain(),
          body: this.#bodyUntil('endfilter'),
        };
      case 'block':
        return this.#block(line);
      case 'include':
        return this.#include(line);
      case 'extends':
      case 'import':
      case 'from':
        return this.#load(line, word);
      case 'macro':
        return { type: 'macro', line, macro: this.#macro() };
      case 'call':
        return this.#callBlock(line);
      case 'do':
        return { type: 'do', line, value: this.#call() };
      case 'break':
      case 'continue':
        if (!this.#isInLoop) throw new Fault('syntax', `'${word}' must be placed inside a loop`);
        return { type: word, line };
      default:
        throw new Fault('syntax', `unknown statement ${word}`);
    }
  }

  #for(line: number): Statement {
    const tokens = this.#tokens;
    const wasInLoop = this.#isInLoop;
    this.#isInLoop = true;
    const target = this.#assignment();
    tokens.expect('identifier', 'in', 'in');
    const iterable = parseOr(tokens);
    const condition = tokens.skipWord('if') ? parseExpression(tokens) : null;
    const isRecursive = tokens.skipWord('recursive');
    this.#blockEnd();
    const body = this.body(['endfor', 'else']);
    const otherwise = tokens.skipWord('else') ? this.#elseBody('endfor') : [];
    tokens.next();
    this.#isInLoop = wasInLoop;
    return { type: 'for', line, target, iterable, condition, isRecursive, body, otherwise };
  }

  #elseBody(end: string): Statement[] {
    this.#blockEnd();
    return this.body([end]);
  }

  #if(line: number): Statement {
    const tokens = this.#tokens;
    const test = parseOr(tokens);
    this.#blockEnd();
    const then = this.body(['endif', 'else', 'elif']);
    const end = tokens.next();
    let otherwise: Statement[] = [];
    if (end?.text === 'else') {
      otherwise = this.#elseBody('endif');
      tokens.next();
    } else if (end?.text === 'elif') {
      otherwise = [tokens.nested(() => this.#if(end.line))];
    }
    return { type: 'if', line, test, then, otherwise };
  }

  #with(line: number): Statement {
    const tokens = this.#tokens;
    const assignments: [Target, Expression][] = [];
    while (!tokens.is('block end')) {
      if (assignments.length > 0) tokens.expectOperator(',', 'comma');
      const target = this.#parenthesizedTarget() ?? this.#name();
      tokens.expectOperator('=', 'assignment operator');
      assignments.push([target, parseExpression(tokens)]);
    }
    return { type: 'with', line, assignments, body: this.#bodyUntil('endwith') };
  }

  #parenthesizedTarget(): Target | undefined {
    if (!this.#tokens.skipOperator('(')) return undefined;
    const target = this.#assignment();
    this.#tokens.expectOperator(')');
    return target;
  }

  #set(line: number): Statement {
    const tokens = this.#tokens;
    const list = this.#parenthesizedTarget();
    const target = list ?? this.#dottedName();
    if (!list && (tokens.is('block end') || tokens.isOperator('|'))) {
      const filter = tokens.skipOperator('|') ? this.#filterChain() : null;
      return { type: 'setBlock', line, target, filter, body: this.#bodyUntil('endset') };
    }
    tokens.expectOperator('=', 'assignment operator');
    return { type: 'set', line, target, value: parseExpression(tokens) };
  }

  #name(): Target & { type: 'name' } {
    const name = this.#tokens.expectName();
    if (RESERVED.includes(name)) {
      throw new Fault('syntax', `cannot assign to reserved variable name ${name}`);
    }
    return { type: 'name', name };
  }

  #dottedName(): Target {
    const { line } = this.#tokens;
    const first = this.#name();
    let target: Target = first;
    let of: Expression = { type: 'variable', line, name: first.name };
    while (this.#tokens.skipOperator('.')) {
      const name = this.#tokens.expectName();
      target = { type: 'dotted', of, name };
      of = { type: 'attribute', line, of, name };
    }
    return target;
  }

  #assignment(): Target {
    const tokens = this.#tokens;
    const items: Target[] = [];
    let isList = false;
    for (;;) {
      if (items.length > 0) tokens.expectOperator(',');
      const isOver =
        tokens.isOperator(')') ||
        tokens.is('variable end') ||
        tokens.is('block end') ||
        tokens.isWord('in');
      if (isOver) break;
      items.push(this.#parenthesizedTarget() ?? this.#name());
      if (!tokens.isOperator(',')) break;
      isList = true;
    }
    const [only] = items;
    return !isList && only ? only : { type: 'list', items };
  }

  #block(line: number): Statement {
    const tokens = this.#tokens;
    if (this.#isInMacro) throw new Fault('syntax', 'block tags in macros are not allowed');
    const wasInLoop = this.#isInLoop;
    this.#isInLoop = false;
    const name = tokens.expectName();
    if (this.#blocks.has(name)) throw new Fault('syntax', `block '${name}' defined twice`);
    this.#blocks.add(name);
    const body = this.#bodyUntil('endblock');
    const { current } = tokens;
    if (current?.kind === 'identifier') {
      if (current.text !== name) {
        throw new Fault(
          'syntax',
          `mismatching name on block. Got \`${current.text}\`, expected \`${name}\``,
        );
      }
      tokens.next();
    }
    this.#isInLoop = wasInLoop;
    return { type: 'block', line, name, body };
  }

  #filterChain(): Expression {
    const tokens = this.#tokens;
    let filter: Expression | null = null;
    while (!tokens.is('block end')) {
      if (filter) tokens.expectOperator('|');
      filter = parseFilter(tokens, filter);
    }
    if (!filter) throw new Fault('syntax', 'expected a filter');
    return filter;
  }

  #include(line: number): Statement {
    const tokens = this.#tokens;
    const name = parseExpression(tokens);
    this.#skipContext();
    const isOptional = tokens.skipWord('ignore');
    if (isOptional) {
      tokens.expect('identifier', 'missing', 'missing keyword');
      this.#skipContext();
    }
    return { type: 'include', line, name, isOptional };
  }

  /** `with context` and `without context` mean nothing here, but may be written. */
  #skipContext(): void {
    if (this.#tokens.skipWord('with', 'without')) {
      this.#tokens.expect('identifier', 'context', 'missing keyword');
    }
  }

  /** `extends`, `import` and `from … import` all need another template, and there is none. */
  #load(line: number, word: 'extends' | 'import' | 'from'): Statement {
    const tokens = this.#tokens;
    const name = parseExpression(tokens);
    if (word === 'import') {
      tokens.expect('identifier', 'as', 'as');
      parseExpression(tokens);
    } else if (word === 'from') {
      tokens.expect('identifier', 'import', 'import');
      for (let count = 0; !tokens.is('block end'); count++) {
        if (count > 0) tokens.expectOperator(',');
        if (tokens.is('block end')) break;
        this.#name();
        if (tokens.skipWord('as')) this.#name();
      }
    }
    return { type: 'load', line, name };
  }

  #macro(): MacroNode {
    const name = this.#tokens.expectName();
    this.#tokens.expectOperator('(');
    return this.#macroBody(name, this.#params(), 'endmacro');
  }

  #params(): MacroNode['params'][number][] {
    const tokens = this.#tokens;
    const params: MacroNode['params'][number][] = [];
    while (!tokens.skipOperator(')')) {
      if (params.length > 0) {
        tokens.expectOperator(',');
        if (tokens.skipOperator(')')) break;
      }
      const { name } = this.#name();
      const hasFallback = params.some((p) => p.fallback) || tokens.isOperator('=');
      if (hasFallback) tokens.expectOperator('=');
      params.push({ name, fallback: hasFallback ? parseExpression(tokens) : null });
    }
    return params;
  }

  #macroBody(name: string, params: MacroNode['params'], end: string): MacroNode {
    const wasInLoop = this.#isInLoop;
    const wasInMacro = this.#isInMacro;
    this.#isInLoop = false;
    this.#isInMacro = true;
    const body = this.#bodyUntil(end);
    this.#isInLoop = wasInLoop;
    this.#isInMacro = wasInMacro;
    return { name, params, body };
  }

  #callBlock(line: number): Statement {
    const params = this.#tokens.skipOperator('(') ? this.#params() : [];
    const call = this.#call();
    return { type: 'call', line, call, caller: this.#macroBody('caller', params, 'endcall') };
  }

  #call(): Expression {
    const call = parseExpression(this.#tokens);
    if (call.type === 'call') return call;
    throw new Fault(
      'syntax',
      `expected call expression in call block, got ${describeExpression(call)}`,
    );
  }
}

function describeExpression(expression: Expression): string {
  switch (expression.type) {
    case 'constant':
      return 'constant';
    case 'filter':
      return 'filter expression';
    case 'test':
      return 'test expression';
    case 'list':
      return 'list literal';
    case 'map':
      return 'map literal';
    case 'variable':
      return 'variable';
    default:
      return 'expression';
  }
}
