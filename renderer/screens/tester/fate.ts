/** What would become of a recipient: in a sentence, and as the lines of the comparison. Pure. */
import type { ExplainedRecipient } from '../../../engine/api/protocol.ts';
import { duration } from '../../format/duration.ts';

/** How many waits are told before the rest is left to the steps. */
const WAITS_SHOWN = 3;

export function fateOf(recipient: ExplainedRecipient): string {
  const { state, reply, protocol, target, maildirPath, capturedInstead } = recipient;
  switch (state) {
    case 'rejected':
    case 'aborted':
      return `Refused: ${reply.code} ${reply.text}`;
    case 'null':
      return 'Accepted and discarded';
    case 'suppressed':
      return `Suppressed: ${reply.code} ${reply.text}`;
    default:
      if (capturedInstead !== null) return `Captured instead of going to ${capturedInstead}`;
      if (maildirPath !== null) return `To the maildir ${maildirPath}`;
      if (protocol === 'lua') return `To Lua: ${target ?? ''}`;
      return target === null ? 'Queued, with nowhere to go' : `Queued for ${target}`;
  }
}

export interface FateLine {
  readonly label: string;
  readonly asIs: string;
  /** Null: there is no other case. */
  readonly whatIf: string | null;
  readonly differs: boolean;
  /** A machine said it, or reads it. */
  readonly isMono: boolean;
}

type Reading = readonly [
  label: string,
  text: (one: ExplainedRecipient) => string | null,
  look: 'words' | 'mono',
];

const READINGS: readonly Reading[] = [
  ['Reply', ({ reply }) => `${reply.code} ${replyText(reply.text)}`.trim(), 'mono'],
  ['Route', ({ route, state }) => route ?? (isAccepted(state) ? 'none, the policy decides' : null), 'words'], // prettier-ignore
  ['Queue', ({ queue }) => queue, 'mono'],
  ['Goes to', ({ maildirPath, target }) => maildirPath ?? target, 'mono'],
  ['Instead of', ({ capturedInstead }) => capturedInstead, 'mono'],
  ['First try', (one) => (one.plan.length > 0 || one.target !== null ? dueText(one) : null), 'words'], // prettier-ignore
  ['Then after', retryText, 'words'],
  ['Gives up', givesUpText, 'words'],
  ['Source', ({ pool, source }) => [pool, source].filter(Boolean).join(', ') || null, 'words'],
  ['Connects to', ({ plan }) => plan.map(({ ip, port }) => `${ip}:${port}`).join(', ') || null, 'mono'], // prettier-ignore
  ['Port from', ({ plan }) => [...new Set(plan.map(({ portFrom }) => portFrom))].join(', ') || null, 'words'], // prettier-ignore
  ['Plan', ({ planNotes }) => planNotes.join('; ') || null, 'words'],
];

/** Same lines for both, so that the eye compares sideways; a line that says nothing is left out. */
export function fateLines(
  asIs: ExplainedRecipient,
  whatIf: ExplainedRecipient | null,
): readonly FateLine[] {
  return READINGS.flatMap(([label, read, look]) => {
    const here = read(asIs);
    const there = whatIf === null ? null : read(whatIf);
    if (here === null && there === null) return [];
    return [
      {
        label,
        asIs: here ?? '–',
        whatIf: whatIf === null ? null : (there ?? '–'),
        differs: whatIf !== null && here !== there,
        isMono: look === 'mono',
      },
    ];
  });
}

function isAccepted(state: ExplainedRecipient['state']): boolean {
  return state !== 'rejected' && state !== 'aborted';
}

/** Ids are new each time: they would differ without a difference. */
function replyText(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ids=\S+/, 'ids=…');
}

function dueText({ dueInMs }: ExplainedRecipient): string {
  return dueInMs > 0 ? `in ${duration(dueInMs)}` : 'at once';
}

/** `20 m, 40 m, 1 h 20 m, …`: from each failure to the next attempt. */
function retryText({ retries }: ExplainedRecipient): string | null {
  if (retries.length === 0) return null;
  const waits = retries.map(({ afterMs }, index) => afterMs - (retries[index - 1]?.afterMs ?? 0));
  const shown = waits.slice(0, WAITS_SHOWN).map(duration);
  return [...shown, ...(waits.length > WAITS_SHOWN ? ['…'] : [])].join(', ');
}

function givesUpText({ retries }: ExplainedRecipient): string | null {
  const end = retries.find(({ expires }) => expires);
  return end === undefined ? null : `after ${duration(end.afterMs)}`;
}
