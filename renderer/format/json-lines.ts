/**
 * JSON and simple configuration text as coloured pieces, line by line. Pure: components draw the
 * pieces, so no markup is ever built from mail content.
 */
export interface CodePiece {
  readonly text: string;
  readonly kind: 'plain' | 'name' | 'string' | 'number' | 'keyword' | 'comment';
}
export type CodeLine = readonly CodePiece[];

const INLINE_MAX = 48;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g;

/** A record's JSON text laid out with two spaces; small flat objects stay on their line. */
export function jsonLines(json: string): CodeLine[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return json.split('\n').map((text) => [{ text, kind: 'plain' }]);
  }
  return layOut(value, '', 0).split('\n').map(colourJson);
}

/** @param lead characters that stand before the value on its line */
function layOut(value: unknown, indent: string, lead: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const [open, close] = isArray ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return open + close;
  const isFlat = entries.length <= 2 && entries.every(([, item]) => typeof item !== 'object');
  const inline = `${open} ${entries
    .map(([key, item]) => (isArray ? '' : `${JSON.stringify(key)}: `) + JSON.stringify(item))
    .join(', ')} ${close}`;
  if (isFlat && lead + inline.length <= INLINE_MAX) return inline;
  const inner = `${indent}  `;
  const lines = entries.map(([key, item]) => {
    const head = inner + (isArray ? '' : `${JSON.stringify(key)}: `);
    return head + layOut(item, inner, head.length);
  });
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

function colourJson(line: string): CodeLine {
  const pieces: CodePiece[] = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > end) pieces.push({ text: line.slice(end, match.index), kind: 'plain' });
    const [whole, text, colon, digits] = match;
    if (text !== undefined && colon !== undefined) {
      pieces.push({ text, kind: 'name' }, { text: colon, kind: 'plain' });
    } else if (text !== undefined) pieces.push({ text, kind: 'string' });
    else pieces.push({ text: whole, kind: digits !== undefined ? 'number' : 'keyword' });
    end = match.index + whole.length;
  }
  if (end < line.length) pieces.push({ text: line.slice(end), kind: 'plain' });
  return pieces;
}
