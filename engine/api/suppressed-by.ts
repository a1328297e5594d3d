/** Which entry of the list stopped a row, from the calls that its transaction kept. */
import type { EventCall } from '../policy/event-call.ts';
import { JOURNEY_EVENT, NO_SENDING_DOMAIN } from '../suppression/suppression.ts';
import { MODES } from '../suppression/suppression-settings.ts';
import type { SuppressedBy } from './protocol.ts';

/** Null when it was not this engine's list: a policy may suppress on its own. */
export function suppressedByOf(
  calls: readonly EventCall[],
  recipient: string,
): SuppressedBy | null {
  for (const { event, args, returned } of calls) {
    const [to, from = NO_SENDING_DOMAIN] = args;
    const [entry, word] = returned ?? [];
    const mode = MODES.find((one) => one === word);
    if (event !== JOURNEY_EVENT || to !== recipient || entry === undefined || mode === undefined)
      continue;
    const sendingDomain = from === NO_SENDING_DOMAIN ? '' : from;
    return { entry, recipient, sendingDomain, mode };
  }
  return null;
}
