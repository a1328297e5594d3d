/** Lua lines as coloured pieces, for excerpts of a policy. A line at a time: good enough to read. */
import type { CodeLine, CodePiece } from './json-lines.ts';

const KEYWORDS = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);
const TOKEN =
  /(--.*$)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\[\[.*?\]\])|(\b\d+(?:\.\d+)?\b)|([A-Za-z_]\w*)/g;

export function luaLine(line: string): CodeLine {
  const pieces: CodePiece[] = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > end) pieces.push({ text: line.slice(end, match.index), kind: 'plain' });
    const [text, comment, quoted, digits, word] = match;
    const kind =
      comment !== undefined
        ? 'comment'
        : quoted !== undefined
          ? 'string'
          : digits !== undefined
            ? 'number'
            : word !== undefined && KEYWORDS.has(word)
              ? 'keyword'
              : 'plain';
    pieces.push({ text, kind });
    end = match.index + text.length;
  }
  if (end < line.length) pieces.push({ text: line.slice(end), kind: 'plain' });
  return pieces;
}
