/**
 * An entry of the suppression list: a recipient that gets no mail from one sending domain, or from
 * none at all. Addresses and domains have one spelling here, however they were written.
 */
import type { EpochMs } from '../base/clock.ts';
import { normalizeDomain } from '../mail/domain.ts';

/** Where an entry came from. `policy`: a script wrote it into the file. */
export const ORIGINS = ['hand', 'bounce', 'oob', 'expiration', 'import', 'policy'] as const;
export type Origin = (typeof ORIGINS)[number];

/** A recipient and a sending domain; the domain is empty for "every sender". */
export interface SuppressionKey {
  readonly recipient: string;
  readonly sendingDomain: string;
}

export interface SuppressionEntry extends SuppressionKey {
  readonly id: number;
  /** In words, as whoever listed it wrote them; may be empty. */
  readonly reason: string;
  readonly origin: Origin;
  /** On the mail clock. */
  readonly sinceMs: EpochMs;
  /** The reply of the record that caused it (`550 5.1.1`), or the line it was imported from. */
  readonly source: string;
  readonly recordSeq: number | null;
  /** The recipient row that the record is about. */
  readonly rowSeq: number | null;
  /** Messages that it stopped. */
  readonly hits: number;
  readonly lastHitMs: EpochMs | null;
}

export type NewEntry = SuppressionKey &
  Pick<SuppressionEntry, 'reason' | 'origin' | 'sinceMs' | 'source' | 'recordSeq' | 'rowSeq'>;

/**
 * The stored form of an address: lower-case, the domain as an A-label.
 * @throws {Error} the text is not `local@domain`
 */
export function normalizeRecipient(text: string): string {
  const trimmed = text.trim().replace(/^<(.*)>$/, '$1');
  const at = trimmed.lastIndexOf('@');
  const domain = normalizeDomain(trimmed.slice(at + 1));
  const local = trimmed.slice(0, at);
  // A space or a control character can only stand in a quoted local part.
  const isLocal = local !== '' && (/^"[^\r\n]*"$/.test(local) || !/[\s\p{Cc}<>,;]/u.test(local));
  if (at < 1 || domain === undefined || !isLocal)
    throw new Error(`recipient is "${text}", expected an address such as user@example.com`);
  return `${local.toLowerCase()}@${domain.toLowerCase()}`;
}

/**
 * The stored form of a sending domain; empty for every sender (written as nothing or `*`).
 * @throws {Error} the text is not a domain
 */
export function normalizeSendingDomain(text: string): string {
  const trimmed = text.trim().replace(/^@/, '').replace(/\.$/, '');
  if (trimmed === '' || trimmed === '*') return '';
  const domain = normalizeDomain(trimmed);
  if (domain === undefined)
    throw new Error(`sending domain is "${text}", expected a domain such as example.com, or *`);
  return domain.toLowerCase();
}

const ORIGIN_WORDS: Readonly<Record<Origin, string>> = {
  hand: 'by hand',
  bounce: 'Bounce',
  oob: 'OOB',
  expiration: 'Expiration',
  import: 'imported',
  policy: 'by the policy',
};

/** `Bounce 550 5.1.1, since 2026-11-21`: why it is listed, in the Journey and in replies. */
export function describeCause(entry: SuppressionEntry): string {
  const what = [ORIGIN_WORDS[entry.origin], entry.source].filter((word) => word !== '').join(' ');
  return `${what}, since ${dayOf(entry.sinceMs)}`;
}

/** `user@example.com from shop.example: Bounce 550 5.1.1, since 2026-11-21`. */
export function describeEntry(entry: SuppressionEntry): string {
  const from = entry.sendingDomain === '' ? 'every sender' : entry.sendingDomain;
  return `${entry.recipient} from ${from}: ${describeCause(entry)}`;
}

/** What a client is told: `5.7.1 recipient is suppressed (Bounce 2026-11-21)`. */
export function refusalText(entry: SuppressionEntry): string {
  return `5.7.1 recipient is suppressed (${ORIGIN_WORDS[entry.origin].toLowerCase()} ${dayOf(entry.sinceMs)})`;
}

function dayOf(timeMs: EpochMs): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
