/**
 * Durations as Rust's `{:?}` prints them: `5s`, `1.5s`, `999.998655ms`, `12µs`. KumoMTA's error
 * texts about timeouts and lookups contain them.
 *
 * Source: Rust's `Duration` Debug: the largest of s, ms, µs, ns that is at least one, with as many
 * decimals as there are.
 */

/** @param durationMs milliseconds with fractions; negative counts as zero */
export function debugDuration(durationMs: number): string {
  const total = BigInt(Math.max(0, Math.round(durationMs * 1_000_000)));
  if (total >= 1_000_000_000n) return decimal(total, 9, 's');
  if (total >= 1_000_000n) return decimal(total, 6, 'ms');
  if (total >= 1_000n) return decimal(total, 3, 'µs');
  return `${total}ns`;
}

function decimal(nanos: bigint, digits: number, unit: string): string {
  const text = nanos.toString().padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return `${text.slice(0, -digits)}${fraction === '' ? '' : `.${fraction}`}${unit}`;
}
