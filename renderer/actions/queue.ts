/** What can be done with queues and with the messages that wait in them. */
import type { Action } from '../actions.ts';
import type { MenuItem } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

/** Reasons people bounce mail for, so that a record can say more than that somebody did. */
const BOUNCE_REASONS = ['cleaning up', 'wrong recipient', 'test is over', 'policy changed'];

function queueName(yard: Postyard): string | null {
  return yard.queues.opened ?? yard.scheduledCursor.current;
}

/** The message under the cursor of the opened queue; without one, actions are about all of it. */
function chosenIds(yard: Postyard): readonly string[] {
  return yard.queues.opened === null ? [] : yard.messageCursor.chosen;
}

function isSuspended(yard: Postyard): boolean {
  const name = queueName(yard);
  return yard.queues.scheduled.some((queue) => queue.name === name && queue.suspended !== null);
}

const needsQueue = (yard: Postyard): string | null =>
  queueName(yard) === null ? 'No queue is chosen' : null;

function bounceItems(yard: Postyard): readonly MenuItem[] {
  const queue = queueName(yard);
  const messageIds = chosenIds(yard);
  return BOUNCE_REASONS.map((reason, index) => ({
    kind: 'choice',
    label: reason,
    letter: String(index + 1),
    run: () => {
      const what = messageIds.length > 0 ? { messageIds } : queue === null ? {} : { queue };
      yard.queues
        .act({ verb: 'bounce', reason, ...what })
        .then((text) => yard.toasts.say(text))
        .catch((cause: unknown) => yard.toasts.fail(cause));
    },
  }));
}

export const QUEUE_ACTIONS: readonly Action[] = [
  {
    id: 'queue-deliver-now',
    label: 'Deliver now',
    group: 'This queue',
    keys: ['d'],
    screens: ['queues'],
    icon: 'play',
    hint: (yard) => (chosenIds(yard).length > 0 ? 'the chosen message' : (queueName(yard) ?? '')),
    refusal: needsQueue,
    run: async (yard) => {
      const messageIds = chosenIds(yard);
      const queue = queueName(yard);
      if (queue === null) return;
      const what = messageIds.length > 0 ? { messageIds } : { queue };
      yard.toasts.say(await yard.queues.act({ verb: 'deliver-now', ...what }));
    },
  },
  {
    id: 'queue-deliver-all',
    label: 'Deliver the whole queue now',
    group: 'This queue',
    keys: ['D'],
    screens: ['queues'],
    icon: 'play',
    hint: (yard) => queueName(yard) ?? '',
    refusal: needsQueue,
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue !== null) {
        yard.toasts.say(await yard.queues.act({ verb: 'deliver-now', queue }));
      }
    },
  },
  {
    id: 'queue-suspend',
    label: 'Suspend',
    group: 'This queue',
    keys: ['s'],
    screens: ['queues'],
    icon: 'pause',
    refusal: (yard) => needsQueue(yard) ?? (isSuspended(yard) ? 'It is suspended' : null),
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue === null) return;
      const reason = 'suspended from the window';
      const text = await yard.queues.act({ verb: 'suspend', queue, reason });
      yard.toasts.say(text, () => void yard.queues.act({ verb: 'resume', queue }));
    },
  },
  {
    id: 'queue-resume',
    label: 'Resume',
    group: 'This queue',
    keys: ['S'],
    screens: ['queues'],
    icon: 'play',
    refusal: (yard) => needsQueue(yard) ?? (isSuspended(yard) ? null : 'It is not suspended'),
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue !== null) yard.toasts.say(await yard.queues.act({ verb: 'resume', queue }));
    },
  },
  {
    id: 'queue-bounce',
    label: 'Bounce…',
    group: 'This queue',
    keys: ['b'],
    screens: ['queues'],
    icon: 'bounce',
    hint: (yard) => (chosenIds(yard).length > 0 ? 'the chosen message' : (queueName(yard) ?? '')),
    refusal: needsQueue,
    run: (yard) => {
      const box = document.querySelector("[data-action='queue-bounce']")?.getBoundingClientRect();
      yard.place.openMenu({
        label: 'Bounce with the reason',
        items: bounceItems(yard),
        x: box?.left ?? 400,
        y: (box?.bottom ?? 300) + 4,
      });
    },
  },
];
