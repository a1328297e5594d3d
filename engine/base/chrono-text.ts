/**
 * Moments and spans as texts in the forms that KumoMTA's records and events carry them: those of
 * the chrono library. Only where a text has to be equal to KumoMTA's; durations that people read
 * are in `duration.ts`.
 *
 * Source: chrono 0.4 (`DateTime`, `TimeDelta`: Display and Debug); reference `queues-delivery.md` §3.
 */
import type { EpochMs } from './clock.ts';

const MS_PER_DAY = 86_400_000;

/** `2026-01-02T03:04:05.678901234Z`: no fraction, or 3, 6 or 9 digits of it. */
export function chronoDebugUtc(epochMs: EpochMs): string {
  const { date, time, fraction } = partsUtc(epochMs);
  return `${date}T${time}${fraction}Z`;
}

/** `2026-01-02 03:04:05.678901234 UTC` */
export function chronoDisplayUtc(epochMs: EpochMs): string {
  const { date, time, fraction } = partsUtc(epochMs);
  return `${date} ${time}${fraction} UTC`;
}

/** `PT604800.123S`; `P0D` when it is zero, `-PT5S` when it is negative. */
export function chronoDisplaySpan(spanMs: number): string {
  const ns = BigInt(Math.round(Math.abs(spanMs) * 1_000_000));
  if (ns === 0n) return 'P0D';
  const seconds = ns / 1_000_000_000n;
  const rest = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${spanMs < 0 ? '-' : ''}PT${seconds}${rest === '' ? '' : `.${rest}`}S`;
}

/** `TimeDelta { secs: 30, nanos: 0 }` */
export function chronoDebugSpan(spanMs: number): string {
  const ns = BigInt(Math.round(spanMs * 1_000_000));
  let seconds = ns / 1_000_000_000n;
  let nanos = ns % 1_000_000_000n;
  if (nanos < 0n) {
    seconds -= 1n;
    nanos += 1_000_000_000n;
  }
  return `TimeDelta { secs: ${seconds}, nanos: ${nanos} }`;
}

function partsUtc(epochMs: EpochMs): { date: string; time: string; fraction: string } {
  const wholeMs = Math.floor(epochMs);
  const subMsNs = Math.min(999_999, Math.round((epochMs - wholeMs) * 1_000_000));
  const msOfSecond = ((wholeMs % 1000) + 1000) % 1000;
  const iso = isoSeconds(wholeMs - msOfSecond);
  const ns = msOfSecond * 1_000_000 + subMsNs;
  return { date: iso.slice(0, -9), time: iso.slice(-8), fraction: fractionText(ns) };
}

/** `.123`: what follows the seconds. No fraction, or 3, 6 or 9 digits of it. */
export function fractionText(ns: number): string {
  if (ns === 0) return '';
  const digits = ns.toString().padStart(9, '0');
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`;
  if (digits.endsWith('000')) return `.${digits.slice(0, 6)}`;
  return `.${digits}`;
}

/** The second that was written last: in a burst it is asked for again and again. */
let lastSecond = { epochMs: NaN, text: '' };

/**
 * `2026-01-02T03:04:05`; years beyond four digits carry a sign, as chrono prints them.
 * @param epochMs of a whole second
 */
export function isoSeconds(epochMs: EpochMs): string {
  if (epochMs !== lastSecond.epochMs) lastSecond = { epochMs, text: isoSecondsOf(epochMs) };
  return lastSecond.text;
}

function isoSecondsOf(epochMs: EpochMs): string {
  const limit = 8_640_000_000_000_000;
  const date = new Date(Math.max(-limit, Math.min(limit - MS_PER_DAY, epochMs)));
  const iso = date.toISOString().slice(0, -5);
  return iso.startsWith('+') ? iso.replace(/^\+0*(\d{5,})/, '+$1') : iso;
}
