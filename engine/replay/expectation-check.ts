/** What was expected against what the dry run found. Pure. */
import { parseDurationMs } from '../base/duration.ts';
import { isBoxed } from '../mail/json.ts';
import type { Expectation, ExpectedValue } from './expectation-file.ts';

/** What a dry run says of one recipient, in the fields that can be expected. */
export interface Found {
  readonly reply: { readonly code: number; readonly text: string };
  readonly state: string;
  readonly queue: string | null;
  readonly route: string | null;
  readonly protocol: string | null;
  readonly target: string | null;
  readonly maildir: string | null;
  readonly captured: boolean;
  readonly pool: string | null;
  readonly source: string | null;
  readonly plan: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly headers: ReadonlyMap<string, string>;
  /** Milliseconds; null: there is no retry. */
  readonly nextRetryMs: number | null;
  readonly nextRetry: string;
}

export interface FieldDifference {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

const PLAIN = [
  'state',
  'queue',
  'route',
  'protocol',
  'target',
  'maildir',
  'pool',
  'source',
] as const;

export function differencesFrom(expect: Expectation, found: Found): FieldDifference[] {
  const out: FieldDifference[] = [];
  const check = (field: string, expected: ExpectedValue | undefined, value: unknown): void => {
    if (expected === undefined || matches(expected, value)) return;
    out.push({ field, expected: shown(expected), found: shown(value) });
  };
  const { code, text } = found.reply;
  const isCode = typeof expect.reply === 'number' || /^\d{3}$/.test(String(expect.reply));
  check('reply', expect.reply, isCode ? code : `${code} ${text}`.trim());
  for (const field of PLAIN) check(field, expect[field], found[field]);
  check('captured', expect.captured, found.captured);
  if (expect.plan !== undefined && !isSamePlan(expect.plan, found.plan)) {
    const expected = expect.plan.map(shown).join(', ');
    out.push({ field: 'plan', expected, found: found.plan.join(', ') || 'none' });
  }
  for (const [key, expected] of Object.entries(expect.meta ?? {}))
    check(`meta.${key}`, expected, found.meta[key] ?? null);
  for (const [name, expected] of Object.entries(expect.headers ?? {})) {
    const key = [...found.headers.keys()].find((one) => one.toLowerCase() === name.toLowerCase());
    check(`headers.${name}`, expected, key === undefined ? null : (found.headers.get(key) ?? null));
  }
  if (expect.nextRetry !== undefined && !isSameSpan(expect.nextRetry, found.nextRetryMs)) {
    out.push({ field: 'nextRetry', expected: shown(expect.nextRetry), found: found.nextRetry });
  }
  return out;
}

/**
 * Equal as text, numbers of any kind as numbers; `*` stands for anything, `/…/` is a regular
 * expression, null is absence.
 */
function matches(expected: ExpectedValue, value: unknown): boolean {
  if (expected === null) return value === null || value === undefined || value === '';
  if (value === null || value === undefined) return false;
  const isNumber = typeof value === 'number' || isBoxed(value);
  if (typeof expected === 'number' && isNumber) return expected === Number(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (typeof expected !== 'string') return String(expected) === text;
  const pattern = /^\/(.*)\/([is]*)$/s.exec(expected);
  if (pattern) return new RegExp(pattern[1] ?? '', pattern[2]).test(text);
  if (!expected.includes('*')) return expected === text;
  const glob = expected.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${glob.join('.*')}$`, 's').test(text);
}

function isSamePlan(expected: readonly ExpectedValue[], plan: readonly string[]): boolean {
  return (
    expected.length === plan.length && expected.every((one, index) => matches(one, plan[index]))
  );
}

function isSameSpan(expected: ExpectedValue, foundMs: number | null): boolean {
  if (expected === null) return foundMs === null;
  if (typeof expected === 'number') return foundMs === expected * 1000;
  return typeof expected === 'string' && parseDurationMs(expected) === foundMs;
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
