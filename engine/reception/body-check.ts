/**
 * What has to be known of a body before the policy sees it: overlong lines, line endings that are
 * not CRLF, and its text without the dots of transparency.
 *
 * One walk over the line ends of a latin1 copy: several times faster than a loop over bytes.
 *
 * Source: RFC 5321 §2.3.8, §4.5.2, §4.5.3.1.6; `invalid_line_endings`, `line_length_hard_limit`.
 */
import { removeDots } from '../smtp/dot-stuffing.ts';

export interface CheckedBody {
  /** Dots removed; the same bytes when there were none. */
  readonly body: Buffer;
  readonly hasOverlongLine: boolean;
  /** A CR or an LF stands alone somewhere. */
  readonly hasBareLineEnding: boolean;
}

const CR = 0x0d;
const DOT = 0x2e;

/**
 * @param raw as received, without the terminator
 * @param options.lineBytesMax longest line allowed, without its CRLF and without a stuffed dot
 * @param options.isFirstBodyLineALine whether a dot at the very start is a stuffed one
 */
export function checkBody(
  raw: Buffer,
  options: { readonly lineBytesMax: number; readonly isFirstBodyLineALine: boolean },
): CheckedBody {
  const text = raw.toString('latin1');
  const dots: number[] = [];
  if (options.isFirstBodyLineALine && text.charCodeAt(0) === DOT) dots.push(0);
  let lineStart = dots.length;
  let crlfCount = 0;
  let hasOverlongLine = false;
  let hasBareLineEnding = false;
  for (let lf = text.indexOf('\n'); lf >= 0; lf = text.indexOf('\n', lf + 1)) {
    if (text.charCodeAt(lf - 1) !== CR) {
      hasBareLineEnding = true;
      continue;
    }
    crlfCount++;
    if (lf - 1 - lineStart > options.lineBytesMax) hasOverlongLine = true;
    lineStart = lf + 1;
    if (text.charCodeAt(lineStart) === DOT) dots.push(lineStart++);
  }
  if (text.length - lineStart > options.lineBytesMax) hasOverlongLine = true;
  if (!hasBareLineEnding) hasBareLineEnding = countOf(text, '\r') !== crlfCount;
  return { body: removeDots(raw, dots), hasOverlongLine, hasBareLineEnding };
}

/** Every lone CR and lone LF becomes CRLF. */
export function fixLineEndings(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}
