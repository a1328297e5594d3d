/**
 * Messages as one mbox file, in its reversible form: `From ` at the start of a line, with any
 * number of `>` before it, gets one more.
 *
 * Source: RFC 4155; the mboxrd form of qmail's mbox(5).
 */
import { SHORT_DAYS, SHORT_MONTHS } from '../base/calendar-names.ts';

const FROM_LINE = /^(>*From )/gm;

/**
 * One message with its separator line and the blank line after it, line ends as in a Unix file.
 *
 * @param sender of the envelope; `` is the null sender
 * @param timeMs when it was received
 */
export function mboxEntry(message: Uint8Array, sender: string, timeMs: number): Buffer {
  // Latin 1 keeps every byte as it is.
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    .toString('latin1')
    .replaceAll('\r\n', '\n')
    .replace(FROM_LINE, '>$1');
  const from = sender === '' ? 'MAILER-DAEMON' : sender.replace(/\s/g, '_');
  const separator = Buffer.from(`From ${from} ${asctime(timeMs)}\n`);
  const end = text.endsWith('\n') ? '\n' : '\n\n';
  return Buffer.concat([separator, Buffer.from(text + end, 'latin1')]);
}

/** `Wed Nov 25 19:26:09 2026`, in UTC. */
function asctime(timeMs: number): string {
  const at = new Date(timeMs);
  const two = (value: number, fill: string): string => String(value).padStart(2, fill);
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    .map((value) => two(value, '0'))
    .join(':');
  return `${SHORT_DAYS[at.getUTCDay()]} ${SHORT_MONTHS[at.getUTCMonth()]} ${two(at.getUTCDate(), ' ')} ${time} ${at.getUTCFullYear()}`;
}
