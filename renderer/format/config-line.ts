/** A line of some framework's settings as coloured pieces: names, quoted texts, numbers, comments. */
import type { CodeLine, CodePiece } from './json-lines.ts';

const TOKEN =
  /(^\s*#.*$)|("[^"]*"|'[^']*')|((?<=[=: ,])(?:\d+(?:\.\d+)*|true|false|null|True|False|off)\b)|(^\s*[$\w.:>-]+(?=\s*[=:]))/g;

export function configLine(line: string): CodeLine {
  const pieces: CodePiece[] = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > end) pieces.push({ text: line.slice(end, match.index), kind: 'plain' });
    const [text, comment, quoted, value] = match;
    const kind =
      comment !== undefined
        ? 'comment'
        : quoted !== undefined
          ? 'string'
          : value !== undefined
            ? 'number'
            : 'name';
    pieces.push({ text, kind });
    end = match.index + text.length;
  }
  if (end < line.length) pieces.push({ text: line.slice(end), kind: 'plain' });
  return pieces;
}
