/** Going to screens and places. */
import type { Action } from '../actions.ts';
import { focusFilter } from '../focus.ts';
import { thousands } from '../format/size.ts';
import { countdown } from '../format/duration.ts';
import type { MailList } from '../state/mail-list.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

/** The list of recipient rows on this screen. */
function filtered(yard: Postyard): MailList {
  return yard.place.screen === 'lab' ? yard.lab.mail : yard.mail;
}

export const GO_ACTIONS: readonly Action[] = [
  {
    id: 'go-mail',
    label: 'Mail',
    group: 'Go to',
    keys: ['g m'],
    icon: 'mail',
    hint: (yard) => thousands(yard.engine.status?.mailCount ?? 0),
    run: (yard) => yard.goTo('mail'),
  },
  {
    id: 'go-queues',
    label: 'Queues',
    group: 'Go to',
    keys: ['g q'],
    icon: 'queues',
    hint: (yard) => thousands(yard.engine.status?.queued ?? 0),
    run: (yard) => yard.goTo('queues'),
  },
  {
    id: 'go-suppression',
    label: 'Suppression',
    group: 'Go to',
    keys: ['g u'],
    icon: 'suppress',
    hint: (yard) => thousands(yard.suppression.status?.count ?? 0),
    run: (yard) => yard.goTo('suppression'),
  },
  {
    id: 'go-lab',
    label: 'Lab',
    group: 'Go to',
    keys: ['g l'],
    icon: 'policy',
    run: (yard) => yard.goTo('lab'),
  },
  {
    id: 'go-routes',
    label: 'Routes',
    group: 'Go to',
    keys: ['g r'],
    icon: 'plan',
    run: (yard) => {
      yard.routes.show('routes');
      yard.goTo('routes');
    },
  },
  {
    id: 'go-tester',
    label: 'Tester: what would happen to a message',
    group: 'Go to',
    keys: ['g t'],
    icon: 'plan',
    run: (yard) => yard.openTester(),
  },
  {
    id: 'go-expectations',
    label: 'Expectations',
    group: 'Go to',
    keys: ['g e'],
    icon: 'flag',
    run: (yard) => {
      yard.routes.show('expectations');
      yard.goTo('routes');
    },
  },
  {
    id: 'go-far-ends',
    label: 'Far ends',
    group: 'Go to',
    keys: ['g f'],
    icon: 'plug',
    run: (yard) => {
      yard.routes.show('far-ends');
      yard.goTo('routes');
    },
  },
  {
    id: 'go-outgoing',
    label: 'Outgoing: what left or was refused',
    cli: 'route outgoing',
    group: 'Go to',
    icon: 'leaves',
    run: (yard) => {
      yard.routes.show('outgoing');
      yard.goTo('routes');
    },
  },
  {
    id: 'go-log',
    label: 'Log',
    group: 'Go to',
    keys: ['g o'],
    icon: 'log',
    run: (yard) => yard.goTo('log'),
  },
  {
    id: 'go-settings',
    label: 'Settings',
    group: 'Go to',
    keys: ['g ,'],
    icon: 'gear',
    run: (yard) => yard.goTo('settings'),
  },
  {
    id: 'go-dns',
    label: 'Look a name up in DNS',
    cli: 'dns NAME',
    group: 'Go to',
    keys: ['g d'],
    icon: 'search',
    run: (yard) => {
      yard.place.openSettingsGroup('dns');
      yard.goTo('settings');
    },
  },
  {
    id: 'go-next-due',
    label: 'Show what is due next',
    group: 'Go to',
    keys: ['g n'],
    icon: 'next',
    hint: (yard) => {
      const due = yard.queues.soonest;
      if (due?.nextDueMs == null) return '';
      return `in ${countdown(due.nextDueMs - yard.engine.nowMs)}: ${due.name}`;
    },
    refusal: (yard) => (yard.queues.soonest ? null : 'Nothing waits in a queue'),
    run: (yard) => {
      const due = yard.queues.soonest;
      if (!due) return;
      yard.queues.setFilter('');
      yard.openQueue(due.name);
      yard.scheduledCursor.show(due.name);
      yard.goTo('queues');
    },
  },
  {
    id: 'filter',
    label: 'Filter',
    group: 'Go to',
    keys: ['/'],
    icon: 'filter',
    run: () => focusFilter(),
  },
  {
    id: 'clear-filter',
    label: 'Clear the filter',
    group: 'Go to',
    screens: ['mail', 'lab'],
    icon: 'close',
    refusal: (yard) => (filtered(yard).filter === '' ? 'There is no filter' : null),
    run: (yard) => filtered(yard).open(''),
  },
  {
    id: 'save-view',
    label: 'Save the filter as a view…',
    group: 'Go to',
    keys: ['Mod+D'],
    screens: ['mail'],
    icon: 'filter',
    hint: (yard) => yard.mail.filter,
    refusal: (yard) => (yard.mail.filter === '' ? 'There is no filter' : null),
    run: (yard) => yard.views.askName(yard.mail.filter),
  },
];
