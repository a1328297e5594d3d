/**
 * DKIM verification: every DKIM-Signature of a message, from the top, judged on its own. What is
 * wrong with one is told in the words that KumoMTA's policies see.
 *
 * A signature that verifies, but of another domain than the one in From, is a matter of policy and
 * said to be one.
 *
 * Source: RFC 6376 §3.5, §6.1; RFC 8463; RFC 8601 §2.7.1.
 */
import { createHash, createPublicKey, verify as cryptoVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { EpochMs } from '../base/clock.ts';
import { addressHeader, singleMailbox } from './address-list.ts';
import { canonicalBody, canonicalHeaders, relaxField } from './dkim.ts';
import type { Canonicalization } from './dkim.ts';
import { fieldNamed, rawFieldValue, readHeaderBlock } from './header.ts';
import type { HeaderField } from './header.ts';

interface DkimVerdict {
  readonly result: 'pass' | 'policy' | 'permerror' | 'temperror';
  readonly reason: string | null;
  /** Absent when the signature could not even be read. */
  readonly tags: ReadonlyMap<string, string> | null;
  readonly isAligned: boolean;
}

/** The TXT records of a name, none when there is no such name. @throws {Error} no answer could be had */
export type TxtLookup = (name: string) => Promise<readonly string[]>;

/** Beyond this, signatures are not looked at: each one costs a query. */
const SIGNATURES_MAX = 10;
/** Clocks differ; an expired signature still counts for so long. */
const EXPIRATION_DRIFT_S = 15 * 60;
const REQUIRED_TAGS = ['v', 'a', 'b', 'bh', 'd', 'h', 's'] as const;

export const OTHER_DOMAIN = 'mail-from-mismatch-signing-domain';

/** What is wrong for good, with the reason as its message. */
class SignatureFault extends Error {}
/** The key could not be fetched now. */
class KeyUnavailable extends Error {}

export async function verifySignatures(
  data: Uint8Array,
  lookupTxt: TxtLookup,
  now: EpochMs,
): Promise<DkimVerdict[]> {
  const fields = readHeaderBlock(data).fields.filter((f) => fieldNamed(data, f, 'DKIM-Signature'));
  const fromDomain = fromDomainOf(data);
  const verdicts: DkimVerdict[] = [];
  for (const field of fields.slice(0, SIGNATURES_MAX)) {
    verdicts.push(await verdictOn(data, field, { lookupTxt, now, fromDomain }));
  }
  return verdicts;
}

interface Circumstances {
  readonly lookupTxt: TxtLookup;
  readonly now: EpochMs;
  readonly fromDomain: string | null;
}

async function verdictOn(
  data: Uint8Array,
  field: HeaderField,
  { lookupTxt, now, fromDomain }: Circumstances,
): Promise<DkimVerdict> {
  let tags: ReadonlyMap<string, string> | null = null;
  try {
    const read = signatureTags(Buffer.from(rawFieldValue(data, field)).toString('latin1'), now);
    tags = read;
    await verifyOne(data, field, read, lookupTxt);
    const isAligned = fromDomain === null || read.get('d')?.toLowerCase() === fromDomain;
    return isAligned
      ? { result: 'pass', reason: null, tags, isAligned }
      : { result: 'policy', reason: OTHER_DOMAIN, tags, isAligned };
  } catch (error) {
    if (error instanceof KeyUnavailable) {
      return { result: 'temperror', reason: error.message, tags, isAligned: true };
    }
    if (!(error instanceof SignatureFault)) throw error;
    return { result: 'permerror', reason: error.message, tags, isAligned: true };
  }
}

function fromDomainOf(data: Uint8Array): string | null {
  try {
    const from = addressHeader(data, 'From');
    return from ? singleMailbox(from).domain.toLowerCase() : null;
  } catch {
    return null;
  }
}

/** @throws {SignatureFault} what RFC 6376 §6.1.1 refuses before a key is asked for */
function signatureTags(value: string, now: EpochMs): Map<string, string> {
  const tags = tagList(value, 'signature syntax error: a tag has no value');
  const missing = REQUIRED_TAGS.find((name) => !tags.has(name));
  if (missing) throw new SignatureFault(`signature missing required tag (${missing})`);
  if (tags.get('v') !== '1') throw new SignatureFault('incompatible version');
  const domain = tags.get('d')?.toLowerCase() ?? '';
  const user = tags.get('i')?.toLowerCase();
  if (user !== undefined && !user.endsWith(`@${domain}`) && !user.endsWith(`.${domain}`)) {
    throw new SignatureFault('domain mismatch');
  }
  if (!signedNames(tags).includes('from')) throw new SignatureFault('From field not signed');
  if ((tags.get('q') ?? 'dns/txt') !== 'dns/txt') {
    throw new SignatureFault('unsupported query method');
  }
  const expires = tags.get('x');
  if (expires !== undefined && now / 1000 > Number(expires) + EXPIRATION_DRIFT_S) {
    throw new SignatureFault('signature expired');
  }
  return tags;
}

/** `name=value` pairs between semicolons, RFC 6376 §3.2. */
function tagList(text: string, fault: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const piece of text.split(';')) {
    if (piece.trim() === '') continue;
    const at = piece.indexOf('=');
    if (at < 0) throw new SignatureFault(fault);
    tags.set(piece.slice(0, at).trim(), piece.slice(at + 1).trim());
  }
  return tags;
}

function signedNames(tags: ReadonlyMap<string, string>): string[] {
  return (tags.get('h') ?? '').split(':').map((name) => name.trim().toLowerCase());
}

async function verifyOne(
  data: Uint8Array,
  field: HeaderField,
  tags: ReadonlyMap<string, string>,
  lookupTxt: TxtLookup,
): Promise<void> {
  const { algorithm, hash } = algorithmOf(tags.get('a') ?? '');
  const [headerMode, bodyMode] = modesOf(tags.get('c') ?? 'simple/simple');
  const key = await publicKey(`${tags.get('s')}._domainkey.${tags.get('d')}`, lookupTxt);
  if (key.asymmetricKeyType !== algorithm) throw new SignatureFault('inappropriate key algorithm');
  const block = readHeaderBlock(data);
  const body = canonicalBody(data.subarray(block.bodyStart), bodyMode);
  const limit = tags.get('l');
  const counted = limit === undefined ? body : body.subarray(0, Number(limit));
  if (createHash(hash).update(counted).digest('base64') !== withoutBlanks(tags.get('bh'))) {
    throw new SignatureFault('body hash did not verify');
  }
  const own = Buffer.from(data.subarray(field.start, field.valueEnd)).toString('latin1');
  const unsigned = own.replace(/([;:][\t\r\n ]*b[\t\r\n ]*=)[^;]*/, '$1');
  const signed = [
    ...canonicalHeaders(data, block, signedNames(tags), headerMode),
    headerMode === 'Relaxed' ? relaxField(unsigned) : unsigned,
  ].join('\r\n');
  const signature = Buffer.from(withoutBlanks(tags.get('b')), 'base64');
  if (!isSignedBy(key, hash, Buffer.from(signed, 'latin1'), signature)) {
    throw new SignatureFault('signature did not verify');
  }
}

function isSignedBy(key: KeyObject, hash: string, data: Uint8Array, signature: Buffer): boolean {
  if (key.asymmetricKeyType === 'rsa') return cryptoVerify(hash, data, key, signature);
  return cryptoVerify(null, createHash('sha256').update(data).digest(), key, signature);
}

function withoutBlanks(text: string | undefined): string {
  return (text ?? '').replace(/[\t\r\n ]+/g, '');
}

function algorithmOf(tag: string): { algorithm: 'rsa' | 'ed25519'; hash: 'sha1' | 'sha256' } {
  if (tag === 'rsa-sha256') return { algorithm: 'rsa', hash: 'sha256' };
  if (tag === 'rsa-sha1') return { algorithm: 'rsa', hash: 'sha1' };
  if (tag === 'ed25519-sha256') return { algorithm: 'ed25519', hash: 'sha256' };
  throw new SignatureFault(`unsupported hash algorithm: ${tag}`);
}

/** `relaxed/simple`; the body's is simple when it is not said. */
function modesOf(tag: string): [Canonicalization, Canonicalization] {
  const [header = '', body = 'simple'] = tag.split('/');
  const mode = (name: string): Canonicalization => {
    if (name === 'relaxed') return 'Relaxed';
    if (name === 'simple') return 'Simple';
    throw new SignatureFault(`unsupported canonicalization: ${tag}`);
  };
  return [mode(header.trim()), mode(body.trim())];
}

/** The key record of a selector, RFC 6376 §3.6.1. */
async function publicKey(name: string, lookupTxt: TxtLookup): Promise<KeyObject> {
  const [record] = await lookupTxt(name).catch((error: unknown) => {
    throw new KeyUnavailable(`key unavailable: ${(error as Error).message}`, { cause: error });
  });
  if (record === undefined) throw new SignatureFault('no key for signature');
  const tags = tagList(record, 'key syntax error');
  if ((tags.get('v') ?? 'DKIM1') !== 'DKIM1') throw new SignatureFault('key incompatible version');
  const text = tags.get('p');
  if (text === undefined) throw new SignatureFault('no key for signature');
  const kind = tags.get('k') ?? 'rsa';
  if (kind !== 'rsa' && kind !== 'ed25519') throw new SignatureFault('inappropriate key algorithm');
  return keyOf(kind, Buffer.from(withoutBlanks(text), 'base64'));
}

/** Before the 32 bytes of an Ed25519 key stands this in its DER form. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

function keyOf(kind: 'rsa' | 'ed25519', bytes: Buffer): KeyObject {
  const isBare = kind === 'ed25519' && bytes.length === 32;
  const key = isBare ? Buffer.concat([ED25519_PREFIX, bytes]) : bytes;
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      return createPublicKey({ key, format: 'der', type });
    } catch {
      continue;
    }
  }
  throw new SignatureFault('key syntax error');
}
