/** Keeping and clearing mail: messages as a file, attachments as one, all that is shown away. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import { saveFrom } from '../format/save.ts';
import type { Postyard } from '../state/postyard.svelte.ts';
import { seqsOf } from './mail.ts';

/** All of them stand in one address. */
const MBOX_MESSAGES_MAX = 1_000;
/** Rows that come back by one request. */
const UNDELETE_MAX = 10_000;

async function saveMessages(yard: Postyard): Promise<void> {
  const seqs = [...seqsOf(yard)].toSorted((a, b) => a - b);
  const [seq] = seqs;
  if (seq === undefined) return;
  if (seqs.length === 1) {
    const { url } = await yard.api.link({ seq, what: 'source' });
    saveFrom(url, `message-${seq}.eml`);
  } else {
    const { url } = await yard.api.link({ what: 'mbox', seqs: seqs.join(',') });
    saveFrom(url, `messages-${seqs.length}.mbox`);
  }
}

async function deleteShown(yard: Postyard): Promise<void> {
  const { mail, mailCursor, opened, toasts, api } = yard;
  toasts.say(`Deleting ${counted(mail.total.value, 'message')}…`);
  const { seqs } = await api.deleteMessages({ filter: mail.filter });
  mailCursor.clearSelection();
  opened.close();
  await mail.reload('to-top');
  toasts.say(`Deleted ${counted(seqs.length, 'message')}`, () => {
    void (async () => {
      for (let at = 0; at < seqs.length; at += UNDELETE_MAX)
        await api.undeleteRows({ seqs: seqs.slice(at, at + UNDELETE_MAX) });
      await mail.reload('to-top');
    })().catch((cause: unknown) => toasts.fail(cause));
  });
}

export const SAVE_ACTIONS: readonly Action[] = [
  {
    id: 'save-messages',
    label: 'Save as .eml or .mbox',
    cli: 'mail save FILE.mbox FILTER',
    group: 'This message',
    keys: ['e'],
    screens: ['mail'],
    icon: 'download',
    hint: (yard) => {
      const { length } = seqsOf(yard);
      return length > 1 ? `${counted(length, 'message')} in one .mbox` : '.eml';
    },
    refusal: (yard) => {
      const { length } = seqsOf(yard);
      if (length === 0) return 'No message is chosen';
      return length > MBOX_MESSAGES_MAX ? `At most ${MBOX_MESSAGES_MAX} at once` : null;
    },
    run: saveMessages,
  },
  {
    id: 'save-attachments',
    label: 'Save all attachments',
    group: 'This message',
    screens: ['mail', 'maildir'],
    icon: 'download',
    hint: (yard) => {
      const count = yard.opened.detail?.attachments.length ?? 0;
      return count === 0 ? '' : `${count} in one .zip`;
    },
    refusal: (yard) =>
      (yard.opened.detail?.attachments.length ?? 0) === 0 ? 'No attachments are open' : null,
    run: async (yard) => {
      const seq = yard.opened.seq;
      if (seq === null) return;
      const { url } = await yard.api.link({ what: 'attachments', seq });
      saveFrom(url, `message-${seq}-attachments.zip`);
    },
  },
  {
    id: 'delete-shown',
    label: 'Delete all that is listed',
    cli: 'mail delete FILTER',
    group: 'List',
    screens: ['mail'],
    icon: 'trash',
    hint: (yard) => counted(yard.mail.total.value, 'message'),
    refusal: (yard) => (yard.mail.total.value === 0 ? 'Nothing is listed' : null),
    run: deleteShown,
  },
];
