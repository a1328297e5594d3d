/** What can be done with queues and with the messages that wait in them. */
import type { QueueAction } from '../../engine/api/protocol.ts';
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

const about = (yard: Postyard): string =>
  chosenIds(yard).length > 0 ? 'the chosen message' : (queueName(yard) ?? '');

const needsQueue = (yard: Postyard): string | null =>
  queueName(yard) === null ? 'No queue is chosen' : null;

/** Does it, says what came of it, and offers the way back when there is one. */
async function act(yard: Postyard, action: QueueAction): Promise<void> {
  const { text, undo } = await yard.queues.act(action);
  const back = undo ?? null;
  yard.toasts.say(text, back === null ? null : () => void start(yard, back));
}

/** The same from a menu, where nobody waits for it. */
function start(yard: Postyard, action: QueueAction): void {
  act(yard, action).catch((cause: unknown) => yard.toasts.fail(cause));
}

/** What an action is about: the chosen messages, else the whole queue. */
function meant(yard: Postyard): { messageIds: readonly string[] } | { queue: string } | null {
  const messageIds = chosenIds(yard);
  if (messageIds.length > 0) return { messageIds };
  const queue = queueName(yard);
  return queue === null ? null : { queue };
}

function openUnder(yard: Postyard, id: string, label: string, items: readonly MenuItem[]): void {
  const box = document.querySelector(`[data-action='${id}']`)?.getBoundingClientRect();
  yard.place.openMenu({ label, items, x: box?.left ?? 400, y: (box?.bottom ?? 300) + 4 });
}

const MINUTE_MS = 60_000;
const WAITS: readonly (readonly [string, number])[] = [
  ['At the next tick', 0],
  ['In 1 minute', MINUTE_MS],
  ['In 10 minutes', 10 * MINUTE_MS],
  ['In 1 hour', 60 * MINUTE_MS],
  ['In 6 hours', 360 * MINUTE_MS],
  ['In 1 day', 1440 * MINUTE_MS],
];

function dueItems(yard: Postyard): readonly MenuItem[] {
  return WAITS.map(([label, inMs], index) => ({
    kind: 'choice',
    label,
    letter: String(index + 1),
    run: () => {
      const what = meant(yard);
      if (what) start(yard, { verb: 'set-due', inMs, ...what });
    },
  }));
}

function rebindTo(yard: Postyard, meta: 'queue' | 'routing_domain', text: string): void {
  const what = meant(yard);
  const reason = 'rebound from the window';
  if (what) start(yard, { verb: 'rebind', data: { [meta]: text }, reason, ...what });
}

function askRebind(yard: Postyard, meta: 'queue' | 'routing_domain'): void {
  const names = yard.queues.names.filter((name) => name !== queueName(yard));
  yard.place.ask({
    label: meta === 'queue' ? 'Rebind to the queue' : 'Rebind with the routing domain',
    verb: 'Rebind',
    value: '',
    placeholder:
      meta === 'queue' ? 'campaign:tenant@domain!routing_domain' : 'smarthost.example.net',
    hint:
      meta === 'queue'
        ? 'Sets the meta queue; the messages are due there at once.'
        : 'Sets the meta routing_domain; the queue becomes domain!routing_domain.',
    suggestions: meta === 'queue' ? names : [],
    check: (text) =>
      text === '' ? 'A name is missing' : /\s/.test(text) ? 'A name has no spaces' : null,
    run: (text) => rebindTo(yard, meta, text),
  });
}

function rebindItems(yard: Postyard): readonly MenuItem[] {
  const ask = (meta: 'queue' | 'routing_domain') => (): void => askRebind(yard, meta);
  return [
    { kind: 'choice', label: 'To another queue…', letter: '1', run: ask('queue') },
    { kind: 'choice', label: 'Another routing domain…', letter: '2', run: ask('routing_domain') },
    { kind: 'line' },
    {
      kind: 'choice',
      label: 'To the null queue',
      letter: '3',
      hint: 'discards them',
      run: () => rebindTo(yard, 'queue', 'null'),
    },
  ];
}

function isBouncing(yard: Postyard): boolean {
  const name = queueName(yard);
  return yard.queues.scheduled.some((queue) => queue.name === name && queue.bouncing !== null);
}

function bounceItems(yard: Postyard): readonly MenuItem[] {
  const what = meant(yard);
  return BOUNCE_REASONS.map((reason, index) => ({
    kind: 'choice',
    label: reason,
    letter: String(index + 1),
    run: () => start(yard, { verb: 'bounce', reason, ...what }),
  }));
}

export const QUEUE_ACTIONS: readonly Action[] = [
  {
    id: 'queue-deliver-now',
    label: 'Deliver now',
    cli: 'queue deliver --id ID',
    group: 'This queue',
    keys: ['d'],
    screens: ['queues'],
    icon: 'play',
    hint: about,
    refusal: needsQueue,
    run: async (yard) => {
      const what = meant(yard);
      if (what) await act(yard, { verb: 'deliver-now', ...what });
    },
  },
  {
    id: 'queue-deliver-all',
    label: 'Deliver the whole queue now',
    cli: 'queue deliver NAME',
    group: 'This queue',
    keys: ['D'],
    screens: ['queues'],
    icon: 'play',
    hint: (yard) => queueName(yard) ?? '',
    refusal: needsQueue,
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue !== null) await act(yard, { verb: 'deliver-now', queue });
    },
  },
  {
    id: 'queue-suspend',
    label: 'Suspend',
    cli: 'queue suspend NAME',
    group: 'This queue',
    keys: ['s'],
    screens: ['queues'],
    icon: 'pause',
    refusal: (yard) => needsQueue(yard) ?? (isSuspended(yard) ? 'It is suspended' : null),
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue === null) return;
      const reason = 'suspended from the window';
      await act(yard, { verb: 'suspend', queue, reason });
    },
  },
  {
    id: 'queue-resume',
    label: 'Resume',
    cli: 'queue resume NAME',
    group: 'This queue',
    keys: ['S'],
    screens: ['queues'],
    icon: 'play',
    refusal: (yard) => needsQueue(yard) ?? (isSuspended(yard) ? null : 'It is not suspended'),
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue !== null) await act(yard, { verb: 'resume', queue });
    },
  },
  {
    id: 'queue-bounce',
    label: 'Bounce…',
    cli: 'queue bounce NAME',
    group: 'This queue',
    keys: ['b'],
    screens: ['queues'],
    icon: 'bounce',
    hint: about,
    refusal: needsQueue,
    run: (yard) => openUnder(yard, 'queue-bounce', 'Bounce with the reason', bounceItems(yard)),
  },
  {
    id: 'queue-stop-bounce',
    label: 'Stop bouncing',
    cli: 'queue stop-bounce NAME',
    group: 'This queue',
    screens: ['queues'],
    icon: 'bounce',
    refusal: (yard) => needsQueue(yard) ?? (isBouncing(yard) ? null : 'It is not bouncing'),
    run: async (yard) => {
      const queue = queueName(yard);
      if (queue !== null) await act(yard, { verb: 'stop-bounce', queue });
    },
  },
  {
    id: 'queue-rebind',
    label: 'Rebind…',
    cli: 'queue rebind NAME --routing-domain D',
    group: 'This queue',
    keys: ['m'],
    screens: ['queues'],
    icon: 'plan',
    hint: about,
    refusal: needsQueue,
    run: (yard) => openUnder(yard, 'queue-rebind', 'Rebind', rebindItems(yard)),
  },
  {
    id: 'queue-due',
    label: 'Change the due time…',
    cli: 'queue due NAME --in DURATION',
    group: 'This queue',
    keys: ['w'],
    screens: ['queues'],
    icon: 'clock',
    hint: about,
    refusal: needsQueue,
    run: (yard) => openUnder(yard, 'queue-due', 'Due', dueItems(yard)),
  },
];
