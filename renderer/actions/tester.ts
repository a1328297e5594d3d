/** What can be done in the tester, and with a captured message there. */
import type { Action } from '../actions.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const inTester = { group: 'Tester', screens: ['routes'], lists: ['tester'] } as const;
const onMessage = { group: 'This message', screens: ['mail', 'maildir'] } as const;

type Picked = Parameters<Postyard['tester']['pick']>[0];

/** The message that is chosen in Mail, or open. */
function picked(yard: Postyard): Picked | null {
  const { mail, mailCursor, opened } = yard;
  const row = mailCursor.current === null ? null : mail.rowOf(mailCursor.current);
  return row ?? opened.row;
}

const needsMessage = (yard: Postyard): string | null =>
  picked(yard) === null ? 'No message is chosen in Mail' : null;

const isOn = (yard: Postyard) => (name: string) => yard.routes.isOn(name);

async function take(yard: Postyard): Promise<void> {
  const row = picked(yard);
  if (row === null) return;
  yard.openTester();
  await yard.tester.pick(row, isOn(yard));
}

export const TESTER_ACTIONS: readonly Action[] = [
  {
    ...inTester,
    id: 'tester-explain',
    label: 'Explain',
    cli: 'explain --to ADDRESS',
    keys: ['Mod+Enter'],
    icon: 'play',
    hint: ({ tester }) => tester.recipients.join(', '),
    refusal: ({ tester }) => tester.refusal,
    run: (yard) => yard.tester.run(isOn(yard)),
  },
  {
    ...inTester,
    id: 'tester-what-if',
    label: 'What if a route were switched…',
    cli: 'explain --to ADDRESS --what-if NAME=off',
    keys: ['w'],
    icon: 'split',
    hint: ({ tester }) => tester.otherRoute,
    refusal: ({ routes }) => ((routes.list?.routes.length ?? 0) === 0 ? 'There is no route' : null),
    run: (yard) => {
      const { tester, routes } = yard;
      const choose = (route: string): void => void tester.compareWith(route, isOn(yard));
      const choices = (routes.list?.routes ?? []).map(({ route: { name, enabled } }) => ({
        kind: 'choice' as const,
        label: `route ${name} were ${enabled ? 'off' : 'on'}`,
        isChecked: tester.otherRoute === name,
        run: () => choose(name),
      }));
      const none = {
        kind: 'choice' as const,
        label: 'no other case',
        isChecked: tester.otherRoute === '',
        run: () => choose(''),
      };
      yard.place.openMenu({ label: 'What if', items: [none, ...choices], x: 420, y: 120 });
    },
  },
  {
    ...inTester,
    id: 'tester-save',
    label: 'Save as an expectation…',
    cli: 'explain --to ADDRESS --save NAME --into FILE',
    keys: ['Mod+S'],
    icon: 'flag',
    refusal: ({ tester }) =>
      tester.answered.length === 0 ? 'Nothing was explained yet' : tester.refusal,
    run: async (yard) => {
      if (yard.expectations.files === null) await yard.expectations.load();
      yard.tester.setSaving(true);
    },
  },
  {
    ...inTester,
    id: 'tester-take',
    label: 'Take the message chosen in Mail',
    keys: ['t'],
    icon: 'mail',
    hint: (yard) => picked(yard)?.to ?? '',
    refusal: needsMessage,
    run: take,
  },
  {
    ...inTester,
    id: 'tester-forget',
    label: 'Forget the message, keep the envelope',
    icon: 'close',
    hint: ({ tester }) => tester.baseName ?? '',
    refusal: ({ tester }) => (tester.baseName === null ? 'No message was taken' : null),
    run: ({ tester }) => tester.forget(),
  },
  {
    ...inTester,
    id: 'tester-clear',
    label: 'Clear the fields',
    icon: 'again',
    run: ({ tester }) => tester.clear(),
  },
  {
    ...onMessage,
    id: 'explain-message',
    label: 'Explain in the tester',
    cli: 'explain --row SEQ',
    keys: ['w'],
    icon: 'plan',
    refusal: needsMessage,
    run: take,
  },
  {
    ...onMessage,
    id: 'expect-message',
    label: 'Expect the same from now on…',
    cli: 'explain --row SEQ --save NAME',
    icon: 'flag',
    refusal: needsMessage,
    run: async (yard) => {
      await take(yard);
      await yard.expectations.load();
      if (yard.tester.answered.length > 0) yard.tester.setSaving(true);
    },
  },
];
