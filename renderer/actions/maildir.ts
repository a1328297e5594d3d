/** Flags of messages on disk: read, flagged, trashed. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import type { IconName } from '../parts/icons.ts';
import type { Flag } from '../state/maildirs.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

function chosen(yard: Postyard): readonly string[] {
  return yard.maildirCursor.chosen;
}

/** On when any of the chosen ones is without it, as a checkbox over several would do. */
function nextSet(yard: Postyard, flag: Flag): 'add' | 'remove' {
  const uniques = new Set(chosen(yard));
  const messages = yard.maildirs.messages.filter(({ unique }) => uniques.has(unique));
  return messages.every(({ flags }) => flags.includes(flag)) ? 'remove' : 'add';
}

function flagAction(
  id: string,
  label: string,
  keys: readonly string[],
  icon: IconName,
  flag: Flag,
  words: Readonly<Record<'add' | 'remove', string>>,
): Action {
  return {
    id,
    label,
    keys,
    icon,
    group: 'This message',
    lists: ['maildir'],
    hint: (yard) => (chosen(yard).length > 1 ? counted(chosen(yard).length, 'message') : ''),
    refusal: (yard) => (chosen(yard).length === 0 ? 'No message is chosen' : null),
    run: async (yard) => {
      const uniques = [...chosen(yard)];
      const set = nextSet(yard, flag);
      await yard.maildirs.setFlag(uniques, flag, set);
      yard.toasts.say(`${words[set]} ${counted(uniques.length, 'message')}`, () => {
        void yard.maildirs.setFlag(uniques, flag, set === 'add' ? 'remove' : 'add');
      });
    },
  };
}

export const MAILDIR_ACTIONS: readonly Action[] = [
  flagAction('mark-read', 'Mark read or unread', ['u'], 'mail', 'S', {
    add: 'Marked read:',
    remove: 'Marked unread:',
  }),
  flagAction('mark-flagged', 'Flag or unflag', ['s'], 'flag', 'F', {
    add: 'Flagged',
    remove: 'Took the flag from',
  }),
  flagAction('mark-trashed', 'Trash or restore', ['#', 'Delete'], 'trash', 'T', {
    add: 'Trashed',
    remove: 'Restored',
  }),
];
