/** Captured messages sent on by hand. */
import type { ReleaseRequest } from '../../engine/api/protocol.ts';
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import type { Postyard } from '../state/postyard.svelte.ts';
import { seqsOf } from './mail.ts';

/** The engine refuses more, too. */
const ROWS_MAX = 1_000;
/** Destinations that are remembered. */
const PLACES_MAX = 8;

/**
 * Says what came of it, and remembers where it went.
 * @throws what the engine says is wrong with it, or with all of them; nothing was queued
 */
export async function release(yard: Postyard, request: ReleaseRequest): Promise<void> {
  const { released, to, failed } = await yard.api.release(request);
  const { releasePlaces } = yard.preferences.chosen;
  const others = releasePlaces.filter((place) => place !== request.to);
  yard.preferences.change({ releasePlaces: [request.to, ...others].slice(0, PLACES_MAX) });
  const [first] = failed;
  if (first && released === 0) throw new Error(`Nothing was released: ${first.text}`);
  const trouble = first ? `; ${counted(failed.length, 'message')} not: ${first.text}` : '';
  yard.toasts.say(`Released ${counted(released, 'copy', 'copies')} to ${to}${trouble}`);
}

function hasNoData(yard: Postyard): boolean {
  const [seq] = seqsOf(yard);
  return seq !== undefined && (yard.mail.rowOf(seq) ?? yard.opened.row)?.sizeBytes === 0;
}

export const RELEASE_ACTIONS: readonly Action[] = [
  {
    id: 'release-messages',
    label: 'Release…',
    cli: 'mail release ROW --to HOST:PORT|ROUTE',
    group: 'This message',
    keys: ['R'],
    screens: ['mail'],
    icon: 'leaves',
    hint: (yard) => {
      const { length } = seqsOf(yard);
      return length > 1 ? `${counted(length, 'copy', 'copies')} to a server` : 'a copy to a server';
    },
    refusal: (yard) => {
      const { length } = seqsOf(yard);
      if (length === 0) return 'No message is chosen';
      if (length === 1 && hasNoData(yard)) return 'No data arrived for it';
      return length > ROWS_MAX ? `At most ${ROWS_MAX} at once` : null;
    },
    run: (yard) => yard.place.openOverlay('release'),
  },
];
