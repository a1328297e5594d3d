/**
 * DKIM signatures: canonicalisation, hashing and the header itself. Verification is
 * `dkim-verify.ts`.
 *
 * The algorithm follows from the key. Tags are written in the order v, a, d, s, c, bh, h, t, x, b
 * and folded at blanks, as KumoMTA folds every header it makes.
 *
 * Source: RFC 6376 §3.4–3.7, RFC 8463.
 */
import { createHash, createPrivateKey, sign as cryptoSign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { EpochMs } from '../base/clock.ts';
import { fieldName, fieldNamed, readHeaderBlock } from './header.ts';
import type { HeaderBlock, HeaderField } from './header.ts';
import { wrapText } from './wrap.ts';

export type Canonicalization = 'Relaxed' | 'Simple';

export interface DkimSigner {
  readonly domain: string;
  readonly selector: string;
  /** Names of the header fields to sign, From among them. */
  readonly headers: readonly string[];
  readonly key: KeyObject;
  readonly headerCanonicalization: Canonicalization;
  readonly bodyCanonicalization: Canonicalization;
  /** Signs one more instance of each field than there is, so that none can be added. */
  readonly overSign: boolean;
  /** Seconds until the signature expires; null for never. */
  readonly expiration: number | null;
}

/** Ed25519 signs the hash, RSA hashes what it is given. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  rsa: 'rsa-sha256',
  ed25519: 'ed25519-sha256',
};

/**
 * The private key in PEM or DER, PKCS #8 or PKCS #1.
 *
 * @throws {Error} the bytes are not an RSA or Ed25519 key
 */
export function parseDkimKey(bytes: Uint8Array): KeyObject {
  const key = readPrivateKey(Buffer.from(bytes));
  if (key.asymmetricKeyType && ALGORITHMS[key.asymmetricKeyType]) return key;
  throw new Error(
    `Cannot sign with a key of type ${key.asymmetricKeyType ?? 'secret'}, expected RSA or Ed25519`,
  );
}

function readPrivateKey(bytes: Buffer): KeyObject {
  if (bytes.includes('-----BEGIN')) return createPrivateKey({ key: bytes, format: 'pem' });
  try {
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
  } catch {
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs1' });
  }
}

/** The message with one DKIM-Signature field in front. */
export function signMessage(data: Uint8Array, signer: DkimSigner, now: EpochMs): Uint8Array {
  const header = signatureHeader(data, signer, now);
  return Buffer.concat([Buffer.from(`${header}\r\n`), data]);
}

/** The DKIM-Signature field, without its final line end. */
export function signatureHeader(data: Uint8Array, signer: DkimSigner, now: EpochMs): string {
  const block = readHeaderBlock(data);
  const names = signedNames(data, block, signer);
  const time = Math.floor(now / 1000);
  const body = canonicalBody(data.subarray(block.bodyStart), signer.bodyCanonicalization);
  const tags = [
    'v=1',
    `a=${ALGORITHMS[signer.key.asymmetricKeyType ?? ''] ?? ''}`,
    `d=${signer.domain}`,
    `s=${signer.selector}`,
    `c=${signer.headerCanonicalization.toLowerCase()}/${signer.bodyCanonicalization.toLowerCase()}`,
    `bh=${createHash('sha256').update(body).digest('base64')}`,
    `h=${names.join(':')}`,
    `t=${time}`,
    ...(signer.expiration === null ? [] : [`x=${time + signer.expiration}`]),
  ];
  // Folded with the signature in place, so that the folding does not change when it arrives.
  const placeholder = 'A'.repeat(Math.ceil(signatureBytes(signer.key) / 3) * 4);
  const folded = `DKIM-Signature: ${wrapText(`${tags.join('; ')}; b=${placeholder}`)}`;
  const unsigned = folded.slice(0, -placeholder.length);
  const { headerCanonicalization: mode } = signer;
  const signed = [
    ...canonicalHeaders(data, block, names, mode),
    mode === 'Relaxed' ? relaxField(unsigned) : unsigned,
  ].join('\r\n');
  return `${unsigned}${signature(signer.key, Buffer.from(signed, 'latin1'))}`;
}

function signatureBytes(key: KeyObject): number {
  return key.asymmetricKeyType === 'rsa'
    ? (key.asymmetricKeyDetails?.modulusLength ?? 2048) / 8
    : 64;
}

function signature(key: KeyObject, data: Uint8Array): string {
  if (key.asymmetricKeyType === 'rsa') return cryptoSign('sha256', data, key).toString('base64');
  // RFC 8463 §3: Ed25519 signs the SHA-256 of the data.
  return cryptoSign(null, createHash('sha256').update(data).digest(), key).toString('base64');
}

/** Lower case, as asked for; over-signing appends what is needed for one instance more than there is. */
function signedNames(data: Uint8Array, block: HeaderBlock, signer: DkimSigner): string[] {
  const names = signer.headers.map((name) => name.toLowerCase());
  if (!signer.overSign) return names;
  const extra = [...new Set(names)].flatMap((name) => {
    const present = block.fields.filter((field) => fieldNamed(data, field, name)).length;
    const listed = names.filter((each) => each === name).length;
    return Array<string>(Math.max(present + 1 - listed, 0)).fill(name);
  });
  return [...names, ...extra];
}

/** The fields to sign, in the order of their names, as they are hashed. */
export function canonicalHeaders(
  data: Uint8Array,
  block: HeaderBlock,
  names: readonly string[],
  mode: Canonicalization,
): string[] {
  return selectFields(data, block, names).map((field) => canonicalField(data, field, mode));
}

/** RFC 6376 §5.4.2: instances are taken from the bottom up; a name without one adds nothing. */
function selectFields(
  data: Uint8Array,
  block: HeaderBlock,
  names: readonly string[],
): HeaderField[] {
  const left = new Map<string, HeaderField[]>();
  for (const field of block.fields) {
    const name = fieldName(data, field).trim().toLowerCase();
    left.set(name, [...(left.get(name) ?? []), field]);
  }
  return names.flatMap((name) => left.get(name)?.pop() ?? []);
}

function canonicalField(data: Uint8Array, field: HeaderField, mode: Canonicalization): string {
  const text = Buffer.from(data.subarray(field.start, field.valueEnd)).toString('latin1');
  return mode === 'Relaxed' ? relaxField(text) : text;
}

/** RFC 6376 §3.4.2: name in lower case, unfolded, runs of blanks as one, none at the ends. */
export function relaxField(text: string): string {
  const colon = text.indexOf(':');
  const name = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase();
  const value = colon < 0 ? '' : text.slice(colon + 1);
  return `${name}:${value.replace(/[\t\r\n ]+/g, ' ').trim()}`;
}

/** RFC 6376 §3.4.3, §3.4.4: without empty lines at the end; relaxed also within lines. */
export function canonicalBody(body: Uint8Array, mode: Canonicalization): Uint8Array {
  const isRelaxed = mode === 'Relaxed';
  let text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  if (isRelaxed) text = text.replace(/[\t ]+/g, ' ').replace(/ (?=\r\n|$)/g, '');
  while (text.endsWith('\r\n')) text = text.slice(0, -2);
  const isEmpty = text === '' && isRelaxed;
  return Buffer.from(isEmpty ? text : `${text}\r\n`, 'latin1');
}
