/**
 * A message written anew from what was understood of it: bodies in the encoding that suits them,
 * header values in their canonical form. Injected content goes through this.
 *
 * Content-Type and Content-Transfer-Encoding come first, then the other fields in their order.
 *
 * Source: reference `http-logs-reception.md` §1.5.
 */
import {
  flattenAddresses,
  formatMailbox,
  isGroup,
  parseAddressList,
  quoteName,
} from '../address-list.ts';
import type { Address } from '../address-list.ts';
import { headerString } from '../header.ts';
import { decodeHeaderText, encodeHeaderText } from '../rfc2047.ts';
import { MimeHeaders, mimeHeader } from './headers.ts';
import type { MimeHeader } from './headers.ts';
import { formatParameters, parseParameters } from './parameters.ts';
import { MimePart } from './part.ts';
import { attachmentOf } from './structure.ts';

/** Fields that the rebuilt part has of its own. */
const BODY_FIELDS = ['content-type', 'content-transfer-encoding'];
const ATTACHMENT_FIELDS = ['content-disposition', 'content-id'];

/** @param makeBoundary used when a multipart has none of its own */
export function rebuildPart(part: MimePart, makeBoundary: () => string): MimePart {
  const body = part.isMultipart ? rebuildMultipart(part, makeBoundary) : rebuildBody(part);
  const own = new Set(
    body.headers.has('Content-Disposition') ? [...BODY_FIELDS, ...ATTACHMENT_FIELDS] : BODY_FIELDS,
  );
  for (const field of part.headers.fields) {
    if (!own.has(field.name.toLowerCase())) body.headers.append(rebuildField(field));
  }
  return body;
}

/** A whole message: like a part, and it says that it is MIME. */
export function rebuildMessage(message: MimePart, makeBoundary: () => string): MimePart {
  const rebuilt = rebuildPart(message, makeBoundary);
  if (!rebuilt.headers.has('Mime-Version'))
    rebuilt.headers.append(mimeHeader('Mime-Version', '1.0'));
  return rebuilt;
}

function rebuildMultipart(part: MimePart, makeBoundary: () => string): MimePart {
  const type = part.headers.parameterized('Content-Type');
  const { boundary, ...extra } = Object.fromEntries(type?.parameters ?? []);
  return MimePart.multipart(
    type?.value ?? 'multipart/mixed',
    part.parts.map((p) => rebuildPart(p, makeBoundary)),
    boundary ?? makeBoundary(),
    new Map(Object.entries(extra)),
  );
}

function rebuildBody(part: MimePart): MimePart {
  const type = part.headers.parameterized('Content-Type');
  const attachment = attachmentOf(part);
  if (part.isText && !attachment) return MimePart.text(type?.value ?? 'text/plain', part.text);
  // An embedded message must not be encoded (RFC 2046 §5.2.1).
  if (part.contentType.startsWith('message/')) {
    const headers = new MimeHeaders(
      part.headers.fields.filter((f) => BODY_FIELDS.includes(f.name.toLowerCase())),
    );
    return new MimePart({ headers, rawBody: part.rawBody });
  }
  return MimePart.binary(type?.value ?? 'application/octet-stream', part.decodedBytes, attachment);
}

const ADDRESS_FIELDS = new Set([
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'resent-from',
  'resent-sender',
  'resent-to',
  'resent-cc',
  'resent-bcc',
]);
const ID_FIELDS = new Set(['message-id', 'content-id', 'references', 'in-reply-to']);

/** One field in canonical form; a structured field that cannot be read stays as it is. */
function rebuildField(field: MimeHeader): MimeHeader {
  const name = field.name.toLowerCase();
  const raw = headerString(field.rawValue);
  if (ADDRESS_FIELDS.has(name)) {
    try {
      const addresses = parseAddressList(raw);
      if (addresses.length > 0) return mimeHeader(field.name, formatAddresses(addresses));
    } catch {
      // Not an address list: treated as text.
    }
  }
  if (ID_FIELDS.has(name)) {
    const ids = raw.match(/<[^<>\s]+>/g);
    if (ids) return mimeHeader(field.name, ids.join('\r\n\t'));
  }
  if (name === 'content-disposition') {
    return mimeHeader(field.name, formatParameters(parseParameters(raw)));
  }
  return mimeHeader(field.name, encodeHeaderText(headerString(decodeHeaderText(field.rawValue))));
}

/** Addresses as a field writes them, one per line. */
export function formatAddresses(addresses: readonly Address[]): string {
  return addresses
    .map((a) => {
      const members = flattenAddresses([a]).map((m) => formatMailbox(m.name, m.address));
      return isGroup(a) ? `${quoteName(a.group)}: ${members.join(',\r\n\t')};` : members.join('');
    })
    .join(',\r\n\t');
}
