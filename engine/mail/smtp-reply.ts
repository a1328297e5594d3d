/**
 * A reply: sent by us at reception, received by us at delivery, and the `response` of a record.
 *
 * Source: RFC 5321 §4.2, RFC 3463; KumoMTA `Response`.
 */

/** RFC 3463 status, e.g. 4.7.1 is `{ class: 4, subject: 7, detail: 1 }`. */
export interface EnhancedCode {
  readonly class: number;
  readonly subject: number;
  readonly detail: number;
}

export interface SmtpReply {
  readonly code: number;
  readonly enhanced: EnhancedCode | null;
  /** Without the code; several lines are separated by LF. */
  readonly text: string;
  /** The command this answers, CRLF included when it is one of ours; null when there was none. */
  readonly command: string | null;
}

export function reply(code: number, text: string, command: string | null = null): SmtpReply {
  return { code, ...splitEnhanced(text), command };
}

/** Like `reply`, but the text is kept whole: KumoMTA does not look for an enhanced code in it. */
export function plainReply(code: number, text: string, command: string | null = null): SmtpReply {
  return { code, enhanced: null, text, command };
}

/**
 * Takes `4.7.1 ` off the front of a text when it looks like an enhanced code. Further lines of a
 * text that begins with one lose theirs too (`550-5.7.1 a`, `550 5.7.1 b`).
 */
export function splitEnhanced(text: string): { enhanced: EnhancedCode | null; text: string } {
  const match = /^([245])\.(\d{1,3})\.(\d{1,3}) ([\s\S]*)$/.exec(text);
  if (!match) return { enhanced: null, text };
  return {
    enhanced: { class: Number(match[1]), subject: Number(match[2]), detail: Number(match[3]) },
    text: (match[4] ?? '').replace(/\n[245]\.\d{1,3}\.\d{1,3} /g, '\n'),
  };
}

/** `451 4.7.1 text` on one line, as the events and the bounce classifier see it. */
export function singleLine(r: SmtpReply): string {
  const enhanced = r.enhanced
    ? `${r.enhanced.class}.${r.enhanced.subject}.${r.enhanced.detail} `
    : '';
  return `${r.code} ${enhanced}${flatten(r.text)}`;
}

/** Line breaks become single spaces, as in the JSON of a record. */
export function flatten(text: string): string {
  return text.replace(/\r\n|\n|\r/g, ' ');
}
