/** The connection plan of an attempt, as a part of the Journey. */
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

/** Why this port: `smtp_port` of the path unless somebody said otherwise. */
export const PORT_RULES: Readonly<Record<string, string>> = {
  remote_port: 'port by remote_port of the source',
  entry: 'port by its entry in the list',
  smtp_port: 'port by smtp_port of the path',
};

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
    result:
      address !== '' && attempt.peer?.includes(address) ? 'used' : (PORT_RULES[text(rule)] ?? ''),
    durationMs: null,
    source: null,
  };
}

export function text(value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}

export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
