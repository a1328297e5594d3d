/**
 * Extensions as EHLO lists them: the list we offer, and what a server offered us.
 *
 * Source: RFC 5321 §4.1.1.1; order and spelling of ours as KumoMTA lists them.
 */
export interface OfferedExtensions {
  readonly startTls: boolean;
  /** `AUTH PLAIN` under TLS; more when the listener is a friendly one. */
  readonly authMechanisms: readonly string[];
  readonly sizeMax: number | null;
  readonly allowXclient: boolean;
}

export function offeredExtensions(offer: OfferedExtensions): string[] {
  const list = ['PIPELINING', 'ENHANCEDSTATUSCODES', '8BITMIME', 'SMTPUTF8'];
  if (offer.startTls) list.push('STARTTLS');
  if (offer.authMechanisms.length > 0) list.push(`AUTH ${offer.authMechanisms.join(' ')}`);
  if (offer.sizeMax !== null) list.push(`SIZE ${offer.sizeMax}`);
  if (offer.allowXclient) list.push('XCLIENT ADDR PORT DESTADDR DESTPORT');
  return list;
}

/**
 * What a server offers, by upper-case keyword with its parameters as written.
 *
 * @param text of the reply to EHLO; its first line is the greeting
 */
export function parseExtensions(text: string): ReadonlyMap<string, string> {
  const offered = new Map<string, string>();
  for (const line of text.split('\n').slice(1)) {
    const match = /^(\S+)\s*(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined) offered.set(match[1].toUpperCase(), match[2] ?? '');
  }
  return offered;
}
