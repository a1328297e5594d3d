/**
 * SMTP response lines without what differs from one message to the next: addresses, ids, times.
 * Lines that mean the same become equal, so that records can be grouped. A best effort, no promise
 * that nothing personal is left.
 *
 * Source: the documented purpose of KumoMTA's `kumo.string.normalize_smtp_response`.
 */
import { splitIpPort } from '../base/ip.ts';

/** Each word that is recognised is replaced by a name in braces; everything else stays. */
export function normalizeSmtpResponse(text: string): string {
  return text.replace(/\S+/g, (word) => {
    const whole = tokenOf(word);
    if (whole) return whole;
    const match = /^([("'<[{]*)(.*?)([)"'>\]},;:.!?]*)$/.exec(word);
    if (!match) return word;
    const [, before = '', core = '', after = ''] = match;
    const token = tokenOf(core);
    return token ? `${before}${token}${after}` : word;
  });
}

const UUID = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?$/;
const EMAIL = /^[^\s@<>()]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+$/u;
const BASE64 = /^[A-Za-z0-9+/_-]{14,}={1,2}$/;
const ID_SHAPE = /^[A-Za-z0-9][A-Za-z0-9._=-]{9,}$/;

function tokenOf(word: string): string | undefined {
  if (TIMESTAMP.test(word)) return '{timestamp}';
  if (UUID.test(word)) return '{uuid}';
  if (splitIpPort(word)) return '{ipaddr}';
  if (EMAIL.test(word)) return '{email}';
  if (BASE64.test(word)) return '{base64}';
  return isId(word) ? '{hash}' : undefined;
}

/** Long, with letters and digits mixed: a queue id. Host names and plain words are not. */
function isId(word: string): boolean {
  if (!ID_SHAPE.test(word)) return false;
  const digits = word.replace(/\D/g, '').length;
  const switches = word.match(/[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0;
  return digits >= 4 && switches >= 2 && digits * 5 >= word.length;
}
