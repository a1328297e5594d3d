/** What an attempt's details say about where it went and why, as Journey parts and steps. */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { AttemptRead } from '../store/journey-reads.ts';
import type { JourneyPart, JourneyStep } from './protocol.ts';

/** The connection plan; null when the protocol has none, or when it equals what the attempt says. */
export function planPart(attempt: AttemptRead): JourneyPart | null {
  const plan = attempt.details['plan'];
  if (!Array.isArray(plan) || plan.length === 0) return null;
  return {
    kind: 'plan',
    atMs: attempt.startedMs,
    title: 'Connection plan',
    detail: [
      attempt.pool !== null && `pool ${attempt.pool}`,
      attempt.source !== null && `source ${attempt.source}`,
    ]
      .filter(Boolean)
      .join(', '),
    durationMs: null,
    state: null,
    code: null,
    steps: plan.map((entry, index) => planStep(entry, index, attempt)),
    source: null,
  };
}

function planStep(entry: JsonValue, index: number, attempt: AttemptRead): JourneyStep {
  const fields = isObject(entry) ? entry : { name: String(entry) };
  const address = [fields['ip'] ?? fields['addr'], fields['port']]
    .filter((value) => value !== undefined && value !== null)
    .join(':');
  const rule = fields['portFrom'];
  return {
    kind: 'line',
    offsetMs: null,
    what: String(index + 1),
    text: `${text(fields['name'])} ${address}`.trim(),
    result: address !== '' && attempt.peer?.includes(address) ? 'used' : text(rule),
    durationMs: null,
    source: null,
  };
}

/** Keys that have a place of their own in the Journey. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['plan', 'arithmetic']);

/** Everything else that the details say, one line each, in words when they are words. */
export function detailSteps(attempt: AttemptRead): JourneyStep[] {
  return Object.entries(attempt.details)
    .filter(([key, value]) => !SHOWN_ELSEWHERE.has(key) && value !== null)
    .map(([key, value]) => ({
      kind: 'why' as const,
      offsetMs: null,
      what: '',
      text: `${words(key)}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      result: '',
      durationMs: null,
      source: null,
    }));
}

/** `capturedInstead` as `captured instead`. */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');
}

function text(value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
