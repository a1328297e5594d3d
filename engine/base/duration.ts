/**
 * Durations as text. The policy writes "20m" or "1h 30m", records and the HTTP API write
 * "4m 59s"; both are the humantime format that KumoMTA uses.
 *
 * Source: humantime 2 `parse_duration`, `format_duration`.
 */

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  nsec: 1n,
  nanos: 1n,
  us: 1_000n,
  usec: 1_000n,
  µs: 1_000n,
  micros: 1_000n,
  ms: 1_000_000n,
  msec: 1_000_000n,
  millis: 1_000_000n,
  s: 1_000_000_000n,
  sec: 1_000_000_000n,
  secs: 1_000_000_000n,
  second: 1_000_000_000n,
  seconds: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  mins: 60_000_000_000n,
  minute: 60_000_000_000n,
  minutes: 60_000_000_000n,
  h: 3_600_000_000_000n,
  hr: 3_600_000_000_000n,
  hrs: 3_600_000_000_000n,
  hour: 3_600_000_000_000n,
  hours: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  day: 86_400_000_000_000n,
  days: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
  week: 604_800_000_000_000n,
  weeks: 604_800_000_000_000n,
  wk: 604_800_000_000_000n,
  wks: 604_800_000_000_000n,
  M: 2_630_016_000_000_000n,
  month: 2_630_016_000_000_000n,
  months: 2_630_016_000_000_000n,
  y: 31_557_600_000_000_000n,
  year: 31_557_600_000_000_000n,
  years: 31_557_600_000_000_000n,
  yr: 31_557_600_000_000_000n,
  yrs: 31_557_600_000_000_000n,
};

/**
 * Milliseconds (with fractions) of a duration text, or `undefined` when it is not one.
 * Every number needs a unit; a lone "0" is accepted.
 */
export function parseDurationMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^(\d+\s*[a-zA-Zµ]+\s*)+$/.test(trimmed)) return undefined;
  let total = 0n;
  for (const [, digits, unit] of trimmed.matchAll(/(\d+)\s*([a-zA-Zµ]+)/g)) {
    const ns = UNIT_NS[unit ?? ''];
    if (ns === undefined || digits === undefined) return undefined;
    total += BigInt(digits) * ns;
  }
  return Number(total / 1_000_000n) + Number(total % 1_000_000n) / 1_000_000;
}

/** Formats as humantime does: `1h 2m 3s 4ms 5us 6ns`, days and above as whole words, `0s` for zero. */
export function formatDuration(durationMs: number): string {
  const wholeMs = Math.floor(durationMs);
  let ns = BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((durationMs - wholeMs) * 1_000_000));
  if (ns <= 0n) return '0s';
  const parts: string[] = [];
  const take = (size: bigint, name: (n: bigint) => string): void => {
    const count = ns / size;
    ns %= size;
    if (count > 0n) parts.push(`${count}${name(count)}`);
  };
  const plural = (word: string) => (n: bigint) => (n > 1n ? `${word}s` : word);
  take(31_557_600_000_000_000n, plural('year'));
  take(2_630_016_000_000_000n, plural('month'));
  take(86_400_000_000_000n, plural('day'));
  take(3_600_000_000_000n, () => 'h');
  take(60_000_000_000n, () => 'm');
  take(1_000_000_000n, () => 's');
  take(1_000_000n, () => 'ms');
  take(1_000n, () => 'us');
  take(1n, () => 'ns');
  return parts.join(' ');
}
