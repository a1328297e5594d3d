/** The palette's lines: actions, queues and maildirs, the best match first, then messages. */
import { ACTION_GROUPS, perform, refusalOf, type Action } from '../../actions.ts';
import type { RecipientRow } from '../../../engine/api/protocol.ts';
import type { IconName } from '../../parts/icons.ts';
import type { Postyard } from '../../state/postyard.svelte.ts';
import { flatFolders } from '../frame/flat-folders.ts';
import { findActions, piecesOf, scoreOf, type FoundAction } from './find-actions.ts';
import { rankGroups } from './rank-groups.ts';

export interface PaletteEntry {
  readonly id: string;
  readonly group: string;
  readonly pieces: FoundAction['pieces'];
  readonly hint: string;
  readonly refusal: string | null;
  readonly score: number;
  readonly icon: IconName | null;
  readonly row: RecipientRow | null;
  readonly keys: string | null;
  /** The same from a terminal. */
  readonly cli: string | null;
  readonly run: () => void;
}

const PLACES_MAX = 4;
/** At an equal match, an action that only goes somewhere is before one that changes something. */
const GOING_SCORE = 0.5;
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
  const going = query.trim() === '' ? 0 : GOING_SCORE;
  const actions = ACTION_GROUPS.flatMap((group) =>
    found
      .filter(({ action }) => action.group === group)
      .map((each) => actionEntry(yard, each, group === 'Go to' ? going : 0)),
  );
  return [
    ...rankGroups([...actions, ...placeEntries(yard, query)]),
    ...rows.map((row) => rowEntry(yard, row, query)),
  ];
}

function actionEntry(
  yard: Postyard,
  { action, pieces, score }: FoundAction,
  going: number,
): PaletteEntry {
  const refusal = refusalOf(action, yard);
  return {
    id: action.id,
    group: action.group,
    pieces,
    refusal,
    score: score + going,
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
    score: scoreOf(label.toLowerCase(), words),
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
    score: 0,
    icon: null,
    row,
    keys: null,
    cli: null,
    run: () => yard.openRow(row.seq),
  };
}
