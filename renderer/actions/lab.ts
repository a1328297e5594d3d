/** What can be done in the Lab: run, save, choose messages, compare, replay for real. */
import type { ReplaySelection } from '../../engine/api/protocol.ts';
import type { Action } from '../actions.ts';
import { focusEditor } from '../focus.ts';
import { luaErrorText } from '../format/lua-error.ts';
import { counted, thousands } from '../format/size.ts';
import { clockTime } from '../format/time.ts';
import { STARTER_CONSTRUCTOR, withStarter } from '../screens/lab/starter.ts';
import { RECEPTION, type Through } from '../state/lab-runs.svelte.ts';
import { RUN_MESSAGES_MAX, type Network } from '../state/lab.svelte.ts';
import type { MenuItem } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

function openUnder(yard: Postyard, id: string, label: string, items: readonly MenuItem[]): void {
  const box = document.querySelector(`[data-action='${id}']`)?.getBoundingClientRect();
  yard.place.openMenu({ label, items, x: box?.left ?? 400, y: (box?.bottom ?? 90) + 4 });
}

/** Does it from a menu, where nobody waits for it. */
function start(yard: Postyard, work: Promise<unknown>): void {
  work.catch((cause: unknown) => yard.toasts.fail(cause));
}

const needsMessage = ({ lab }: Postyard): string | null =>
  lab.selection === null ? 'No message is captured yet' : null;

const needsFile = ({ lab }: Postyard): string | null =>
  lab.files.active === null ? 'No policy file is open' : null;

const needsEdit = ({ lab }: Postyard): string | null => {
  const { active } = lab.files;
  if (active === null) return 'No policy file is open';
  return active.text === active.saved ? 'Nothing is changed' : null;
};

function aboutCount({ lab }: Postyard): string {
  const count = Math.min(lab.chosenCount, RUN_MESSAGES_MAX);
  return count === 0 ? 'the message under the cursor' : counted(count, 'message');
}

function throughText(through: Through): string {
  return through.kind === 'reception' ? 'reception' : through.name;
}

/** Seqs of the rows that an action on the Mail list is about. */
function mailSeqs(yard: Postyard): readonly number[] {
  if (yard.place.screen === 'mail' && yard.mailCursor.chosen.length > 0) {
    return yard.mailCursor.chosen;
  }
  return yard.opened.seq === null ? [] : [yard.opened.seq];
}

function throughItems(yard: Postyard): readonly MenuItem[] {
  const { lab } = yard;
  const choices: readonly Through[] = [
    RECEPTION,
    ...lab.constructors.map((name): Through => ({ kind: 'constructor', name })),
  ];
  return choices.map((through, index) => ({
    kind: 'choice',
    label: throughText(through),
    hint: through.kind === 'reception' ? 'the events of SMTP' : 'send of its object',
    letter: String(index + 1),
    isChecked: throughText(through) === throughText(lab.through),
    run: () => lab.setThrough(through),
  }));
}

const NETWORKS: readonly (readonly [Network, string, string])[] = [
  ['stubs', 'Chosen answers', 'nobody is asked'],
  ['recording', 'The answers of the shown run', 'recorded'],
  ['far-ends', 'Far ends on loopback', 'really asked'],
];

function networkItems(yard: Postyard): readonly MenuItem[] {
  const { lab } = yard;
  return [
    ...NETWORKS.map(([network, label, hint]): MenuItem => ({
      kind: 'choice',
      label,
      hint,
      isChecked: lab.network === network,
      run: () => lab.setNetwork(network),
    })),
    { kind: 'line' },
    {
      kind: 'choice',
      label: 'Edit the chosen answers…',
      hint: counted(lab.stubs.length, 'answer'),
      run: () => lab.setAnswering(true),
    },
  ];
}

type Listed = Postyard['lab']['runs']['list'][number];

function runChoice(run: Listed, isChecked: boolean, take: () => void): MenuItem {
  const { same, differ, failed } = run.counts;
  return {
    kind: 'choice',
    label: `${clockTime(run.startedRealMs)}  ${run.title}`,
    hint: `${thousands(same)} same, ${thousands(differ)} different, ${thousands(failed)} raised`,
    isChecked,
    run: take,
  };
}

function fileItems(yard: Postyard): readonly MenuItem[] {
  const { files } = yard.lab;
  return files.list.map(({ path }) => ({
    kind: 'choice',
    label: path,
    icon: 'file',
    run: () => start(yard, files.open(path).then(focusEditor)),
  }));
}

async function save(yard: Postyard): Promise<void> {
  const { files } = yard.lab;
  const file = files.active;
  if (!file) return;
  const problem = await files.save(file.path);
  if (problem === null) return yard.toasts.say(`Saved ${file.path}; the policy runs with it`);
  const where = problem.line === null ? problem.path : `${problem.path}:${problem.line}`;
  if (problem.line !== null) await files.open(problem.path, problem.line);
  yard.toasts.say(`Not saved, ${where}: ${luaErrorText(problem.message)}`);
}

async function queueCopies(yard: Postyard, messages: ReplaySelection): Promise<void> {
  const { queued, failed, seqs } = await yard.lab.runs.forReal(messages);
  const first = failed[0];
  const trouble = first ? `; ${counted(failed.length, 'message')} not: ${first.text}` : '';
  const said = `Queued ${counted(queued, 'copy', 'copies')}${trouble}`;
  if (seqs.length === 0) return yard.toasts.say(said);
  await yard.mail.open('');
  yard.goTo('mail');
  yard.toasts.say(said);
  yard.mailCursor.selectAll(seqs);
  yard.mailCursor.show(Math.max(...seqs));
}

function tryStarter(yard: Postyard): void {
  const { files } = yard.lab;
  const file = files.active;
  if (!file) return;
  const text = withStarter(file.text);
  files.replace(file.path, text);
  const before = text.slice(0, text.indexOf(`kumo.on('${STARTER_CONSTRUCTOR}'`));
  start(yard, files.open(file.path, before.split('\n').length));
  yard.lab.setThrough({ kind: 'constructor', name: STARTER_CONSTRUCTOR });
  const match = 'POST http://127.0.0.1:8080/mail';
  if (!yard.lab.stubs.some((stub) => stub.match === match)) {
    yard.lab.setStubs([...yard.lab.stubs, { kind: 'http', match, status: 200, body: 'taken' }]);
  }
  start(yard, yard.lab.run());
}

const RUNNING: readonly Action[] = [
  {
    id: 'lab-run',
    label: 'Run',
    cli: 'replay ROW --script FILE',
    group: 'Lab',
    keys: ['Mod+Enter'],
    screens: ['lab'],
    icon: 'play',
    hint: aboutCount,
    refusal: needsMessage,
    run: ({ lab }) => lab.run(),
  },
  {
    id: 'lab-run-matching',
    label: 'Run all that match',
    cli: 'replay --filter TEXT',
    group: 'Lab',
    screens: ['lab'],
    icon: 'play',
    hint: ({ lab }) => {
      const { value } = lab.mail.total;
      const most = thousands(RUN_MESSAGES_MAX);
      return value > RUN_MESSAGES_MAX ? `the newest ${most}` : counted(value, 'message');
    },
    refusal: needsMessage,
    run: ({ lab }) => lab.run(lab.matching),
  },
  {
    id: 'lab-live',
    label: 'Run on every edit',
    group: 'Lab',
    keys: ['L'],
    screens: ['lab'],
    icon: 'follow',
    hint: ({ lab }) => (lab.isLive ? 'on' : 'off'),
    run: ({ lab }) => lab.toggleLive(),
  },
  {
    id: 'lab-through',
    label: 'Run through…',
    cli: 'replay ROW --constructor NAME',
    group: 'Lab',
    keys: ['t'],
    screens: ['lab'],
    icon: 'policy',
    hint: ({ lab }) => throughText(lab.through),
    run: (yard) => openUnder(yard, 'lab-through', 'Run through', throughItems(yard)),
  },
  {
    id: 'lab-network',
    label: 'Who answers the network…',
    cli: 'replay ROW --http far-ends',
    group: 'Lab',
    screens: ['lab'],
    icon: 'plug',
    hint: ({ lab }) => NETWORKS.find(([network]) => network === lab.network)?.[1] ?? '',
    run: (yard) => openUnder(yard, 'lab-network', 'Who answers', networkItems(yard)),
  },
  {
    id: 'lab-for-real',
    label: 'Replay for real…',
    cli: 'replay ROW --for-real',
    group: 'Lab',
    screens: ['lab'],
    icon: 'send',
    hint: aboutCount,
    refusal: needsMessage,
    run: (yard) => {
      const { selection } = yard.lab;
      if (selection === null) return;
      const count = selection.seqs?.length ?? Math.min(yard.lab.chosenCount, RUN_MESSAGES_MAX);
      openUnder(yard, 'lab-for-real', 'Replay for real', [
        {
          kind: 'choice',
          label: `Queue ${counted(count, 'copy', 'copies')} now`,
          icon: 'send',
          hint: 'the saved policy decides',
          run: () => start(yard, queueCopies(yard, selection)),
        },
      ]);
    },
  },
];

const FILES: readonly Action[] = [
  {
    id: 'lab-edit',
    label: 'Edit the policy',
    group: 'Lab',
    keys: ['e'],
    screens: ['lab'],
    icon: 'file',
    refusal: needsFile,
    run: () => focusEditor(),
  },
  {
    id: 'lab-open-file',
    label: 'Open a policy file…',
    group: 'Lab',
    keys: ['Mod+O'],
    screens: ['lab'],
    icon: 'plus',
    refusal: ({ lab }) => (lab.files.list.length === 0 ? 'The policy folder is empty' : null),
    run: (yard) => openUnder(yard, 'lab-open-file', 'Policy files', fileItems(yard)),
  },
  {
    id: 'lab-save',
    label: 'Save policy',
    group: 'Lab',
    keys: ['Mod+S'],
    screens: ['lab'],
    icon: 'check',
    hint: ({ lab }) => lab.files.active?.path ?? '',
    refusal: needsEdit,
    run: save,
  },
  {
    id: 'lab-discard',
    label: 'Discard the changes of this file',
    group: 'Lab',
    screens: ['lab'],
    icon: 'again',
    hint: ({ lab }) => lab.files.active?.path ?? '',
    refusal: needsEdit,
    run: (yard) => {
      const { files } = yard.lab;
      const file = files.active;
      const text = file && files.discard(file.path);
      if (file && text !== null)
        yard.toasts.say(`Discarded the changes of ${file.path}`, () =>
          files.replace(file.path, text),
        );
    },
  },
  {
    id: 'lab-starter',
    label: 'Try a delivery in Lua',
    group: 'Lab',
    screens: ['lab'],
    icon: 'policy',
    refusal: (yard) => needsFile(yard) ?? needsMessage(yard),
    run: tryStarter,
  },
];

const CHOOSING: readonly Action[] = [
  {
    id: 'lab-all',
    label: 'Choose all that match',
    group: 'Lab',
    screens: ['lab'],
    icon: 'check',
    hint: ({ lab }) => counted(lab.mail.total.value, 'message'),
    refusal: needsMessage,
    run: ({ lab }) => lab.chooseAll(),
  },
  {
    id: 'lab-none',
    label: 'Choose none',
    group: 'Lab',
    screens: ['lab'],
    icon: 'close',
    refusal: ({ lab }) => (lab.chosenCount === 0 ? 'Nothing is chosen' : null),
    run: ({ lab }) => lab.chooseNone(),
  },
  {
    id: 'lab-history',
    label: 'Runs…',
    cli: 'replay --runs',
    group: 'Lab',
    keys: ['h'],
    screens: ['lab'],
    icon: 'clock',
    hint: ({ lab }) => counted(lab.runs.list.length, 'run'),
    refusal: ({ lab }) => (lab.runs.list.length === 0 ? 'Nothing was run yet' : null),
    run: (yard) => {
      const { runs } = yard.lab;
      const items = runs.list.map((run) =>
        runChoice(run, run.id === runs.shown?.id, () => start(yard, runs.show(run.id))),
      );
      openUnder(yard, 'lab-history', 'Runs', items);
    },
  },
  {
    id: 'lab-compare',
    label: 'Compare with…',
    cli: 'replay --show RUN',
    group: 'Lab',
    keys: ['c'],
    screens: ['lab'],
    icon: 'split',
    hint: ({ lab }) => lab.runs.base?.title ?? 'what happened',
    refusal: ({ lab }) => (lab.runs.shown === null ? 'Nothing was run yet' : null),
    run: (yard) => {
      const { runs } = yard.lab;
      const others = runs.list.filter(({ id }) => id !== runs.shown?.id);
      openUnder(yard, 'lab-compare', 'Compare with', [
        {
          kind: 'choice',
          label: 'What happened',
          isChecked: runs.base === null,
          run: () => start(yard, runs.compareWith(null)),
        },
        ...others.map((run) =>
          runChoice(run, run.id === runs.base?.id, () => start(yard, runs.compareWith(run.id))),
        ),
      ]);
    },
  },
];

export const LAB_ACTIONS: readonly Action[] = [
  ...RUNNING,
  ...FILES,
  ...CHOOSING,
  {
    id: 'run-through-lua',
    label: 'Run through Lua',
    cli: 'replay ROW',
    group: 'This message',
    keys: ['r'],
    screens: ['mail', 'maildir'],
    icon: 'policy',
    hint: (yard) => {
      const { length } = mailSeqs(yard);
      return length > 1 ? counted(length, 'message') : '';
    },
    refusal: (yard) => (mailSeqs(yard).length === 0 ? 'No message is chosen' : null),
    run: (yard) => yard.openLab(mailSeqs(yard)),
  },
];
