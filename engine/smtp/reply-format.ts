/**
 * A reply as it goes over the wire: `250-first`, `250 last`, each with CRLF.
 *
 * Source: RFC 5321 §4.2.1. Texts are split at LF and CRLF as KumoMTA does; a line break at the
 * very end makes no further line, and an empty text makes no line at all.
 */

/** The lines of a reply text. */
export function replyLines(text: string): string[] {
  if (!text.includes('\n')) return text === '' ? [] : [text];
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** What to write; the empty text when the reply has no lines. */
export function formatReply(code: number, text: string): string {
  if (!text.includes('\n')) return text === '' ? '' : `${code} ${text}\r\n`;
  const lines = replyLines(text);
  const last = lines.length - 1;
  return lines.map((line, i) => `${code}${i === last ? ' ' : '-'}${line}\r\n`).join('');
}
