/** The palette's lines: actions that apply, then queues, maildirs and messages of the same words. */
import { ACTION_GROUPS, perform, refusalOf, type Action } from '../../actions.ts';
import type { RecipientRow } from '../../../engine/api/protocol.ts';
import type { IconName } from '../../parts/icons.ts';
import type { Postyard } from '../../state/postyard.svelte.ts';
import { flatFolders } from '../frame/flat-folders.ts';
import { findActions, piecesOf, type FoundAction } from './find-actions.ts';

export interface PaletteEntry {
  readonly id: string;
  readonly group: string;
  readonly pieces: FoundAction['pieces'];
  readonly hint: string;
  readonly refusal: string | null;
  readonly icon: IconName | null;
  readonly row: RecipientRow | null;
  readonly keys: string | null;
  /** The same from a terminal. */
  readonly cli: string | null;
  readonly run: () => void;
}

const PLACES_MAX = 4;
/** Below this, words would match nearly every queue and maildir. */
export const SEARCH_CHARS_MIN = 2;

/**
 * @param here actions that applied where the palette was opened
 * @param rows messages that the engine found for the same words
 */
export function paletteEntries(
  yard: Postyard,
  here: readonly Action[],
  query: string,
  rows: readonly RecipientRow[],
): PaletteEntry[] {
  const found = findActions(here, query);
  const actions = ACTION_GROUPS.flatMap((group) =>
    found
      .filter(({ action }) => action.group === group)
      .map((each) => actionEntry(yard, each))
      .sort((left, right) => Number(left.refusal !== null) - Number(right.refusal !== null)),
  );
  return [
    ...actions,
    ...placeEntries(yard, query),
    ...rows.map((row) => rowEntry(yard, row, query)),
  ];
}

function actionEntry(yard: Postyard, { action, pieces }: FoundAction): PaletteEntry {
  const refusal = refusalOf(action, yard);
  return {
    id: action.id,
    group: action.group,
    pieces,
    refusal,
    hint: refusal ?? action.hint?.(yard) ?? '',
    icon: action.icon ?? null,
    row: null,
    keys: action.keys?.[0] ?? null,
    cli: action.cli ?? null,
    run: () => void perform(action, yard),
  };
}

function placeEntries(yard: Postyard, query: string): PaletteEntry[] {
  const words = query.trim().toLowerCase();
  if (words.length < SEARCH_CHARS_MIN) return [];
  const entry = (group: string, label: string, icon: IconName, run: () => void): PaletteEntry => ({
    id: `${group}-${label}`,
    group,
    pieces: piecesOf(label, query.trim()),
    hint: '',
    refusal: null,
    icon,
    row: null,
    keys: null,
    cli: null,
    run,
  });
  const queues = yard.queues.scheduled
    .filter(({ name }) => name.toLowerCase().includes(words))
    .slice(0, PLACES_MAX)
    .map(({ name }) =>
      entry('Queues', name, 'queues', () => {
        yard.openQueue(name);
        yard.scheduledCursor.put(name);
        yard.goTo('queues');
      }),
    );
  const maildirs = flatFolders(yard.maildirs.folders, () => true)
    .filter(
      ({ folder, more }) =>
        more === undefined && folder.isMaildir && folder.path.toLowerCase().includes(words),
    )
    .slice(0, PLACES_MAX)
    .map(({ folder }) =>
      entry('Maildirs', folder.path, 'folder', () => yard.openMaildir(folder.path)),
    );
  return [...queues, ...maildirs];
}

function rowEntry(yard: Postyard, row: RecipientRow, query: string): PaletteEntry {
  return {
    id: `row-${row.seq}`,
    group: 'Messages',
    pieces: piecesOf(row.subject || row.lastText || 'no subject', query.trim()),
    hint: row.to ?? '',
    refusal: null,
    icon: null,
    row,
    keys: null,
    cli: null,
    run: () => yard.openRow(row.seq),
  };
}
