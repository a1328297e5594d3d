/** Which actions a few letters mean, best first, and which letters of a label they are. Pure. */
import type { Action } from '../../actions.ts';

export interface FoundAction {
  readonly action: Action;
  readonly pieces: readonly { readonly text: string; readonly isMatch: boolean }[];
  readonly score: number;
}

export function findActions(actions: readonly Action[], query: string): FoundAction[] {
  const wanted = query.trim().toLowerCase();
  return actions
    .filter(({ isSilent }) => !isSilent)
    .flatMap((action): FoundAction[] => {
      const score = scoreOf(action.label.toLowerCase(), wanted);
      return score === 0 ? [] : [{ action, score, pieces: piecesOf(action.label, wanted) }];
    })
    .sort((left, right) => right.score - left.score);
}

/** 3 at the beginning, 2 at a word, 1 inside, 0 nowhere. */
function scoreOf(label: string, wanted: string): number {
  if (wanted === '') return 1;
  const at = label.indexOf(wanted);
  if (at < 0) return 0;
  return at === 0 ? 3 : label[at - 1] === ' ' ? 2 : 1;
}

export function piecesOf(label: string, wanted: string): FoundAction['pieces'] {
  const at = wanted === '' ? -1 : label.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return [{ text: label, isMatch: false }];
  return [
    { text: label.slice(0, at), isMatch: false },
    { text: label.slice(at, at + wanted.length), isMatch: true },
    { text: label.slice(at + wanted.length), isMatch: false },
  ].filter(({ text }) => text !== '');
}
