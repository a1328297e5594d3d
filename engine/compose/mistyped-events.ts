/**
 * Handlers that nothing will ever call: KumoMTA takes any name in `kumo.on`, since constructors have
 * names of one's own, and so says nothing about a mistyped event.
 */
import { EVENTS } from '../policy/event-reference.ts';
import { nearest } from '../search/nearest.ts';

const KNOWN: readonly string[] = EVENTS.map(({ name }) => name);

/** @returns a sentence for whoever wrote the policy, null when each name can be meant */
export function mistypedEvents(registered: readonly string[]): string | null {
  const doubts = registered.flatMap((name) => {
    if (KNOWN.includes(name)) return [];
    const [meant] = nearest(name, KNOWN);
    return meant === undefined ? [] : [`"${name}" is no event, did you mean ${meant}?`];
  });
  return doubts.length === 0 ? null : `policy: ${doubts.join(' ')}`;
}
