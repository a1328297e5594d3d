/** What can be done with far ends. */
import type { Action } from '../actions.ts';
import { focusList } from '../focus.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const chosen = (yard: Postyard): string | null => yard.farEndsCursor.current;
const about = (yard: Postyard): string => chosen(yard) ?? '';
const rowOf = (yard: Postyard) => yard.farEnds.rows.find(({ name }) => name === chosen(yard));

const needsFarEnd = (yard: Postyard): string | null =>
  rowOf(yard) === undefined ? 'No far end is chosen' : null;

const onFarEnds = { group: 'This far end', screens: ['routes'], lists: ['far-ends'] } as const;

export const FAR_END_ACTIONS: readonly Action[] = [
  {
    ...onFarEnds,
    id: 'far-end-new',
    label: 'New far end…',
    cli: 'far-end add NAME --preset NAME',
    keys: ['n'],
    icon: 'plus',
    run: async (yard) => {
      if (yard.farEnds.list === null) await yard.farEnds.load();
      const box = document.querySelector("[data-action='far-end-new']")?.getBoundingClientRect();
      yard.place.openMenu({
        label: 'Begin with a scenario',
        items: (yard.farEnds.list?.presets ?? []).map(({ name, what }) => ({
          kind: 'choice',
          label: name,
          hint: what,
          run: () => yard.farEnds.begin(name),
        })),
        x: (box?.right ?? 700) - 380,
        y: (box?.bottom ?? 200) + 4,
      });
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-edit',
    label: 'Edit the scenario',
    cli: 'far-end add NAME --file FILE',
    keys: ['e'],
    icon: 'gear',
    hint: about,
    refusal: needsFarEnd,
    run: (yard) => {
      yard.farEnds.choose(chosen(yard));
      yard.farEnds.show('scenario');
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-save',
    label: 'Save the far end',
    cli: 'far-end add NAME --file FILE',
    keys: ['Mod+S'],
    icon: 'check',
    refusal: ({ farEnds }) =>
      farEnds.draft === null ? 'No far end is being edited' : farEnds.draft.hindrance,
    run: async (yard) => {
      const name = await yard.farEnds.save();
      if (name === null) return;
      yard.farEndsCursor.show(name);
      focusList('far-ends');
      yard.toasts.say(`Saved the far end ${name}`);
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-toggle',
    label: 'Turn on or off',
    cli: 'far-end on|off NAME',
    keys: [' '],
    icon: 'plug',
    hint: about,
    refusal: needsFarEnd,
    run: async (yard) => {
      const row = rowOf(yard);
      if (row) await yard.farEnds.toggle(row.name, row.state === 'off');
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-reset',
    label: 'Reset what it remembers',
    cli: 'far-end reset NAME',
    keys: ['0'],
    icon: 'again',
    hint: about,
    refusal: needsFarEnd,
    run: async (yard) => {
      const name = chosen(yard);
      if (name === null) return;
      await yard.farEnds.reset(name, false);
      yard.toasts.say(`${name} remembers nothing; its counters are at zero`);
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-forget',
    label: 'Remove what it received',
    cli: 'far-end reset NAME --received',
    icon: 'trash',
    hint: about,
    refusal: (yard) =>
      needsFarEnd(yard) ?? (rowOf(yard)?.received === 0 ? 'It has received nothing' : null),
    run: async (yard) => {
      const row = rowOf(yard);
      if (!row) return;
      await yard.farEnds.reset(row.name, true);
      yard.toasts.say(`Removed ${row.received} messages that ${row.name} had received`);
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-copy',
    label: 'Copy the address',
    cli: 'far-end list',
    keys: ['y'],
    icon: 'copy',
    hint: (yard) => rowOf(yard)?.address ?? '',
    refusal: (yard) =>
      needsFarEnd(yard) ?? (rowOf(yard)?.address === null ? 'It does not listen' : null),
    run: async (yard) => {
      const address = rowOf(yard)?.address ?? '';
      await navigator.clipboard.writeText(address);
      yard.toasts.say(`Copied ${address}`);
    },
  },
  {
    ...onFarEnds,
    id: 'far-end-remove',
    label: 'Remove the far end',
    cli: 'far-end remove NAME',
    keys: ['#', 'Delete'],
    icon: 'trash',
    hint: about,
    refusal: (yard) =>
      needsFarEnd(yard) ??
      (rowOf(yard)?.isBuiltIn === true ? 'It is always there; it can be turned off' : null),
    run: async (yard) => {
      const name = chosen(yard);
      if (name === null) return;
      const putBack = await yard.farEnds.remove(name);
      yard.toasts.say(`Removed the far end ${name}`, () => {
        putBack().catch((cause: unknown) => yard.toasts.fail(cause));
      });
    },
  },
];
