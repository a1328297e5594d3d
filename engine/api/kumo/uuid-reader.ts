/**
 * UUIDs as KumoMTA reads them in queries and bodies: plain, with dashes, in braces or as a URN.
 *
 * Source: error texts of Rust's `uuid`; recorded scenario `admin-inspect-message`.
 */

const GROUP_LENGTHS = [8, 4, 4, 4, 12];

/** The 32 hex digits in lower case, or what is wrong with the text. */
export function readUuid(text: string): { digits: string } | { complaint: string } {
  const braced = /^\{(.*)\}$/.exec(text);
  const inner = braced?.[1] ?? text.replace(/^urn:uuid:/, '');
  const offset = braced ? 1 : text.length - inner.length;
  const length = Buffer.byteLength(text);
  if (length === 0 || length > 45) return { complaint: `invalid length: found ${length}` };
  const wrong = /[^0-9a-fA-F-]/u.exec(inner);
  if (wrong) {
    return { complaint: `invalid character: found \`${wrong[0]}\` at ${wrong.index + offset}` };
  }
  const groups = inner.split('-');
  if (groups.length === 1 && offset === 0) {
    if (inner.length === 32) return { digits: inner.toLowerCase() };
    return { complaint: `invalid length: found ${length}` };
  }
  if (groups.length !== GROUP_LENGTHS.length) {
    return { complaint: `invalid group count: expected 5, found ${groups.length}` };
  }
  for (const [i, expected] of GROUP_LENGTHS.entries()) {
    const found = groups[i]?.length ?? 0;
    if (found === expected) continue;
    return {
      complaint: `invalid group length in group ${i}: expected ${expected}, found ${found}`,
    };
  }
  return { digits: groups.join('').toLowerCase() };
}

/** 32 digits with dashes. */
export function withDashes(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
