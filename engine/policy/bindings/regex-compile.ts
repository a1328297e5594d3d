/**
 * A pattern in Rust's syntax as a JavaScript expression that matches the same texts in the same
 * way (leftmost-first, Unicode, lines end at LF only), with its groups by Rust's numbers and names.
 *
 * Two differences remain: a group inside a repetition forgets its text when a later round does not
 * use it, and a back reference to a group that did not take part matches nothing instead of failing.
 *
 * Source: docs.rs/regex, fancy-regex 0.16; ECMA-262 §22.2.
 */
import { charText } from './regex-class.ts';
import { RegexParser } from './regex-parser.ts';
import { RegexSyntaxError } from './regex-syntax.ts';
import type { RegexDialect, RegexNode } from './regex-syntax.ts';

export interface CompiledRegex {
  /** Flags `gv`, and `i` when all of the pattern ignores case. */
  readonly expression: RegExp;
  /** JavaScript's number of each group; Rust's group 0 is the match. */
  readonly groups: readonly number[];
  readonly names: ReadonlyMap<string, number>;
}

/** @throws {Error} the sentence of the Rust crate for what is wrong */
export function compileRegex(pattern: string, dialect: RegexDialect): CompiledRegex {
  try {
    const { node, groupCount, names } = new RegexParser(pattern, dialect).parse();
    if (dialect === 'linear') refuseFancy(node, pattern);
    else refuseVariableLookBehind(node);
    const writer = new Writer(cases(node));
    const source = writer.write(splitAtKeep(node));
    const expression = new RegExp(source, writer.ignoresCase ? 'giv' : 'gv');
    const groups = Array.from({ length: groupCount + 1 }, (_, i) => writer.groups.get(i) ?? 0);
    return { expression, groups, names };
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error;
    throw new Error(errorText(error, pattern, dialect), { cause: error });
  }
}

function errorText(error: RegexSyntaxError, pattern: string, dialect: RegexDialect): string {
  const { position, message, foundBy } = error;
  if (dialect === 'linear') {
    return `regex parse error:\n    ${pattern}\n    ${' '.repeat(position)}^\nerror: ${message}`;
  }
  if (foundBy === 'parser') return `Parsing error at position ${position}: ${message}`;
  const why = foundBy === 'inner' ? 'Regex error: error parsing pattern 0' : message;
  return `Error compiling regex: ${why}`;
}

/** The alternatives of a look-behind may differ in length, each of them has one. */
function refuseVariableLookBehind(node: RegexNode): void {
  if (node.kind === 'look' && node.sign.startsWith('<')) {
    const alternatives = node.node.kind === 'alternate' ? node.node.nodes : [node.node];
    if (alternatives.some((each) => lengthOf(each) === null)) {
      throw new Error('Error compiling regex: Look-behind assertion without constant size');
    }
  }
  for (const child of children(node)) refuseVariableLookBehind(child);
}

/** Characters that a node always matches; null when that varies. */
function lengthOf(node: RegexNode): number | null {
  switch (node.kind) {
    case 'char':
    case 'set':
      return 1;
    case 'empty':
    case 'assert':
    case 'look':
    case 'keep':
      return 0;
    case 'capture':
    case 'atomic':
      return lengthOf(node.node);
    case 'concat':
      return node.nodes.reduce<number | null>((sum, each) => plus(sum, lengthOf(each)), 0);
    case 'alternate': {
      const [first = 0, ...others] = node.nodes.map(lengthOf);
      return others.every((each) => each === first) ? first : null;
    }
    case 'repeat': {
      const length = lengthOf(node.node);
      return node.min === node.max && length !== null ? length * node.min : null;
    }
    case 'backref':
      return null;
  }
}

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function children(node: RegexNode): readonly RegexNode[] {
  if (node.kind === 'concat' || node.kind === 'alternate') return node.nodes;
  return 'node' in node ? [node.node] : [];
}

function refuseFancy(node: RegexNode, pattern: string): void {
  const why: Readonly<Record<string, string>> = {
    look: 'look-around, including look-ahead and look-behind, is not supported',
    backref: 'backreferences are not supported',
    atomic: 'unrecognized flag',
    keep: 'unrecognized escape sequence',
  };
  const sentence = why[node.kind];
  if (sentence) throw new RegexSyntaxError(Math.max(pattern.indexOf('('), 0), sentence);
  for (const child of children(node)) refuseFancy(child, pattern);
}

/** Whether every character ignores case, some do, or none. */
function cases(node: RegexNode): 'all' | 'some' | 'none' {
  const seen = new Set<boolean>();
  const visit = (each: RegexNode): void => {
    if ('ignoreCase' in each) seen.add(each.ignoreCase);
    children(each).forEach(visit);
  };
  visit(node);
  if (!seen.has(true)) return 'none';
  return seen.has(false) ? 'some' : 'all';
}

/** `before\Kafter` as `(?<=before)after`. */
function splitAtKeep(node: RegexNode): RegexNode {
  if (node.kind === 'keep') return { kind: 'empty' };
  if (node.kind !== 'concat') return node;
  const at = node.nodes.findLastIndex((each) => each.kind === 'keep');
  if (at < 0) return node;
  const before: RegexNode = {
    kind: 'concat',
    nodes: node.nodes.slice(0, at).filter((each) => each.kind !== 'keep'),
  };
  return {
    kind: 'concat',
    nodes: [{ kind: 'look', sign: '<=', node: before }, ...node.nodes.slice(at + 1)],
  };
}

/** Writes nodes in the order in which JavaScript numbers the groups. */
class Writer {
  readonly ignoresCase: boolean;
  readonly groups = new Map<number, number>([[0, 0]]);
  readonly #wrapsCase: boolean;
  #groupCount = 0;
  /** Inside a look-behind JavaScript matches backwards, where the trick for atomic groups fails. */
  #behind = 0;

  constructor(caseUse: 'all' | 'some' | 'none') {
    this.ignoresCase = caseUse === 'all';
    this.#wrapsCase = caseUse === 'some';
  }

  write(node: RegexNode): string {
    switch (node.kind) {
      case 'empty':
        return '';
      case 'char':
        return this.#inCase(charText(node.code), node.ignoreCase);
      case 'set':
        return this.#inCase(node.set, node.ignoreCase);
      case 'assert':
        return node.js;
      case 'concat':
        return node.nodes
          .map((each) => (each.kind === 'alternate' ? `(?:${this.write(each)})` : this.write(each)))
          .join('');
      case 'alternate':
        return node.nodes.map((each) => this.write(each)).join('|');
      case 'capture':
        this.groups.set(node.index, ++this.#groupCount);
        return `(${this.write(node.node)})`;
      case 'look':
        return this.#look(node);
      case 'atomic':
        return this.#atomic(node.node);
      case 'repeat':
        return `(?:${this.write(node.node)})${countText(node.min, node.max)}${node.greed === 'lazy' ? '?' : ''}`;
      case 'backref': {
        const group = this.groups.get(node.index);
        return group === undefined ? '' : this.#inCase(`(?:\\${group})`, node.ignoreCase);
      }
      case 'keep':
        throw new Error(
          "Cannot compile the pattern: \\K stands inside a group, expected it at the pattern's top level",
        );
    }
  }

  #inCase(text: string, ignoreCase: boolean): string {
    return this.#wrapsCase && ignoreCase ? `(?i:${text})` : text;
  }

  #look(node: Extract<RegexNode, { kind: 'look' }>): string {
    const isBehind = node.sign.startsWith('<');
    if (isBehind) this.#behind++;
    const text = `(?${node.sign}${this.write(node.node)})`;
    if (isBehind) this.#behind--;
    return text;
  }

  /** A look-ahead never backtracks into its group; what it captured is then consumed. */
  #atomic(node: RegexNode): string {
    if (this.#behind > 0) return `(?:${this.write(node)})`;
    const group = ++this.#groupCount;
    return `(?:(?=(${this.write(node)}))\\${group})`;
  }
}

function countText(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}
