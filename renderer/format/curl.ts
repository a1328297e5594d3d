/** A message as a curl command that sends it again, safe to paste into a POSIX shell. */

/** @param source what goes over the wire; null for one that is too long to paste: a file then */
export function curlCommand(smtp: string, from: string, to: string, source: string | null): string {
  const upload = source === null ? 'message.eml' : '-';
  const command = [
    'curl',
    `--url ${quoted(`smtp://${smtp}`)}`,
    `--mail-from ${quoted(from)}`,
    `--mail-rcpt ${quoted(to)}`,
    '--crlf',
    `--upload-file ${upload}`,
  ].join(' ');
  if (source === null) return command;
  const text = source.replaceAll('\r\n', '\n');
  const mark = freeMark(text);
  return `${command} <<'${mark}'\n${text.endsWith('\n') ? text : `${text}\n`}${mark}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A here-document's end that no line of the message is. */
function freeMark(text: string): string {
  const lines = new Set(text.split('\n'));
  let mark = 'EML';
  while (lines.has(mark)) mark += '_';
  return mark;
}
