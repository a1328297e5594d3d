/**
 * Comma-separated values: records with the line each began on. Comma, semicolon or tab, whichever
 * the first line has most of.
 *
 * Source: RFC 4180.
 */
export interface CsvRecord {
  /** 1 for the first line of the text. */
  readonly line: number;
  readonly cells: readonly string[];
}

export function* readCsv(text: string): Generator<CsvRecord> {
  const delimiter = delimiterOf(text);
  let line = 1;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    const began = line;
    const cells: string[] = [];
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at, delimiter);
      cells.push(cell.value);
      line += cell.lineBreaks;
      at = cell.end;
      if (text[at] !== delimiter) break;
      at++;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    line++;
    if (cells.length > 1 || cells[0] !== '') yield { line: began, cells };
  }
}

/** One line, its end included. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}

interface Cell {
  readonly value: string;
  /** Where the delimiter or the line's end is. */
  readonly end: number;
  readonly lineBreaks: number;
}

function plainCell(text: string, start: number, delimiter: string): Cell {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r')
    end++;
  return { value: text.slice(start, end).trim(), end, lineBreaks: 0 };
}

/** Without a closing quote the cell goes on to the end of the text. */
function quotedCell(text: string, start: number): Cell {
  let value = '';
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    value += text.slice(at, end);
    if (text[end + 1] !== '"' || quote < 0) {
      return {
        value,
        end: Math.min(end + 1, text.length),
        lineBreaks: value.split('\n').length - 1,
      };
    }
    value += '"';
    at = end + 2;
  }
}

function delimiterOf(text: string): string {
  const first = text.slice(0, (text.indexOf('\n') + 1 || text.length + 1) - 1);
  const count = (character: string): number => first.split(character).length - 1;
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best));
}
