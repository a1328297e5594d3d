/**
 * Text at the end of a message's visible parts: footers and banners of a policy.
 *
 * Source: reference `lua-api.md` §4.1 (`append_text_plain`, `append_text_html`).
 */
import { MimePart } from './part.ts';
import { simpleStructure } from './structure.ts';

/** The changed message, or `undefined` when it has no such part. */
export function appendTextPlain(data: Uint8Array, text: string): Uint8Array | undefined {
  return changeText(data, 'text/plain', (body) => `${body}\r\n${text}`);
}

/** Goes in front of the last `</body>`, else to the end. */
export function appendTextHtml(data: Uint8Array, html: string): Uint8Array | undefined {
  return changeText(data, 'text/html', (body) => {
    const at = Math.max(body.lastIndexOf('</body>'), body.lastIndexOf('</BODY>'));
    if (at < 0) return `${body}\r\n${html}`;
    return `${body.slice(0, at)}\r\n${html}${body.slice(at)}`;
  });
}

function changeText(
  data: Uint8Array,
  contentType: 'text/plain' | 'text/html',
  change: (body: string) => string,
): Uint8Array | undefined {
  const message = MimePart.parse(data);
  const { textPart, htmlPart } = simpleStructure(message);
  const part = contentType === 'text/plain' ? textPart : htmlPart;
  if (!part) return undefined;
  part.replaceText(contentType, change(part.text));
  return message.toBytes();
}
