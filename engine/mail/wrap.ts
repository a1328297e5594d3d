/**
 * Folding of long header values: a new line, a tab, and on. Breaks are made at blanks where a
 * line would pass 75 columns; a word longer than that stays whole up to the hard limit.
 *
 * Source: RFC 5322 §2.1.1, §2.2.3; KumoMTA folds at 75 columns with CRLF and TAB.
 */

const SOFT_WIDTH = 75;
const HARD_WIDTH = 900;
const FOLD = '\r\n\t';

/**
 * @param text line breaks in it count as blanks
 * @param hardWidth columns at which a word without blanks is cut; cutting changes the value for
 *   a reader, so only values whose blanks do not matter (base64) use a small one
 */
export function wrapText(
  text: string,
  hardWidth: number = HARD_WIDTH,
  softWidth: number = SOFT_WIDTH,
): string {
  const flat = text.replace(/[ \t]*[\r\n]+[ \t]*/g, ' ');
  if (flat.length <= Math.min(softWidth, hardWidth)) return flat;
  if (!/[ \t]/.test(flat)) return pieces(flat, hardWidth).join(FOLD);
  const lines: string[] = [];
  let line = '';
  for (const [, blanks = '', word = ''] of flat.matchAll(/([ \t]*)([^ \t]+)/g)) {
    if (line !== '' && line.length + blanks.length + word.length > softWidth) {
      lines.push(line);
      line = word;
    } else {
      line += line === '' ? word : blanks + word;
    }
    while (line.length > hardWidth) {
      lines.push(line.slice(0, hardWidth));
      line = line.slice(hardWidth);
    }
  }
  if (line !== '') lines.push(line);
  return lines.join(FOLD);
}

/** A single word, cut where it has to be. */
function pieces(word: string, width: number): string[] {
  const count = Math.max(1, Math.ceil(word.length / width));
  return Array.from({ length: count }, (_, index) =>
    word.slice(index * width, (index + 1) * width),
  );
}
