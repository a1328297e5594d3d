/**
 * A MIME entity: header fields and either a body or parts. A message is one, too.
 *
 * Parsed parts are views of the message's bytes and are written back unchanged; only what was set
 * anew is encoded. A part's body includes the line end in front of the next boundary, as
 * KumoMTA's does.
 *
 * Source: RFC 2045, RFC 2046 §5.1; reference `lua-api.md` §3.19.
 */
import { isAscii } from '../rfc2047.ts';
import { MimeHeaders, mimeHeader } from './headers.ts';
import { formatParameters } from './parameters.ts';
import {
  base64LinesLength,
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64Lines,
  encodeQuotedPrintable,
} from './transfer-encoding.ts';

/** Parts inside parts; deeper ones are taken for text. */
const DEPTH_MAX = 20;

export interface AttachmentOptions {
  readonly fileName: string | null;
  readonly isInline: boolean;
  readonly contentId: string | null;
}

export class MimePart {
  readonly headers: MimeHeaders;
  /** Encoded, as it stands in the message. Empty for a multipart. */
  rawBody: Uint8Array;
  readonly parts: MimePart[];
  /** What stands before the first boundary and after the last one. */
  readonly preamble: Uint8Array;
  readonly epilogue: Uint8Array;

  constructor(init: {
    headers: MimeHeaders;
    rawBody?: Uint8Array;
    parts?: readonly MimePart[];
    preamble?: Uint8Array;
    epilogue?: Uint8Array;
  }) {
    this.headers = init.headers;
    this.rawBody = init.rawBody ?? EMPTY;
    this.parts = [...(init.parts ?? [])];
    this.preamble = init.preamble ?? EMPTY;
    this.epilogue = init.epilogue ?? EMPTY;
  }

  static parse(data: Uint8Array, depth = 0): MimePart {
    const { headers, bodyStart } = MimeHeaders.read(data);
    const body = data.subarray(bodyStart);
    const type = headers.parameterized('Content-Type');
    const boundary = type?.parameters.get('boundary');
    const isMultipart = type?.value.toLowerCase().startsWith('multipart/') ?? false;
    if (!isMultipart || boundary === undefined || boundary === '' || depth >= DEPTH_MAX) {
      return new MimePart({ headers, rawBody: body });
    }
    const split = splitParts(body, boundary);
    if (!split) return new MimePart({ headers, rawBody: body });
    const parts = split.parts.map((part) => MimePart.parse(part, depth + 1));
    return new MimePart({ headers, parts, preamble: split.preamble, epilogue: split.epilogue });
  }

  /** A text in the encoding that suits it: as it is, quoted-printable, or base64 if shorter. */
  static text(contentType: string, text: string): MimePart {
    const headers = new MimeHeaders();
    const { body, encoding } = encodeText(text);
    const charset = isAscii(text) ? 'us-ascii' : 'utf-8';
    headers.setParameterized('Content-Type', {
      value: contentType,
      parameters: new Map([['charset', charset]]),
    });
    if (encoding) headers.append(mimeHeader('Content-Transfer-Encoding', encoding));
    return new MimePart({ headers, rawBody: body });
  }

  static binary(
    contentType: string,
    data: Uint8Array,
    attachment: AttachmentOptions | null,
  ): MimePart {
    const headers = new MimeHeaders();
    const named = (key: string): Map<string, string> =>
      new Map(attachment?.fileName ? [[key, attachment.fileName]] : []);
    if (attachment) {
      const value = attachment.isInline ? 'inline' : 'attachment';
      headers.setParameterized('Content-Disposition', { value, parameters: named('filename') });
      if (attachment.contentId) {
        headers.append(mimeHeader('Content-ID', `<${attachment.contentId}>`));
      }
    }
    headers.setParameterized('Content-Type', { value: contentType, parameters: named('name') });
    headers.append(mimeHeader('Content-Transfer-Encoding', 'base64'));
    return new MimePart({ headers, rawBody: encodeBase64Lines(data) });
  }

  /** A body that is written as it is: embedded messages and header blocks. */
  static verbatim(contentType: string, body: Uint8Array): MimePart {
    const headers = new MimeHeaders([mimeHeader('Content-Type', contentType)]);
    return new MimePart({ headers, rawBody: body });
  }

  /** @param extra further parameters of the type, e.g. `report-type` */
  static multipart(
    contentType: string,
    parts: readonly MimePart[],
    boundary: string,
    extra: ReadonlyMap<string, string> = new Map(),
  ): MimePart {
    const type = { value: contentType, parameters: new Map([...extra, ['boundary', boundary]]) };
    const headers = new MimeHeaders([mimeHeader('Content-Type', formatParameters(type))]);
    return new MimePart({ headers, parts });
  }

  /** Lower case; `text/plain` when the part does not say. */
  get contentType(): string {
    return this.headers.parameterized('Content-Type')?.value.toLowerCase() || 'text/plain';
  }

  get isMultipart(): boolean {
    return this.parts.length > 0;
  }

  get isText(): boolean {
    return this.contentType.startsWith('text/');
  }

  /** The body without its transfer encoding. */
  get decodedBytes(): Uint8Array {
    const encoding = this.headers.parameterized('Content-Transfer-Encoding')?.value.toLowerCase();
    if (encoding === 'base64') return decodeBase64(this.rawBody);
    return encoding === 'quoted-printable' ? decodeQuotedPrintable(this.rawBody) : this.rawBody;
  }

  /** A text for text parts, bytes for all others. */
  get body(): string | Uint8Array {
    return this.isText ? this.text : this.decodedBytes;
  }

  /** The decoded body as text, by its charset or by what its bytes look like. */
  get text(): string {
    const charset = this.headers.parameterized('Content-Type')?.parameters.get('charset');
    return decodeText(this.decodedBytes, charset);
  }

  /** Replaces the body by a text and says so in the header. */
  replaceText(contentType: string, text: string): void {
    const made = MimePart.text(contentType, text);
    this.rawBody = made.rawBody;
    this.headers.removeAll('Content-Transfer-Encoding');
    for (const field of made.headers.fields) this.headers.set(field);
  }

  replaceBinary(contentType: string, data: Uint8Array): void {
    const made = MimePart.binary(contentType, data, null);
    this.rawBody = made.rawBody;
    for (const field of made.headers.fields) this.headers.set(field);
  }

  toBytes(): Buffer {
    const head = [this.headers.toBytes(), CRLF];
    if (!this.isMultipart) return Buffer.concat([...head, this.rawBody]);
    const boundary = this.headers.parameterized('Content-Type')?.parameters.get('boundary') ?? '';
    const pieces: Uint8Array[] = [...head, this.preamble];
    for (const part of this.parts) {
      pieces.push(Buffer.from(`--${boundary}\r\n`), endWithLine(part.toBytes()));
    }
    pieces.push(Buffer.from(`--${boundary}--\r\n`), this.epilogue);
    return Buffer.concat(pieces);
  }
}

const EMPTY = new Uint8Array(0);
const CRLF = Buffer.from('\r\n');

function endWithLine(bytes: Buffer): Buffer {
  return bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, CRLF]);
}

/** The bytes between the lines `--boundary`; `undefined` when there is no such line. */
function splitParts(
  body: Uint8Array,
  boundary: string,
): { preamble: Uint8Array; parts: Uint8Array[]; epilogue: Uint8Array } | undefined {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const parts: Uint8Array[] = [];
  let preamble: Uint8Array | undefined;
  let start = 0;
  for (let at = 0; ;) {
    const line = findBoundary(buffer, boundary, at);
    if (!line) break;
    const piece = body.subarray(start, line.start);
    if (preamble) parts.push(piece);
    else preamble = piece;
    start = at = line.end;
    if (line.isLast) return { preamble, parts, epilogue: body.subarray(line.end) };
  }
  if (!preamble) return undefined;
  parts.push(body.subarray(start));
  return { preamble, parts, epilogue: EMPTY };
}

function findBoundary(
  body: Buffer,
  boundary: string,
  from: number,
): { start: number; end: number; isLast: boolean } | undefined {
  const mark = `--${boundary}`;
  for (
    let at = body.indexOf(mark, from, 'latin1');
    at >= 0;
    at = body.indexOf(mark, at + 1, 'latin1')
  ) {
    if (at > 0 && body[at - 1] !== 10) continue;
    const lineEnd = body.indexOf(10, at);
    const end = lineEnd < 0 ? body.length : lineEnd + 1;
    const rest = body.toString('latin1', at + mark.length, end);
    const tail = /^(--)?[ \t\r]*\n?$/.exec(rest);
    if (tail) return { start: at, end, isLast: tail[1] !== undefined };
  }
  return undefined;
}

function encodeText(text: string): { body: Buffer; encoding: string | null } {
  const plain = Buffer.from(text);
  const quoted = encodeQuotedPrintable(plain);
  if (quoted.equals(plain)) return { body: endWithCrlf(plain), encoding: null };
  if (quoted.length <= base64LinesLength(plain.length)) {
    return { body: endWithCrlf(quoted), encoding: 'quoted-printable' };
  }
  return { body: encodeBase64Lines(plain), encoding: 'base64' };
}

function endWithCrlf(bytes: Buffer): Buffer {
  return bytes.subarray(-2).equals(CRLF) ? bytes : Buffer.concat([bytes, CRLF]);
}

function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  if (charset !== undefined && !/^(us-ascii|ascii)$/i.test(charset)) {
    try {
      return new TextDecoder(charset).decode(bytes);
    } catch {
      // An unknown charset is guessed like a missing one.
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
