/**
 * Addresses and paths of the envelope: the arguments of MAIL and RCPT, and the same grammar for
 * texts that policies and HTTP clients give as an address.
 *
 * Strict about addresses (a bad one is refused, not repaired) and tolerant about what surrounds
 * them: brackets may be missing, a blank may follow the colon, a source route is dropped, unknown
 * parameters are kept for whoever knows them.
 *
 * Source: RFC 5321 §4.1.2, §4.1.1.2-3, appendix C; RFC 6531 §3.3; recorded replies of KumoMTA.
 */
import { normalizeDomain } from './domain.ts';
import { NULL_SENDER } from './envelope.ts';
import type { EnvelopeAddress } from './envelope.ts';
import { expectedTag, syntaxTrace } from './syntax-trace.ts';

/** An address text that is none. `message` is KumoMTA's trace, several lines. */
export class AddressSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AddressSyntaxError';
  }
}

export const POSTMASTER: EnvelopeAddress = { email: 'Postmaster', user: 'postmaster', domain: '' };

/**
 * An address as a policy, an HTTP client or the store writes it: `user@domain`, `Postmaster`, or
 * the empty text for the null sender. Brackets and a source route are accepted.
 *
 * @throws {AddressSyntaxError} with KumoMTA's trace as its message
 */
export function parseEnvelopeAddress(text: string): EnvelopeAddress {
  if (text === '' || text === '<>') return NULL_SENDER;
  if (/^<?postmaster>?$/i.test(text)) return POSTMASTER;
  const path = scanPath(text, 0);
  if (path?.end === text.length) return path.address;
  throw new AddressSyntaxError(
    path
      ? syntaxTrace(text, [{ what: 'in Eof', at: path.end }])
      : syntaxTrace(text, [expectedTag('Postmaster', text, 0), { what: 'in Alt', at: 0 }]),
  );
}

/** An address and the parameters that followed it; names in upper case, value null without `=`. */
export interface PathArgument {
  readonly address: EnvelopeAddress;
  readonly params: ReadonlyMap<string, string | null>;
}

/** What is wrong with an argument: it does not even begin as one, or its address is bad. */
export type PathTrouble = 'syntax' | 'address';

/** @param text what follows the word MAIL: ` FROM:<a@b> SIZE=10` */
export function parseMailArgument(text: string): PathArgument | PathTrouble {
  const start = /^ +FROM: */i.exec(text)?.[0].length;
  if (start === undefined || start === text.length) return 'syntax';
  if (text.startsWith('<>', start)) return withParams(NULL_SENDER, text, start + 2);
  const path = scanPath(text, start);
  return path ? withParams(path.address, text, path.end) : 'address';
}

/** @param text what follows the word RCPT: ` TO:<a@b> NOTIFY=NEVER` */
export function parseRcptArgument(text: string): PathArgument | PathTrouble {
  const start = /^ +TO: */i.exec(text)?.[0].length;
  if (start === undefined || start === text.length) return 'syntax';
  const postmaster = matchAt(/<postmaster>/iy, text, start);
  if (postmaster !== undefined) return withParams(POSTMASTER, text, start + postmaster.length);
  const path = scanPath(text, start);
  return path ? withParams(path.address, text, path.end) : 'address';
}

const NO_PARAMS: ReadonlyMap<string, string | null> = new Map();

function withParams(
  address: EnvelopeAddress,
  text: string,
  start: number,
): PathArgument | PathTrouble {
  if (start === text.length) return { address, params: NO_PARAMS };
  const params = new Map<string, string | null>();
  let at = start;
  while (at < text.length) {
    // RFC 5321 §4.1.2 esmtp-param; RFC 6531 lets the value be UTF-8.
    const match = matchAt(
      / +(?:[A-Za-z\d][A-Za-z\d-]*(?:=[\x21-\x3c\x3e-\x7e\u0080-\uffff]+)?)?/y,
      text,
      at,
    );
    if (match === undefined) return 'address';
    at += match.length;
    const [name, value] = split(match.trimStart(), '=');
    if (name !== '') params.set(name.toUpperCase(), value);
  }
  return { address, params };
}

interface ScannedPath {
  readonly address: EnvelopeAddress;
  readonly end: number;
}

/** Reads `<[route:]local@domain>` or `local@domain` at `start`. */
function scanPath(text: string, start: number): ScannedPath | undefined {
  const bracketed = text.charCodeAt(start) === 0x3c;
  let at = bracketed ? start + 1 : start;
  if (bracketed && text.charCodeAt(at) === 0x40) {
    const route = scanRoute(text, at);
    if (route === undefined) return undefined;
    at = route;
  }
  const local = matchAt(LOCAL_PART, text, at);
  if (local === undefined || text.charCodeAt(at + local.length) !== 0x40) return undefined;
  at += local.length + 1;
  const written = matchAt(DOMAIN_TEXT, text, at);
  if (written === undefined) return undefined;
  const domain = normalizeDomain(written);
  if (domain === undefined) return undefined;
  at += written.length;
  if (bracketed && text.charCodeAt(at++) !== 0x3e) return undefined;
  return { address: { email: `${local}@${domain}`, user: unquote(local), domain }, end: at };
}

/** The end of `@one,@two:`, which is checked and thrown away. */
function scanRoute(text: string, start: number): number | undefined {
  const colon = text.indexOf(':', start);
  if (colon < 0) return undefined;
  for (const hop of text.slice(start, colon).split(',')) {
    if (!hop.startsWith('@') || normalizeDomain(hop.slice(1)) === undefined) return undefined;
  }
  return colon + 1;
}

// atoms joined by single dots, or a quoted string (RFC 5321 §4.1.2, RFC 6531 §3.3).
const LOCAL_PART =
  /[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+)*|"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\uffff]|\\[\x20-\x7e])*"/y;

// As far as a domain can go; `normalizeDomain` decides whether it is one.
const DOMAIN_TEXT = /\[[\x21-\x5a\x5e-\x7e]+\]|[\w.\u0080-\uffff-]+/y;

function unquote(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
}

function matchAt(sticky: RegExp, text: string, at: number): string | undefined {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0];
}

function split(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}
