/**
 * Expressions, one function per level of precedence, weakest first.
 *
 * Source: minijinja's grammar.
 */
import { jsonFloat } from '../json.ts';
import type { BinaryOperator, CallArgs, Expression } from './ast.ts';
import { Fault } from './fault.ts';
import { describeToken } from './lexer.ts';
import type { Token } from './lexer.ts';
import type { TokenStream } from './token-stream.ts';

export function parseExpression(tokens: TokenStream): Expression {
  return tokens.nested(() => parseConditional(tokens));
}

function parseConditional(tokens: TokenStream): Expression {
  let expression = parseOr(tokens);
  while (tokens.isWord('if')) {
    const { line } = tokens;
    tokens.next();
    const test = parseOr(tokens);
    const otherwise = tokens.skipWord('else') ? parseConditional(tokens) : null;
    expression = { type: 'if', line, test, then: expression, otherwise };
  }
  return expression;
}

/** An expression without `if … else`, for places where `if` means something else. */
export function parseOr(tokens: TokenStream): Expression {
  let left = parseAnd(tokens);
  while (tokens.isWord('or')) {
    const { line } = tokens;
    tokens.next();
    left = { type: 'or', line, left, right: parseAnd(tokens) };
  }
  return left;
}

function parseAnd(tokens: TokenStream): Expression {
  let left = parseNot(tokens);
  while (tokens.isWord('and')) {
    const { line } = tokens;
    tokens.next();
    left = { type: 'and', line, left, right: parseNot(tokens) };
  }
  return left;
}

function parseNot(tokens: TokenStream): Expression {
  const { line } = tokens;
  if (!tokens.skipWord('not')) return parseCompare(tokens);
  return { type: 'not', line, of: tokens.nested(() => parseNot(tokens)) };
}

function parseCompare(tokens: TokenStream): Expression {
  let left = parseSum(tokens);
  for (;;) {
    const { line } = tokens;
    const isNegated = tokens.skipWord('not');
    const operator = isNegated ? expectIn(tokens) : comparison(tokens);
    if (operator === undefined) return left;
    left = { type: 'binary', line, operator, left, right: parseSum(tokens) };
    if (isNegated) left = { type: 'not', line, of: left };
  }
}

function expectIn(tokens: TokenStream): BinaryOperator {
  tokens.expect('identifier', 'in', 'in');
  return 'in';
}

function comparison(tokens: TokenStream): BinaryOperator | undefined {
  if (tokens.skipWord('in')) return 'in';
  return (['==', '!=', '<=', '>=', '<', '>'] as const).find((o) => tokens.skipOperator(o));
}

type Level = (tokens: TokenStream) => Expression;

function leftAssociative(operators: readonly BinaryOperator[], operand: Level): Level {
  return (tokens) => {
    let left = operand(tokens);
    for (;;) {
      const { line } = tokens;
      const operator = operators.find((o) => tokens.skipOperator(o));
      if (operator === undefined) return left;
      left = { type: 'binary', line, operator, left, right: operand(tokens) };
    }
  };
}

const parsePower = leftAssociative(['**'], parseUnary);
const parseProduct = leftAssociative(['*', '/', '//', '%'], parsePower);
const parseConcat = leftAssociative(['~'], parseProduct);
const parseSum = leftAssociative(['+', '-'], parseConcat);

function parseUnary(tokens: TokenStream): Expression {
  return parseFilters(tokens, parsePostfix(tokens, parseNegation(tokens)));
}

function parseNegation(tokens: TokenStream): Expression {
  const { line } = tokens;
  if (!tokens.skipOperator('-')) return tokens.nested(() => parsePrimary(tokens));
  return { type: 'negate', line, of: tokens.nested(() => parseNegation(tokens)) };
}

function parsePostfix(tokens: TokenStream, head: Expression): Expression {
  let of = head;
  for (;;) {
    const { line } = tokens;
    if (tokens.skipOperator('.')) {
      of = { type: 'attribute', line, of, name: tokens.expectName() };
    } else if (tokens.skipOperator('[')) {
      of = parseSubscript(tokens, of, line);
    } else if (tokens.isOperator('(')) {
      of = { type: 'call', line, callee: of, args: parseArgs(tokens) };
    } else {
      return of;
    }
  }
}

function parseSubscript(tokens: TokenStream, of: Expression, line: number): Expression {
  const at = (...ends: readonly string[]): Expression | null =>
    ends.some((e) => tokens.isOperator(e)) ? null : parseExpression(tokens);
  const start = at(':', ']');
  if (!tokens.skipOperator(':')) {
    if (start === null) throw new Fault('syntax', 'unexpected `]`');
    tokens.expectOperator(']');
    return { type: 'item', line, of, key: start };
  }
  const stop = at(']', ':');
  const step = tokens.skipOperator(':') ? at(']') : null;
  tokens.expectOperator(']');
  return { type: 'slice', line, of, bounds: [start, stop, step] };
}

function parseFilters(tokens: TokenStream, head: Expression): Expression {
  let of = head;
  for (;;) {
    if (tokens.skipOperator('|')) {
      of = parseFilter(tokens, of);
    } else if (tokens.isWord('is')) {
      of = parseTest(tokens, of);
    } else {
      return of;
    }
  }
}

/** A filter after its `|`; `of` is null at the head of a filter block. */
export function parseFilter(tokens: TokenStream, of: Expression | null): Expression {
  const { line } = tokens;
  const name = tokens.expectName();
  const args = tokens.isOperator('(') ? parseArgs(tokens) : NO_ARGS;
  return { type: 'filter', line, of, name, args };
}

const NO_ARGS: CallArgs = { positional: [], keyword: [] };

function parseTest(tokens: TokenStream, of: Expression): Expression {
  tokens.next();
  const isNegated = tokens.skipWord('not');
  const { line } = tokens;
  const name = tokens.expectName();
  const test: Expression = { type: 'test', line, of, name, args: parseTestArgs(tokens) };
  return isNegated ? { type: 'not', line, of: test } : test;
}

/** `is divisibleby 3` takes its one argument without parentheses. */
function parseTestArgs(tokens: TokenStream): CallArgs {
  if (tokens.isOperator('(')) return parseArgs(tokens);
  const { current } = tokens;
  const startsOperand =
    current !== undefined &&
    (['identifier', 'string', 'integer', 'float'].includes(current.kind) ||
      ['+', '-', '[', '{'].some((o) => tokens.isOperator(o))) &&
    !tokens.isWord('and', 'or', 'else', 'is', 'if', 'in', 'not');
  if (!startsOperand) return NO_ARGS;
  const value = parsePostfix(tokens, parseNegation(tokens));
  return { positional: [{ value, isSplat: false }], keyword: [] };
}

function parseArgs(tokens: TokenStream): CallArgs {
  const positional: CallArgs['positional'][number][] = [];
  const keyword: CallArgs['keyword'][number][] = [];
  tokens.expectOperator('(');
  while (!tokens.skipOperator(')')) {
    if (positional.length + keyword.length > 0) {
      tokens.expectOperator(',');
      if (tokens.skipOperator(')')) break;
    }
    if (tokens.skipOperator('**')) {
      keyword.push({ name: null, value: parseExpression(tokens) });
      continue;
    }
    const isSplat = tokens.skipOperator('*');
    const value = parseExpression(tokens);
    if (!isSplat && value.type === 'variable' && tokens.skipOperator('=')) {
      keyword.push({ name: value.name, value: parseOr(tokens) });
    } else if (keyword.length > 0) {
      throw new Fault('syntax', 'non-keyword arg after keyword arg');
    } else {
      positional.push({ value, isSplat });
    }
  }
  return { positional, keyword };
}

function parsePrimary(tokens: TokenStream): Expression {
  const token = tokens.nextOr('expression');
  const { line } = token;
  switch (token.kind) {
    case 'identifier':
      return parseName(token);
    case 'string':
      return { type: 'constant', line, value: joinStrings(tokens, token.text) };
    case 'integer':
      return { type: 'constant', line, value: integerOf(token.text) };
    case 'float':
      return { type: 'constant', line, value: jsonFloat(Number(token.text)) };
    default:
      break;
  }
  if (token.kind === 'operator') {
    if (token.text === '(') return parseParenthesis(tokens, line);
    if (token.text === '[') return { type: 'list', line, items: parseItems(tokens, ']') };
    if (token.text === '{') return parseMap(tokens, line);
  }
  throw new Fault('syntax', `unexpected ${describeToken(token)}`);
}

function parseName(token: Token): Expression {
  const { line, text } = token;
  if (text === 'true' || text === 'True') return { type: 'constant', line, value: true };
  if (text === 'false' || text === 'False') return { type: 'constant', line, value: false };
  if (text === 'none' || text === 'None') return { type: 'constant', line, value: null };
  return { type: 'variable', line, name: text };
}

function joinStrings(tokens: TokenStream, first: string): string {
  let text = first;
  while (tokens.is('string')) text += tokens.next()?.text ?? '';
  return text;
}

function integerOf(digits: string): number | bigint {
  const value = BigInt(digits.toLowerCase());
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function parseItems(tokens: TokenStream, end: ']' | ')'): Expression[] {
  const items: Expression[] = [];
  while (!tokens.skipOperator(end)) {
    if (items.length > 0) {
      tokens.expectOperator(',');
      if (tokens.skipOperator(end)) break;
    }
    items.push(parseExpression(tokens));
  }
  return items;
}

/** `(a)` is `a`; `()`, `(a,)` and `(a, b)` are lists. */
function parseParenthesis(tokens: TokenStream, line: number): Expression {
  if (tokens.skipOperator(')')) return { type: 'list', line, items: [] };
  const first = parseExpression(tokens);
  if (!tokens.isOperator(',')) {
    tokens.expectOperator(')');
    return first;
  }
  tokens.next();
  return { type: 'list', line, items: [first, ...parseItems(tokens, ')')] };
}

function parseMap(tokens: TokenStream, line: number): Expression {
  const entries: [Expression, Expression][] = [];
  while (!tokens.skipOperator('}')) {
    if (entries.length > 0) {
      tokens.expectOperator(',');
      if (tokens.skipOperator('}')) break;
    }
    const key = parseExpression(tokens);
    tokens.expectOperator(':');
    entries.push([key, parseExpression(tokens)]);
  }
  return { type: 'map', line, entries };
}
