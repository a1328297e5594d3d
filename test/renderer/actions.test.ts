/**
 * The registry of actions against the terminal: what can be done with routes, far ends, tester,
 * expectations, Lab, suppression, queues and clock has a command (`test/journey/actions.test.ts`
 * runs each of them), and the reference page lists them all.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ACTIONS, type Action } from '../../renderer/actions.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/actions.md');

/** Groups in which the window can do nothing that a terminal cannot. */
const WITH_COMMANDS: ReadonlySet<Action['group']> = new Set<Action['group']>([
  ...(['This route', 'This far end', 'This queue', 'Tester', 'Expectations'] as const),
  ...(['Suppression', 'Lab', 'Clock'] as const),
]);

/** They fill a form, choose rows, show something, or edit a file that any editor can edit. */
const WINDOW_ALONE: ReadonlySet<string> = new Set([
  ...['route-mail', 'tester-take', 'tester-forget', 'tester-clear', 'expectation-try'],
  ...['suppress-open-message', 'suppress-demo-present'],
  ...['lab-live', 'lab-edit', 'lab-open-file', 'lab-save', 'lab-discard', 'lab-starter'],
  ...['lab-all', 'lab-none'],
]);

test('what the workbench can do has a command', () => {
  const missing = ACTIONS.filter(
    ({ id, group, cli }) => WITH_COMMANDS.has(group) && cli === undefined && !WINDOW_ALONE.has(id),
  );
  expect(missing.map(({ id }) => id)).toEqual([]);
  const needless = [...WINDOW_ALONE].filter(
    (id) => ACTIONS.find((action) => action.id === id)?.cli !== undefined,
  );
  expect(needless, 'they have a command after all').toEqual([]);
});

test('the reference page lists every action with its keys and its command', () => {
  const lines = ACTIONS.map(({ id, label, keys, cli }) =>
    [
      `\`${id}\``,
      label,
      (keys ?? [])
        .map((each) => `\`${each === ' ' ? 'Space' : each.replace('Mod', 'Ctrl')}\``)
        .join(', '),
      cli === undefined ? '' : `\`postyard ${cli.replaceAll('|', '\\|')}\``,
    ].join(' | '),
  );
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .replace(/^\| | \|$/g, '')
        .replace(/ +\| +/g, ' | ')
        .trim(),
    );
  expect(rows).toEqual(lines.map((line) => line.replace(/ +\| +/g, ' | ').trim()));
});
