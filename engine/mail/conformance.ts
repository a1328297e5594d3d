/**
 * What is wrong with a message, and mending it: `msg:check_fix_conformance`.
 *
 * Checks name defects; a message that has one that is checked for and not fixed is reported. What
 * is to be fixed is fixed by writing the message anew.
 *
 * Source: RFC 5322 §2.1.1, §3.6; reference `lua-api.md` §4.1; recorded scenario `api-mime`.
 */
import type { EpochMs } from '../base/clock.ts';
import { formatRfc2822 } from './date.ts';
import { readHeaderBlock } from './header.ts';
import type { HeaderBlock } from './header.ts';
import { encodeHeaderText } from './rfc2047.ts';
import { mimeHeader } from './mime/headers.ts';
import { MimePart } from './mime/part.ts';
import { rebuildPart } from './mime/rebuild.ts';

/** In the order in which they are reported. */
const CONFORMANCE_ISSUES = [
  'MISSING_COLON_VALUE',
  'NON_CANONICAL_LINE_ENDINGS',
  'NAME_ENDS_WITH_SPACE',
  'LINE_TOO_LONG',
  'NEEDS_TRANSFER_ENCODING',
  'MISSING_DATE_HEADER',
  'MISSING_MESSAGE_ID_HEADER',
  'MISSING_MIME_VERSION',
  'INVALID_MIME_HEADERS',
] as const;
export type ConformanceIssue = (typeof CONFORMANCE_ISSUES)[number];

/** RFC 5322 §2.1.1, without the line end. */
const LINE_LENGTH_MAX = 998;

/**
 * `A|B|C` as a set; the empty text is the empty set.
 * @throws {Error} an unknown name
 */
export function parseConformanceFlags(text: string): Set<ConformanceIssue> {
  const names = text
    .split('|')
    .map((n) => n.trim())
    .filter((n) => n !== '');
  for (const name of names) {
    if (!isIssue(name)) throw new Error(`invalid MessageConformance flag '${name}', unknown flag`);
  }
  return new Set(names.filter(isIssue));
}

function isIssue(name: string): name is ConformanceIssue {
  return (CONFORMANCE_ISSUES as readonly string[]).includes(name);
}

export function findIssues(data: Uint8Array): Set<ConformanceIssue> {
  const issues = new Set<ConformanceIssue>();
  const block = readHeaderBlock(data);
  if (hasLoneLineEnd(data)) issues.add('NON_CANONICAL_LINE_ENDINGS');
  if (longestLine(data) > LINE_LENGTH_MAX) issues.add('LINE_TOO_LONG');
  if (data.some((byte) => byte > 127)) issues.add('NEEDS_TRANSFER_ENCODING');
  addHeaderIssues(data, block, issues);
  return issues;
}

function addHeaderIssues(
  data: Uint8Array,
  block: HeaderBlock,
  issues: Set<ConformanceIssue>,
): void {
  for (const field of block.fields) {
    if (field.nameEnd === field.valueStart) issues.add('MISSING_COLON_VALUE');
    else if (data[field.nameEnd - 1] === 32) issues.add('NAME_ENDS_WITH_SPACE');
  }
  const { headers } = MimePart.parse(data);
  if (!headers.has('Date')) issues.add('MISSING_DATE_HEADER');
  if (!headers.has('Message-ID')) issues.add('MISSING_MESSAGE_ID_HEADER');
  if (!headers.has('Mime-Version')) issues.add('MISSING_MIME_VERSION');
  const type = headers.parameterized('Content-Type');
  if (type && !/^[^\s/;]+\/[^\s/;]+$/.test(type.value)) issues.add('INVALID_MIME_HEADERS');
}

/** A CR or LF that is not part of a CRLF. */
function hasLoneLineEnd(data: Uint8Array): boolean {
  for (let at = data.indexOf(LF); at >= 0; at = data.indexOf(LF, at + 1)) {
    if (data[at - 1] !== CR) return true;
  }
  for (let at = data.indexOf(CR); at >= 0; at = data.indexOf(CR, at + 1)) {
    if (data[at + 1] !== LF) return true;
  }
  return false;
}

const CR = 13;
const LF = 10;

function longestLine(data: Uint8Array): number {
  let longest = 0;
  let start = 0;
  for (;;) {
    const at = data.indexOf(LF, start);
    const end = at < 0 ? data.length : at;
    longest = Math.max(longest, end - start - (data[end - 1] === CR ? 1 : 0));
    if (at < 0) return longest;
    start = at + 1;
  }
}

/** Every lone CR or LF becomes CRLF. */
export function canonicalLineEnds(data: Uint8Array): Uint8Array {
  if (!hasLoneLineEnd(data)) return data;
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  return Buffer.from(text.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}

export interface ConformanceSettings {
  /** For a missing Message-ID, without brackets. */
  readonly messageId: string;
  readonly dateMs: EpochMs;
  readonly makeBoundary: () => string;
  /** Guess the charset of 8-bit text that does not name one; these are tried, these never. */
  readonly detectEncoding: boolean;
  readonly includeEncodings: readonly string[];
  readonly excludeEncodings: readonly string[];
}

export interface ConformanceResult {
  /** What `check_fix_conformance` returns; null when nothing is left to complain about. */
  readonly complaint: string | null;
  /** The mended message; the same bytes when nothing was mended. */
  readonly data: Uint8Array;
}

export function checkFixConformance(
  data: Uint8Array,
  checks: ReadonlySet<ConformanceIssue>,
  fixes: ReadonlySet<ConformanceIssue>,
  settings: ConformanceSettings,
): ConformanceResult {
  const issues = findIssues(data);
  const complaints = CONFORMANCE_ISSUES.filter(
    (i) => issues.has(i) && checks.has(i) && !fixes.has(i),
  );
  if (complaints.length > 0) {
    return { complaint: `Message has conformance issues: ${complaints.join('|')}`, data };
  }
  const mended = new Set([...issues].filter((i) => fixes.has(i)));
  return { complaint: null, data: mended.size > 0 ? mend(data, mended, settings) : data };
}

const NEEDS_REBUILD: readonly ConformanceIssue[] = [
  'LINE_TOO_LONG',
  'NEEDS_TRANSFER_ENCODING',
  'MISSING_COLON_VALUE',
  'NAME_ENDS_WITH_SPACE',
  'INVALID_MIME_HEADERS',
];

function mend(
  data: Uint8Array,
  issues: ReadonlySet<ConformanceIssue>,
  settings: ConformanceSettings,
): Uint8Array {
  const clean = issues.has('NON_CANONICAL_LINE_ENDINGS') ? canonicalLineEnds(data) : data;
  let message = MimePart.parse(guessEncoding(clean, issues, settings));
  if (NEEDS_REBUILD.some((i) => issues.has(i))) {
    message = rebuildPart(message, settings.makeBoundary);
  }
  if (issues.has('MISSING_MIME_VERSION')) message.headers.append(mimeHeader('Mime-Version', '1.0'));
  if (issues.has('MISSING_DATE_HEADER')) {
    message.headers.append(mimeHeader('Date', formatRfc2822(settings.dateMs)));
  }
  if (issues.has('MISSING_MESSAGE_ID_HEADER')) {
    message.headers.append(mimeHeader('Message-ID', encodeHeaderText(`<${settings.messageId}>`)));
  }
  return message.toBytes();
}

/** 8-bit text in an unnamed charset, as UTF-8; everything else unchanged. */
function guessEncoding(
  data: Uint8Array,
  issues: ReadonlySet<ConformanceIssue>,
  settings: ConformanceSettings,
): Uint8Array {
  if (!settings.detectEncoding || !issues.has('NEEDS_TRANSFER_ENCODING')) return data;
  const excluded = settings.excludeEncodings.map((e) => e.toLowerCase());
  const candidates = ['utf-8', ...settings.includeEncodings, 'windows-1252'].filter(
    (e) => !excluded.includes(e.toLowerCase()),
  );
  for (const encoding of candidates) {
    try {
      return Buffer.from(new TextDecoder(encoding, { fatal: true }).decode(data));
    } catch {
      // The next candidate may fit.
    }
  }
  return data;
}
