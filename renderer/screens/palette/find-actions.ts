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

const LETTER = /[\p{L}\p{N}]/u;

/** 4 the whole label, 3 its beginning, 2 that of a word in it, 1 inside, 0 nowhere. */
export function scoreOf(label: string, wanted: string): number {
  if (wanted === '') return 1;
  if (label.startsWith(wanted)) return label === wanted ? 4 : 3;
  let at = label.indexOf(wanted);
  if (at < 0) return 0;
  for (; at >= 0; at = label.indexOf(wanted, at + 1)) {
    if (!LETTER.test(label.charAt(at - 1))) return 2;
  }
  return 1;
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
