/**
 * Whose mail it is, for the list: the domain of the From header, else of the envelope. A header
 * that cannot be read counts as none. Of several authors the first one counts.
 */
import { addressHeader, flattenAddresses } from '../mail/address-list.ts';
import { parseDeliveryReport } from '../mail/report-rfc3464.ts';
import { normalizeSendingDomain } from './entry.ts';

/** @param data the message, or enough of it to have its headers; null when it is not at hand */
export function sendingDomainOf(data: Uint8Array | null, envelopeDomain: string): string {
  return (data && fromDomain(data)) ?? domainOrNone(envelopeDomain);
}

/** Of the message that a delivery report is about: reports bring its headers back, mostly. */
export function reportedSendingDomain(report: Uint8Array, envelopeDomain: string): string {
  const original = parseDeliveryReport(report)?.originalMessage;
  const data = typeof original === 'string' ? Buffer.from(original) : null;
  return sendingDomainOf(data, envelopeDomain);
}

function fromDomain(data: Uint8Array): string | null {
  try {
    const [author] = flattenAddresses(addressHeader(data, 'From') ?? []);
    return author === undefined ? null : domainOrNone(author.domain) || null;
  } catch {
    return null;
  }
}

function domainOrNone(domain: string): string {
  try {
    return normalizeSendingDomain(domain);
  } catch {
    return '';
  }
}
