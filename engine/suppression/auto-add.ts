/**
 * Which records put a recipient on the list: a Bounce with 5xx, a failure that another host
 * reports (OOB), an Expiration; each by its switch, the first two also by bounce class.
 *
 * Not listed: what was bounced because it is suppressed, records about log hooks, and failures of
 * the engine itself, which say nothing about the recipient.
 */
import type { SuppressionEntry } from './entry.ts';
import type { AutoAdd } from './suppression-settings.ts';

/** The parts of a record that matter here. */
export interface FailureRecord {
  readonly type: string;
  readonly recipient: string | readonly string[];
  readonly response: {
    readonly code: number;
    readonly enhanced_code: {
      readonly class: number;
      readonly subject: number;
      readonly detail: number;
    } | null;
    readonly content: string;
  };
  readonly bounce_classification: string;
  readonly reception_protocol: string | null;
}

export type Cause = Pick<SuppressionEntry, 'origin' | 'reason' | 'source'> & {
  readonly recipients: readonly string[];
};

const INTERNAL = 'KumoMTA internal:';
const REASON_CHARS_MAX = 300;

/** Null when this record lists nobody. */
export function causeOf(record: FailureRecord, autoAdd: AutoAdd): Cause | null {
  const origin = originOf(record, autoAdd);
  if (origin === null || record.reception_protocol === 'LogRecord') return null;
  const { code, enhanced_code: enhanced, content } = record.response;
  if (content.startsWith(INTERNAL)) return null;
  // Replies of custom Lua keep the enhanced code in their text.
  const [written = '', inText = ''] = /^([245]\.\d{1,3}\.\d{1,3})\s+/.exec(content) ?? [];
  const status = enhanced ? `${enhanced.class}.${enhanced.subject}.${enhanced.detail}` : inText;
  return {
    origin,
    reason: content.slice(written.length).replace(/\s+/g, ' ').slice(0, REASON_CHARS_MAX),
    source: origin === 'oob' ? `${status || code} in DSN` : `${code} ${status}`.trim(),
    recipients: [record.recipient].flat().filter((recipient) => recipient !== ''),
  };
}

function originOf(
  { type, response, bounce_classification: bounceClass }: FailureRecord,
  { bounce, oob, expiration, classes }: AutoAdd,
): Cause['origin'] | null {
  const isFinal = response.code >= 500 && response.code < 600;
  const isOfClass = classes.length === 0 || classes.includes(bounceClass);
  if (type === 'Bounce') return bounce && isFinal && isOfClass ? 'bounce' : null;
  if (type === 'OOB') return oob && isFinal && isOfClass ? 'oob' : null;
  return type === 'Expiration' && expiration ? 'expiration' : null;
}
