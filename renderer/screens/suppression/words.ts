/** What the modes mean, in the words of the screen and of the presentation. */
import type { SuppressionMode } from '../../../engine/api/protocol.ts';
import type { Way } from '../../state/suppression-demo.svelte.ts';

export const WHAT_IT_DOES: Readonly<Record<SuppressionMode, string>> = {
  off: 'The list is not asked.',
  reject: 'Refused at end of DATA. The app is told at once.',
  null: 'Accepted and discarded. The app believes it was sent.',
  bounce: 'Accepted, then bounced by Lua. A Bounce record is written.',
};

export const THE_LOG_TELLS: Readonly<Record<Way, string>> = {
  reject: 'that it was refused',
  null: 'nothing: no record says why',
  bounce: 'the bounce and its reason',
};

export const APP_RETRIES: Readonly<Record<Way, string>> = {
  reject: 'no, 5xx is final',
  null: 'no',
  bounce: 'no',
};
