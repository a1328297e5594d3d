/** What can be done with expectations: run them, look at what fails, take a case into the tester. */
import type { Action } from '../actions.ts';
import { counted } from '../format/size.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const onExpectations = {
  group: 'Expectations',
  screens: ['routes'],
  lists: ['expectations'],
} as const;

const chosen = ({ expectations, expectationsCursor }: Postyard) =>
  expectations.caseAt(expectationsCursor.current);

const needsCase = (yard: Postyard): string | null =>
  chosen(yard) === null ? 'No case is chosen' : null;

const about = (yard: Postyard): string => chosen(yard)?.case.name ?? '';

export const EXPECTATION_ACTIONS: readonly Action[] = [
  {
    ...onExpectations,
    id: 'expectations-run',
    label: 'Run all',
    cli: 'check',
    keys: ['R'],
    icon: 'play',
    hint: ({ expectations }) => counted(expectations.count, 'case'),
    refusal: ({ expectations }) =>
      expectations.isRunning
        ? 'They are running'
        : expectations.count === 0
          ? 'Nothing is expected yet'
          : null,
    run: ({ expectations }) => expectations.run(),
  },
  {
    ...onExpectations,
    id: 'expectation-run',
    label: 'Run this case',
    cli: 'check FILE --case NAME',
    keys: ['r'],
    icon: 'play',
    hint: about,
    refusal: (yard) => needsCase(yard) ?? (yard.expectations.isRunning ? 'They are running' : null),
    run: async (yard) => {
      const line = chosen(yard);
      if (line === null) return;
      yard.expectations.open(line.key);
      await yard.expectations.run({ file: line.file, name: line.case.name });
    },
  },
  {
    ...onExpectations,
    id: 'expectation-try',
    label: 'Open the case in the tester',
    keys: ['t'],
    icon: 'plan',
    hint: about,
    refusal: (yard) => needsCase(yard),
    run: async (yard) => {
      const line = chosen(yard);
      if (line === null) return;
      const { expectations, tester, routes } = yard;
      const { name } = line.case;
      if (expectations.resultsOf(line.key) === null)
        await expectations.run({ file: line.file, name });
      // A case with a table asks with the first row that fails, else with its first.
      const results = expectations.resultsOf(line.key) ?? [];
      const asked = results.find(({ ok }) => !ok) ?? results[0];
      if (asked === undefined) return;
      yard.openTester();
      await tester.take(name, asked.message, (route) => routes.isOn(route));
    },
  },
  {
    ...onExpectations,
    id: 'expectations-failed',
    label: 'Show only what fails',
    cli: 'check',
    keys: ['f'],
    icon: 'filter',
    hint: ({ expectations }) => (expectations.isFailedOnly ? 'on' : 'off'),
    run: ({ expectations }) => expectations.showFailedOnly(!expectations.isFailedOnly),
  },
];
