/**
 * DKIM, SPF, DMARC and ARC checks of a message through the engine's resolver, with results as
 * KumoMTA's policies see them.
 *
 * The library is loaded when a policy asks for the first time: it would be a tenth of every start.
 *
 * Source: RFC 6376, RFC 7208, RFC 7489, RFC 8601, RFC 8617; reference `lua-api.md` §3.18, §4.1.
 */
import type { EpochMs } from '../../base/clock.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { OTHER_DOMAIN, verifySignatures } from '../../mail/dkim-verify.ts';
import type { DkimSigner } from '../../mail/dkim.ts';

/** One method of an Authentication-Results header. */
export interface AuthenticationResult {
  readonly method: string;
  readonly methodVersion: number | null;
  readonly result: string;
  readonly reason: string | null;
  readonly props: Readonly<Record<string, string>>;
}

/** The shortest key that still counts: RFC 8301 asks for 1024, tests use what they like. */
const KEY_BITS_MIN = 512;

/** One result per DKIM-Signature, from the top; none for a message without. */
export async function verifyDkim(
  data: Uint8Array,
  resolver: Resolver,
  now: EpochMs,
): Promise<AuthenticationResult[]> {
  const verdicts = await verifySignatures(data, (name) => txtRecords(resolver, name), now);
  return verdicts.map(({ result, reason, tags, isAligned }) => ({
    method: 'dkim',
    methodVersion: null,
    result,
    reason,
    props: tags
      ? definedOnly({
          'header.a': tags.get('a'),
          'header.b': tags.get('b')?.replace(/\s+/g, '').slice(0, 8),
          'header.c': tags.get('c'),
          'header.d': tags.get('d'),
          'header.i': tags.get('i') ?? `@${tags.get('d')}`,
          'header.s': tags.get('s'),
          'policy.dkim-rules': isAligned ? undefined : OTHER_DOMAIN,
        })
      : {},
  }));
}

async function txtRecords(resolver: Resolver, name: string): Promise<readonly string[]> {
  try {
    return await resolver.lookupTxt(name);
  } catch (error) {
    if (error instanceof DnsError && error.code === 'NXDOMAIN') return [];
    throw error;
  }
}

/** What DMARC aligns by itself: a good signature, of whichever domain. */
function isGoodSignature(each: AuthenticationResult): boolean {
  return each.result === 'pass' || each.props['policy.dkim-rules'] === OTHER_DOMAIN;
}

export interface SpfQuestion {
  readonly ip: string;
  readonly helo: string;
  /** Address or domain whose policy is asked for. */
  readonly sender: string;
  readonly hostname: string;
}

export async function checkSpf(
  question: SpfQuestion,
  resolver: Resolver,
): Promise<AuthenticationResult> {
  const { spf } = await import('mailauth/lib/spf/index.js');
  const { status } = await spf({
    sender: question.sender.includes('@') ? question.sender : `postmaster@${question.sender}`,
    ip: question.ip,
    helo: question.helo,
    mta: question.hostname,
    resolver: dnsFor(resolver),
  });
  return {
    method: 'spf',
    methodVersion: null,
    result: status.result,
    reason: status.comment || null,
    props: { 'smtp.mailfrom': question.sender },
  };
}

export interface DmarcQuestion {
  readonly fromDomain: string;
  readonly dkim: readonly AuthenticationResult[];
  readonly spf: AuthenticationResult | null;
}

export async function checkDmarc(
  question: DmarcQuestion,
  resolver: Resolver,
): Promise<AuthenticationResult> {
  const passed = (each: AuthenticationResult): boolean => each.result === 'pass';
  const spfDomain = question.spf?.props['smtp.mailfrom']?.split('@').at(-1);
  const { dmarc } = await import('mailauth/lib/dmarc/index.js');
  const found = await dmarc({
    headerFrom: question.fromDomain,
    dkimDomains: question.dkim
      .filter(isGoodSignature)
      .map((each) => ({ domain: each.props['header.d'] ?? '' })),
    spfDomains: question.spf && passed(question.spf) && spfDomain ? [spfDomain] : [],
    resolver: dnsFor(resolver),
  });
  const status = found === false ? { result: 'permerror', comment: undefined } : found.status;
  const policy = found === false ? undefined : found.policy;
  return {
    method: 'dmarc',
    methodVersion: null,
    result: status.result,
    reason: status.result === 'pass' || !policy ? null : `policy is ${policy}`,
    props: definedOnly({
      'header.from': question.fromDomain,
      'policy.published-domain-policy': policy,
    }),
  };
}

export async function verifyArc(
  data: Uint8Array,
  resolver: Resolver,
  now: EpochMs,
): Promise<AuthenticationResult> {
  const { arc } = await import('mailauth/lib/arc/index.js');
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js');
  const dns = dnsFor(resolver);
  const options = { resolver: dns, minBitLength: KEY_BITS_MIN, curTime: new Date(now) };
  const verified = await dkimVerify(Buffer.from(data), options);
  const { status } = verified.arc
    ? await arc(verified.arc as Parameters<typeof arc>[0], {
        resolver: dns,
        minBitLength: KEY_BITS_MIN,
      })
    : { status: { result: 'none', comment: undefined } };
  const reason = status.result === 'pass' ? null : status.comment || null;
  return { method: 'arc', methodVersion: null, result: status.result, reason, props: {} };
}

/** The message with one more ARC set in front. */
export async function sealArc(
  data: Uint8Array,
  signer: DkimSigner,
  servId: string,
  results: readonly AuthenticationResult[],
  resolver: Resolver,
  now: EpochMs,
): Promise<Uint8Array> {
  const { result } = await verifyArc(data, resolver, now);
  const isRsa = signer.key.asymmetricKeyType === 'rsa';
  const { sealMessage } = await import('mailauth/lib/arc/index.js');
  const headers = await sealMessage(Buffer.from(data), {
    signingDomain: signer.domain,
    selector: signer.selector,
    privateKey: signer.key.export({ format: 'pem', type: 'pkcs8' }),
    algorithm: isRsa ? 'rsa-sha256' : 'ed25519-sha256',
    authResults: authenticationResultsText(servId, results),
    cv: result === 'none' || result === 'pass' ? result : 'fail',
    signTime: new Date(now),
  } as Parameters<typeof sealMessage>[1]);
  return Buffer.concat([headers, data]);
}

/** The value of an Authentication-Results header, RFC 8601 §2.2. */
export function authenticationResultsText(
  servId: string,
  results: readonly AuthenticationResult[],
): string {
  if (results.length === 0) return `${servId}; none`;
  const parts = results.map((each) => {
    const version = each.methodVersion === null ? '' : `/${each.methodVersion}`;
    const reason = each.reason === null ? [] : [`reason=${quoted(each.reason)}`];
    const props = Object.entries(each.props).map(([name, value]) => `${name}=${quoted(value)}`);
    return [`${each.method}${version}=${each.result}`, ...reason, ...props].join(' ');
  });
  return [servId, ...parts].join('; ');
}

/** A token or an address as it is, anything else in quotes. */
function quoted(text: string): string {
  if (/^[A-Za-z0-9!#$%&'*+./=?^_`{|}~@-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function definedOnly(props: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(props).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

type Answer = string[][] | string[];

/** Our resolver with the shape and the error codes of `dns.promises.resolve`. */
function dnsFor(resolver: Resolver): (name: string, type: string) => Promise<Answer> {
  return async (name, type) => {
    const answer = await ask(resolver, name, type);
    if (answer.length === 0) throw dnsFailure('ENODATA', type, name);
    return answer;
  };
}

async function ask(resolver: Resolver, name: string, type: string): Promise<Answer> {
  try {
    if (type === 'TXT') return (await resolver.lookupTxt(name)).map((text) => [text]);
    if (type === 'A') return await resolver.lookupAddr(name, 'Ipv4Only');
    if (type === 'AAAA') return await resolver.lookupAddr(name, 'Ipv6Only');
    if (type === 'PTR') return await resolver.lookupPtr(ipOfPtrName(name));
    const mx = await resolver.lookupMx(name);
    const hosts = mx.isMx ? [...mx.byPreference] : [];
    return hosts.flatMap(([priority, names]) =>
      names.map((exchange) => ({ priority, exchange })),
    ) as unknown as Answer;
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    throw dnsFailure(error.code === 'NXDOMAIN' ? 'ENOTFOUND' : `E${error.code}`, type, name);
  }
}

function dnsFailure(code: string, type: string, name: string): Error {
  return Object.assign(new Error(`query${type} ${code} ${name}`), { code });
}

/** The address whose PTR name this is. */
function ipOfPtrName(name: string): string {
  const labels = name.replace(/\.$/, '').split('.').slice(0, -2).reverse();
  if (name.includes('in-addr')) return labels.join('.');
  return (labels.join('').match(/.{4}/g) ?? []).join(':');
}
