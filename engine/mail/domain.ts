/**
 * Domains as envelopes carry them: checked, and in the one form in which they are stored, logged
 * and compared. Non-ASCII names become A-labels, everything is lower-case.
 *
 * A name with an underscore is not a host name by UTS46's rules and keeps its spelling; queue names
 * lower-case it later. Numbers are names here: `1.2.3.4` without brackets is not an address.
 *
 * Source: RFC 5321 §4.1.2, UTS #46.
 */
import { domainToASCII } from 'node:url';
import { formatIp, parseIp } from '../base/ip.ts';

// Letters, digits, underscore and anything beyond ASCII; hyphens only inside a label.
const NAME =
  /^[\w\u0080-\uffff](?:[\w\u0080-\uffff-]*[\w\u0080-\uffff])?(?:[.\u3002\uff0e\uff61][\w\u0080-\uffff](?:[\w\u0080-\uffff-]*[\w\u0080-\uffff])?)*$/;

const ASCII = /^[\x00-\x7f]*$/;

/** The stored form of a domain name, or `undefined` when the text is not one. */
export function normalizeDomainName(text: string): string | undefined {
  if (!NAME.test(text)) return undefined;
  if (ASCII.test(text)) return text.includes('_') ? text : text.toLowerCase();
  // The suffix keeps Node from reading a name that ends in digits as an IPv4 address.
  const ascii = domainToASCII(`${text}.x`).slice(0, -2);
  return ascii !== '' && !ascii.includes('_') && NAME.test(ascii) ? ascii : undefined;
}

/**
 * The stored form of an address literal, brackets included: `[10.0.0.1]`, `[IPv6:::1]` with the
 * address in canonical form, or any other `[tag:content]` as written.
 */
export function normalizeLiteral(text: string): string | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const inner = text.slice(1, -1);
  const colon = inner.indexOf(':');
  if (colon < 0) return parseIp(inner)?.bits === 32 ? text : undefined;
  const content = inner.slice(colon + 1);
  if (inner.slice(0, colon).toLowerCase() === 'ipv6') {
    const ip = parseIp(content);
    if (ip?.bits === 128) return `[IPv6:${formatIp(ip)}]`;
  }
  return /^[A-Za-z\d-]*[A-Za-z\d]:[\x21-\x5a\x5e-\x7e]+$/.test(inner) ? text : undefined;
}

/** Either of the two: what may follow the `@` of an address, or EHLO. */
export function normalizeDomain(text: string): string | undefined {
  return text.startsWith('[') ? normalizeLiteral(text) : normalizeDomainName(text);
}
