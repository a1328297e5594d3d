/**
 * A trace that never learns a secret argument of its call: a handler may print the password it was
 * given, put it into metadata or raise it.
 */
import type { JsonValue } from '../mail/json.ts';
import { SECRET } from './call-recorder.ts';
import type { EventCall, EventTrace } from './event-call.ts';

/** Shorter ones would take letters out of every word. */
const SECRET_CHARS_MIN = 3;

export function maskedTrace(trace: EventTrace, secrets: readonly unknown[]): EventTrace {
  const forms = secrets
    .filter((secret) => typeof secret === 'string' && secret.length >= SECRET_CHARS_MIN)
    .flatMap((secret) => [String(secret), JSON.stringify(secret).slice(1, -1)]);
  if (forms.length === 0) return trace;
  const mask = (text: string): string =>
    forms.reduce((masked, form) => masked.replaceAll(form, SECRET), text);
  return {
    elapsedMs: () => trace.elapsedMs(),
    add: (call) => trace.add(maskedCall(call, mask)),
  };
}

function maskedCall(call: EventCall, mask: (text: string) => string): EventCall {
  const { returned, raised, prints, metaChanges } = call;
  return {
    ...call,
    ...(returned && { returned: returned.map(mask) }),
    ...(raised && { raised: { ...raised, text: mask(raised.text) } }),
    prints: prints.map((print) => ({ ...print, text: mask(print.text) })),
    metaChanges: metaChanges.map((change) => ({
      ...change,
      from: change.from === undefined ? undefined : maskedValue(change.from, mask),
      to: maskedValue(change.to, mask),
    })),
  };
}

function maskedValue(value: JsonValue, mask: (text: string) => string): JsonValue {
  const text = JSON.stringify(value);
  const masked = mask(text);
  return masked === text ? value : (JSON.parse(masked) as JsonValue);
}
