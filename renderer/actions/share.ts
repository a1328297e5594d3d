/** Messages as one file that opens elsewhere, and the way back: opening one. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import { saveFrom } from '../format/save.ts';
import type { Postyard } from '../state/postyard.svelte.ts';
import { seqsOf } from './mail.ts';

export const SHARE_ENDING = '.postyard';
/** Of one file; the engine refuses more, too. */
const ROWS_MAX = 1_000;

async function share(
  yard: Postyard,
  request: Parameters<Postyard['api']['share']>[0],
): Promise<void> {
  const { blob, filename } = await yard.api.share(request);
  const url = URL.createObjectURL(blob);
  saveFrom(url, filename);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  yard.toasts.say(`Saved ${filename}: credentials are masked, messages are exact`);
}

const chosen = (yard: Postyard): string => counted(seqsOf(yard).length, 'message');

function refusal(yard: Postyard): string | null {
  const { length } = seqsOf(yard);
  if (length === 0) return 'No message is chosen';
  return length > ROWS_MAX ? `At most ${ROWS_MAX} at once` : null;
}

/** @throws what the engine says is wrong with it */
export async function openSharedFile(yard: Postyard, file: File): Promise<void> {
  const { url } = await yard.api.openShared(file);
  // A blocked window can still be opened: by hand, from the toast's address.
  if (window.open(url, '_blank') === null) await navigator.clipboard.writeText(url);
  yard.toasts.say(`${file.name} is open in a window of its own`);
}

export const SHARE_ACTIONS: readonly Action[] = [
  {
    id: 'share-messages',
    label: 'Share as a file',
    cli: 'share FILE.postyard --id N',
    group: 'This message',
    keys: ['S'],
    screens: ['mail'],
    icon: 'share',
    hint: (yard) => `${chosen(yard)}, the policy by its hash`,
    refusal,
    run: (yard) => share(yard, { seqs: seqsOf(yard) }),
  },
  {
    id: 'share-with-policy',
    label: 'Share as a file, with the policy’s texts',
    cli: 'share FILE.postyard --id N --with-policy',
    group: 'This message',
    screens: ['mail'],
    icon: 'share',
    hint: (yard) => `${chosen(yard)}, secrets of the policy masked`,
    refusal,
    run: (yard) => share(yard, { seqs: seqsOf(yard), withPolicy: true }),
  },
  {
    id: 'share-listed',
    label: 'Share all that is listed as a file',
    cli: 'share FILE.postyard --query FILTER',
    group: 'List',
    screens: ['mail'],
    icon: 'share',
    hint: (yard) => counted(yard.mail.total.value, 'message'),
    refusal: (yard) => {
      const { value } = yard.mail.total;
      if (value === 0) return 'Nothing is listed';
      return value > ROWS_MAX ? `At most ${ROWS_MAX} at once: narrow the filter` : null;
    },
    run: (yard) => share(yard, { filter: yard.mail.filter }),
  },
  {
    id: 'open-shared',
    label: 'Open a shared file…',
    group: 'Window',
    icon: 'file',
    run: (yard) => {
      const field = document.createElement('input');
      field.type = 'file';
      field.accept = SHARE_ENDING;
      field.onchange = () => {
        const file = field.files?.[0];
        if (file) openSharedFile(yard, file).catch((cause: unknown) => yard.toasts.fail(cause));
      };
      field.click();
    },
  },
  {
    id: 'shared-facts',
    label: 'What is in this file',
    group: 'Go to',
    keys: ['g i'],
    icon: 'file',
    refusal: (yard) => (yard.engine.shared ? null : 'This is a running engine, no shared file'),
    run: (yard) => yard.place.openOverlay('shared'),
  },
];
