/**
 * `kumo.encode.*`: base 16, 32 and 64 in their variants, and character sets. Decoding takes any
 * number of trailing `=`; errors tell the position of the first wrong symbol.
 *
 * Source: RFC 4648; WHATWG Encoding; reference `lua-api.md` §3.18.
 */
import iconv from 'iconv-lite';
import type { HostFunction } from '../lua/host-function.ts';
import type { BindingDeps, Bindings } from './bindings.ts';

interface Base {
  readonly alphabet: string;
  readonly bits: 4 | 5 | 6;
  readonly padTo: number;
  /** Decoding takes either case. */
  readonly anyCase?: true;
}

const RFC4648_64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export const BASES = {
  base32: { alphabet: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits: 5, padTo: 8 },
  base32_nopad: { alphabet: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits: 5, padTo: 1 },
  base32hex: { alphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUV', bits: 5, padTo: 8 },
  base32hex_nopad: { alphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUV', bits: 5, padTo: 1 },
  base64: { alphabet: `${RFC4648_64}+/`, bits: 6, padTo: 4 },
  base64_nopad: { alphabet: `${RFC4648_64}+/`, bits: 6, padTo: 1 },
  base64url: { alphabet: `${RFC4648_64}-_`, bits: 6, padTo: 4 },
  base64url_nopad: { alphabet: `${RFC4648_64}-_`, bits: 6, padTo: 1 },
  hex: { alphabet: '0123456789abcdef', bits: 4, padTo: 1, anyCase: true },
} as const satisfies Record<string, Base>;

export function encodeBindings(_deps: BindingDeps): Bindings {
  const functions: Record<string, HostFunction> = { charset_decode, charset_encode };
  for (const [name, base] of Object.entries(BASES)) {
    functions[`${name}_encode`] = {
      effect: 'pure',
      signature: `${name}_encode(bytes) -> string`,
      doc: `The bytes in ${name.replace('_nopad', ' without padding')}.`,
      run: (call) => encodeBase(base, call.bytes(1)),
    };
    functions[`${name}_decode`] = {
      effect: 'pure',
      signature: `${name}_decode(text) -> bytes`,
      doc: `The bytes behind a ${name.replace('_nopad', ' (unpadded)')} text.`,
      run: (call) => decodeBase(base, call.string(1)),
    };
  }
  return { modules: [{ path: ['kumo', 'encode'], functions }], types: [] };
}

const charset_decode: HostFunction = {
  effect: 'pure',
  signature: 'charset_decode(charset, bytes) -> string',
  doc: 'The text of bytes in a character set.',
  run: (call) => decodeCharset(call.string(1), call.bytes(2)),
};

const charset_encode: HostFunction = {
  effect: 'pure',
  signature: 'charset_encode(charset, text, ignore_errors?) -> bytes',
  doc: 'A text as bytes of a character set; unless told otherwise, what it lacks becomes a mark.',
  run(call) {
    const charset = knownCharset(call.string(1));
    const text = call.string(2);
    const bytes = iconv.encode(text, charset);
    const ignoresErrors = call.value(3) === undefined || call.boolean(3);
    if (!ignoresErrors && iconv.decode(bytes, charset) !== text) {
      throw new Error(`Cannot encode text as ${charset}: it has characters that ${charset} lacks`);
    }
    return bytes;
  },
};

/** The platform knows Asian sets that the library for encoding lacks. */
function decodeCharset(name: string, bytes: Uint8Array): string {
  if (iconv.encodingExists(name)) return iconv.decode(Buffer.from(bytes), name);
  try {
    return new TextDecoder(name).decode(bytes);
  } catch {
    return knownCharset(name);
  }
}

function knownCharset(name: string): string {
  if (iconv.encodingExists(name)) return name;
  throw new Error(`Cannot convert charset '${name}': it is not a known character set`);
}

export function encodeBase(base: Base, bytes: Uint8Array): string {
  let text = '';
  let pending = 0;
  let pendingBits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    pendingBits += 8;
    while (pendingBits >= base.bits) {
      pendingBits -= base.bits;
      text += base.alphabet[pending >> pendingBits];
      pending &= (1 << pendingBits) - 1;
    }
  }
  if (pendingBits > 0) text += base.alphabet[pending << (base.bits - pendingBits)];
  return text.padEnd(Math.ceil(text.length / base.padTo) * base.padTo, '=');
}

/** @throws {Error} `invalid symbol at N`, `invalid length at N`, `non-zero trailing bits at N` */
export function decodeBase(base: Base, text: string): Uint8Array {
  const body = Buffer.from(base.bits === 4 ? text : text.replace(/=+$/, ''), 'utf8');
  const byteCount = Math.floor((body.length * base.bits) / 8);
  const symbolCount = Math.ceil((byteCount * 8) / base.bits);
  if (symbolCount !== body.length) throw new Error(`invalid length at ${symbolCount}`);
  const bytes = new Uint8Array(byteCount);
  let pending = 0;
  let pendingBits = 0;
  let filled = 0;
  for (const [index, code] of body.entries()) {
    const symbol = String.fromCharCode(code);
    const value = base.alphabet.indexOf(base.anyCase ? symbol.toLowerCase() : symbol);
    if (value < 0) throw new Error(`invalid symbol at ${index}`);
    pending = (pending << base.bits) | value;
    pendingBits += base.bits;
    if (pendingBits >= 8) {
      pendingBits -= 8;
      bytes[filled++] = pending >> pendingBits;
      pending &= (1 << pendingBits) - 1;
    }
  }
  if (pending !== 0) throw new Error(`non-zero trailing bits at ${body.length - 1}`);
  return bytes;
}
