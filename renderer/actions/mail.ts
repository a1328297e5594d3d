/** What can be done with recipient rows. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import { desktopShell } from '../shell.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const WAITING = new Set(['queued', 'deferred']);

/** The rows an action is about: the chosen ones of the list, or the one that is open. */
export function seqsOf(yard: Postyard): readonly number[] {
  const { chosen } = yard.mailCursor;
  if (chosen.length > 0) return chosen;
  return yard.opened.seq === null ? [] : [yard.opened.seq];
}

function waitingIds(yard: Postyard): string[] {
  const ids: string[] = [];
  for (const seq of seqsOf(yard)) {
    const row = yard.mail.rowOf(seq) ?? yard.opened.row;
    if (row?.messageId && WAITING.has(row.state)) ids.push(row.messageId);
  }
  return ids;
}

async function deleteRows(yard: Postyard): Promise<void> {
  const seqs = [...seqsOf(yard)];
  const { mail, mailCursor, opened, toasts, api } = yard;
  const isOpenGone = opened.seq !== null && seqs.includes(opened.seq);
  const wasOpen = opened.seq;
  mail.takeAway(new Set(seqs));
  mailCursor.clearSelection();
  const { current } = mailCursor;
  if (current !== null && seqs.includes(current)) {
    mailCursor.stepOff(seqs.filter((seq) => seq > current).length);
  }
  if (isOpenGone) {
    const next = mailCursor.current;
    if (next === null) opened.close();
    else opened.open(next, mail.rowOf(next));
  }
  await api.deleteRows({ seqs });
  toasts.say(`Deleted ${counted(seqs.length, 'message')}`, () => {
    void (async () => {
      await api.undeleteRows({ seqs });
      await mail.reload('in-place');
      if (isOpenGone && wasOpen !== null) yard.openRow(wasOpen);
    })().catch((cause: unknown) => toasts.fail(cause));
  });
}

export const MAIL_ACTIONS: readonly Action[] = [
  {
    id: 'delete',
    label: 'Delete',
    group: 'This message',
    keys: ['#', 'Delete'],
    lists: ['mail'],
    icon: 'trash',
    hint: (yard) => {
      const { length } = seqsOf(yard);
      return length > 1 ? counted(length, 'message') : '';
    },
    refusal: (yard) => (seqsOf(yard).length === 0 ? 'No message is chosen' : null),
    run: deleteRows,
  },
  {
    id: 'deliver-now',
    label: 'Deliver now',
    cli: 'queue deliver --id ID',
    group: 'This message',
    keys: ['d'],
    screens: ['mail'],
    icon: 'play',
    refusal: (yard) => {
      if (seqsOf(yard).length === 0) return 'No message is chosen';
      return waitingIds(yard).length === 0 ? 'Not queued any more' : null;
    },
    run: async (yard) => {
      const messageIds = waitingIds(yard);
      const { text } = await yard.queues.act({ verb: 'deliver-now', messageIds });
      yard.toasts.say(text);
    },
  },
  {
    id: 'bounce-message',
    label: 'Bounce',
    cli: 'queue bounce --id ID',
    group: 'This message',
    screens: ['mail'],
    icon: 'bounce',
    refusal: (yard) => {
      if (seqsOf(yard).length === 0) return 'No message is chosen';
      return waitingIds(yard).length === 0 ? 'Not queued any more' : null;
    },
    run: async (yard) => {
      const messageIds = waitingIds(yard);
      const reason = 'bounced from the window';
      const { text } = await yard.queues.act({ verb: 'bounce', messageIds, reason });
      yard.toasts.say(text);
    },
  },
  {
    id: 'show-queue',
    label: 'Show its queue',
    group: 'This message',
    screens: ['mail'],
    icon: 'queues',
    hint: (yard) => yard.mail.rowOf(seqsOf(yard)[0] ?? -1)?.queue ?? '',
    refusal: (yard) => (waitingIds(yard).length === 0 ? 'Not queued any more' : null),
    run: (yard) => {
      const queue = yard.mail.rowOf(seqsOf(yard)[0] ?? -1)?.queue;
      if (!queue) return;
      yard.queues.setFilter('');
      yard.openQueue(queue);
      yard.scheduledCursor.put(queue);
      yard.goTo('queues');
    },
  },
  {
    id: 'show-maildir',
    label: 'Show its maildir',
    group: 'This message',
    screens: ['mail'],
    icon: 'folder',
    hint: (yard) => {
      const { detail } = yard.opened;
      return detail?.row.seq === seqsOf(yard)[0] ? (detail?.maildir?.path ?? '') : '';
    },
    refusal: (yard) => {
      const seq = seqsOf(yard)[0];
      if (seq === undefined) return 'No message is chosen';
      // Of rows that are not open it is known only where they were delivered to.
      const isIn =
        yard.opened.detail?.row.seq === seq
          ? yard.opened.detail.maildir !== null
          : yard.mail.rowOf(seq)?.state === 'delivered';
      return isIn ? null : 'Not in a maildir';
    },
    run: async (yard) => {
      const seq = seqsOf(yard)[0];
      if (seq === undefined) return;
      const { detail } = yard.opened;
      const { maildir } = detail?.row.seq === seq ? detail : await yard.api.row(seq);
      if (maildir) yard.openMaildir(maildir.path);
      else yard.toasts.say('It was not delivered to a maildir');
    },
  },
  ...(desktopShell() === null ? [] : [revealAction()]),
  {
    id: 'follow',
    label: 'Follow new mail',
    group: 'List',
    keys: ['f'],
    screens: ['mail'],
    icon: 'follow',
    hint: (yard) => (yard.mail.pinned === 'no' ? 'on' : 'pinned'),
    run: async (yard) => {
      if (yard.mail.pinned === 'no') yard.mail.pin('by-choice');
      else await yard.mail.follow();
    },
  },
];

/** Only where the desktop shell can do it. */
function revealAction(): Action {
  return {
    id: 'reveal',
    label: 'Reveal in maildir',
    group: 'This message',
    keys: ['Shift+Enter'],
    screens: ['mail', 'maildir'],
    icon: 'open',
    hint: (yard) => yard.opened.detail?.maildir?.path ?? '',
    refusal: (yard) => (yard.opened.detail?.maildir?.isOnDisk ? null : 'Not on disk'),
    run: async (yard) => {
      const place = yard.opened.detail?.maildir;
      if (place) await desktopShell()?.reveal(`${place.path}/${place.file ?? ''}`);
    },
  };
}
