/**
 * Handlebars source to a tree: text, expressions, blocks. White space around `~` and around tags
 * that stand alone on their line is taken away here.
 *
 * Source: the Handlebars language as handlebars-rust reads it.
 */
import { Fault } from '../jinja/fault.ts';
import { parseExpression } from './expression.ts';
import type { HandlebarsCall } from './expression.ts';

export type HandlebarsNode =
  | { readonly type: 'text'; text: string }
  | {
      readonly type: 'output';
      readonly call: HandlebarsCall;
      readonly isEscaped: boolean;
      readonly line: number;
    }
  | {
      readonly type: 'block';
      readonly call: HandlebarsCall;
      readonly isInverted: boolean;
      readonly body: readonly HandlebarsNode[];
      readonly otherwise: readonly HandlebarsNode[];
      readonly line: number;
    }
  | { readonly type: 'partial'; readonly name: string; readonly line: number };

/** One tag, or the text between two. */
interface Piece {
  readonly kind:
    'text' | 'output' | 'raw' | 'open' | 'inverse' | 'else' | 'close' | 'partial' | 'none';
  readonly line: number;
  /** The text, or what stands inside the braces. */
  text: string;
}

export function parseHandlebars(source: string): HandlebarsNode[] {
  const pieces = splitPieces(source);
  trimStandalone(pieces);
  const reader = new Reader(pieces);
  const { nodes, end } = reader.body();
  if (end) throw new Fault('syntax', `unexpected closing block "${end.text}"`, end.line);
  return nodes;
}

const TAG =
  /\{\{\{\{\s*raw\s*\}\}\}\}([\s\S]*?)\{\{\{\{\/raw\}\}\}\}|\\(\{\{[\s\S]*?\}\})|\{\{(~?)!--[\s\S]*?--(~?)\}\}|\{\{(~?)![\s\S]*?(~?)\}\}|\{\{\{(~?)([\s\S]*?)(~?)\}\}\}|\{\{(~?)([\s\S]*?)(~?)\}\}/g;

function splitPieces(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let line = 1;
  let trimsNext = false;
  const addText = (text: string): void => {
    pieces.push({ kind: 'text', line, text: trimsNext ? text.trimStart() : text });
    trimsNext = false;
  };
  for (const match of source.matchAll(TAG)) {
    addText(source.slice(at, match.index));
    line += countLines(source.slice(at, match.index));
    const piece = pieceOf(match, line);
    const last = pieces.at(-1);
    if (last && [match[3], match[5], match[7], match[10]].includes('~')) {
      last.text = last.text.trimEnd();
    }
    pieces.push(piece);
    trimsNext = [match[4], match[6], match[9], match[12]].includes('~');
    line += countLines(match[0]);
    at = match.index + match[0].length;
  }
  const rest = source.slice(at);
  if (rest.includes('{{')) {
    throw new Fault(
      'syntax',
      'invalid handlebars syntax',
      line + countLines(rest.split('{{')[0] ?? ''),
    );
  }
  addText(rest);
  return pieces;
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

function pieceOf(match: RegExpExecArray, line: number): Piece {
  const [, raw, escaped] = match;
  if (raw !== undefined || escaped !== undefined) {
    return { kind: 'text', line, text: raw ?? escaped ?? '' };
  }
  const [triple, plain] = [match[8], match[11]];
  if (triple !== undefined) return { kind: 'raw', line, text: triple.trim() };
  if (plain === undefined) return { kind: 'none', line, text: '' };
  const text = plain.trim();
  const rest = text.slice(1).trim();
  if (text === 'else' || text === '^') return { kind: 'else', line, text: '' };
  if (/^else\s/.test(text)) return { kind: 'else', line, text: text.slice(4).trim() };
  switch (text[0]) {
    case '#':
      return { kind: 'open', line, text: rest };
    case '^':
      return { kind: 'inverse', line, text: rest };
    case '/':
      return { kind: 'close', line, text: rest };
    case '>':
      return { kind: 'partial', line, text: rest };
    case '&':
      return { kind: 'raw', line, text: rest };
    default:
      return { kind: 'output', line, text };
  }
}

/** A block tag or comment alone on its line leaves no line behind. */
function trimStandalone(pieces: Piece[]): void {
  for (const [i, piece] of pieces.entries()) {
    if (['text', 'output', 'raw'].includes(piece.kind)) continue;
    const before = pieces[i - 1];
    const after = pieces[i + 1];
    const startsLine =
      before?.kind === 'text' &&
      (/\n[ \t]*$/.test(before.text) || (i === 1 && /^[ \t]*$/.test(before.text)));
    const endsLine =
      after?.kind === 'text' &&
      (/^[ \t]*\r?\n/.test(after.text) || (i + 2 === pieces.length && /^[ \t]*$/.test(after.text)));
    if (!startsLine || !endsLine) continue;
    before.text = before.text.replace(/[ \t]*$/, '');
    after.text = after.text.replace(/^[ \t]*(\r?\n)?/, '');
  }
}

class Reader {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Nodes up to an `else` or a closing tag, which is returned. */
  body(): { nodes: HandlebarsNode[]; end: Piece | undefined } {
    const nodes: HandlebarsNode[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++];
      if (!piece || piece.kind === 'none') continue;
      if (piece.kind === 'else' || piece.kind === 'close') return { nodes, end: piece };
      nodes.push(this.#node(piece));
    }
    return { nodes, end: undefined };
  }

  #node(piece: Piece): HandlebarsNode {
    const { kind, line, text } = piece;
    switch (kind) {
      case 'open':
      case 'inverse':
        return this.#block(piece, kind === 'inverse');
      case 'partial':
        return { type: 'partial', name: text.split(/\s/)[0] ?? '', line };
      case 'output':
      case 'raw':
        return {
          type: 'output',
          call: parseExpression(text, line),
          isEscaped: kind === 'output',
          line,
        };
      default:
        return { type: 'text', text };
    }
  }

  #block(open: Piece, isInverted: boolean): HandlebarsNode {
    const { line, text } = open;
    const call = parseExpression(text, line);
    const { body, otherwise, close } = this.#branches(line, text);
    const name = text.split(/[\s(]/)[0] ?? '';
    if (close.text !== name) {
      throw new Fault(
        'syntax',
        `helper "${name}" was opened, but "${close.text}" is closing`,
        close.line,
      );
    }
    return { type: 'block', call, isInverted, body, otherwise, line };
  }

  #branches(
    line: number,
    text: string,
  ): { body: HandlebarsNode[]; otherwise: HandlebarsNode[]; close: Piece } {
    const { nodes: body, end } = this.body();
    if (!end) throw new Fault('syntax', `block "${text}" is never closed`, line);
    if (end.kind === 'close') return { body, otherwise: [], close: end };
    const rest = this.#branches(end.line, text);
    if (end.text === '') return { body, otherwise: rest.body, close: rest.close };
    const chained: HandlebarsNode = {
      type: 'block',
      call: parseExpression(end.text, end.line),
      isInverted: false,
      body: rest.body,
      otherwise: rest.otherwise,
      line: end.line,
    };
    return { body, otherwise: [chained], close: rest.close };
  }
}
