/** The message of a dry run, from what was given: a whole one, or header lines and a text. Pure. */
import { splitMessage } from './message-changes.ts';

export interface MessageText {
  readonly from: string;
  readonly to: readonly string[];
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly text: string | null;
  /** A whole message that `headers` are put into. */
  readonly whole: Uint8Array | null;
}

/** With CRLF; a header that is given replaces those of that name. */
export function composeMessage({ from, to, headers, text, whole }: MessageText): Buffer {
  if (whole !== null) return withHeaders(whole, headers);
  const given = new Set(headers.map(({ name }) => name.toLowerCase()));
  const usual = [
    { name: 'From', value: from === '' ? '<>' : `<${from}>` },
    { name: 'To', value: to.map((one) => `<${one}>`).join(', ') },
    { name: 'Subject', value: 'Test message' },
  ].filter(({ name }) => !given.has(name.toLowerCase()));
  const head = [...usual, ...headers].map(headerLine).join('');
  return Buffer.from(`${head}\r\n${withCrlf(text ?? 'Test message.\n')}`, 'utf8');
}

function withHeaders(whole: Uint8Array, headers: MessageText['headers']): Buffer {
  const bytes = Buffer.from(withCrlf(Buffer.from(whole).toString('latin1')), 'latin1');
  if (headers.length === 0) return bytes;
  const { head, body } = splitMessage(bytes);
  const given = new Set(headers.map(({ name }) => name.toLowerCase()));
  const kept = head
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== '' && !given.has(nameOf(field)))
    .map((field) => `${field}\r\n`);
  const lines = [...headers.map(headerLine), ...kept].join('');
  return Buffer.concat([Buffer.from(`${lines}\r\n`, 'utf8'), body]);
}

function nameOf(field: string): string {
  return field
    .slice(0, Math.max(0, field.indexOf(':')))
    .trim()
    .toLowerCase();
}

function headerLine({ name, value }: { readonly name: string; readonly value: string }): string {
  return `${name}: ${value.replace(/\r?\n[ \t]*/g, '\r\n ')}\r\n`;
}

function withCrlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}
