/**
 * What holds back the mail of a path, as the admin API lists it: for each kind of limit the one
 * that is reached first, and whose it is.
 *
 * Source: reference `http-logs-reception.md` §2.7, §2.9.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { EgressPathConfig, ThrottleSpec } from '../policy/settings.ts';

type Origin =
  { readonly kind: 'primary' } | { readonly kind: 'additional' | 'other'; readonly name: string };

interface Ceiling<T> {
  readonly limit: T;
  readonly origin: Origin;
}

const PRIMARY: Origin = { kind: 'primary' };

/** @param queueRate `max_message_rate` of a scheduled queue that feeds the path, when one is meant */
export function egressConstraints(
  path: EgressPathConfig,
  queueRate: ThrottleSpec | null = null,
): JsonObject {
  const dispatchers = lowest(
    [
      { limit: path.connectionLimit, origin: PRIMARY },
      ...additional(path.additionalConnectionLimits),
    ],
    (limit) => limit,
  );
  const own = rateOf(path.maxMessageRate, path.additionalMessageRateThrottles);
  const shared: Origin = { kind: 'other', name: 'scheduled queue max_message_rate' };
  const messages = lowest(
    [...own, ...(queueRate === null ? [] : [{ limit: queueRate, origin: shared }])],
    perMs,
  );
  const declared = lowest(own, perMs);
  const connections = lowest(rateOf(path.maxConnectionRate, {}), perMs);
  const selections = lowest(
    rateOf(path.sourceSelectionRate, path.additionalSourceSelectionRates),
    perMs,
  );
  return {
    ...(dispatchers && {
      max_concurrent_dispatchers: json(dispatchers, (limit) => limit),
    }),
    ...(messages && { max_message_rate: json(messages, textOf) }),
    ...(messages?.origin === shared &&
      declared && { max_message_rate_declared: declared.limit.text }),
    ...(connections && { max_connection_rate: json(connections, textOf) }),
    ...(selections && { max_source_selection_rate: json(selections, textOf) }),
  };
}

function additional<T>(limits: Readonly<Record<string, T>>): Ceiling<T>[] {
  return Object.entries(limits).map(([name, limit]) => ({
    limit,
    origin: { kind: 'additional', name },
  }));
}

function rateOf(
  own: ThrottleSpec | null,
  others: Readonly<Record<string, ThrottleSpec>>,
): Ceiling<ThrottleSpec>[] {
  return [...(own === null ? [] : [{ limit: own, origin: PRIMARY }]), ...additional(others)];
}

/** The first of the lowest ones. */
function lowest<T>(
  ceilings: readonly Ceiling<T>[],
  measure: (limit: T) => number,
): Ceiling<T> | null {
  return ceilings.reduce<Ceiling<T> | null>(
    (least, one) => (least === null || measure(one.limit) < measure(least.limit) ? one : least),
    null,
  );
}

function perMs({ limit, periodMs }: ThrottleSpec): number {
  return limit / periodMs;
}

function textOf({ text }: ThrottleSpec): string {
  return text;
}

function json<T>({ limit, origin }: Ceiling<T>, show: (limit: T) => JsonValue): JsonObject {
  const value = show(limit);
  return { value, source: { ...origin }, display: String(value) };
}
