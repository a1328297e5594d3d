/**
 * Keys: what was struck, as the words actions use (`g m`, `Mod+K`, `#`, `Shift+Enter`), and how they
 * are written on key caps. A sequence waits a moment for its second key.
 */
const SEQUENCE_WAIT_MS = 1500;
const isMac = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform);

const CAPS: Readonly<Record<string, string>> = {
  Mod: isMac ? '⌘' : 'Ctrl',
  Shift: '⇧',
  Alt: isMac ? '⌥' : 'Alt',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  ' ': 'Space',
};

/** `Mod+K` for Ctrl-K or ⌘K; shifted characters are themselves (`#`, `?`). */
export function strokeOf(event: KeyboardEvent): string {
  const isMod = isMac ? event.metaKey : event.ctrlKey;
  const isCharacter = event.key.length === 1 && event.key !== ' ';
  const parts: string[] = [];
  if (isMod) parts.push('Mod');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && (!isCharacter || isMod)) parts.push('Shift');
  parts.push(isCharacter && isMod ? event.key.toUpperCase() : event.key);
  return parts.join('+');
}

/** `g m` → `['g', 'm']`, `Mod+K` → `['Ctrl', 'K']` */
export function keyCaps(keys: string): string[] {
  if (keys === ' ') return [CAPS[' '] ?? ' '];
  return keys
    .split(' ')
    .flatMap((stroke) => (stroke === '+' ? ['+'] : stroke.split('+')))
    .map((cap) => CAPS[cap] ?? cap);
}

/** `Ctrl K`, for `aria-keyshortcuts` and tooltips. */
export function keysAsText(keys: string): string {
  return keyCaps(keys).join(' ');
}

/** Joins strokes to sequences: `g`, then `m`. */
export class KeySequence {
  #begun = '';
  #begunMs = 0;

  /** @returns the sequence so far; the caller says with `keep` whether it waits for more */
  add(stroke: string, nowMs: number): string {
    const isFresh = this.#begun === '' || nowMs - this.#begunMs > SEQUENCE_WAIT_MS;
    return isFresh ? stroke : `${this.#begun} ${stroke}`;
  }

  keep(sequence: string, nowMs: number): void {
    this.#begun = sequence;
    this.#begunMs = nowMs;
  }

  drop(): void {
    this.#begun = '';
  }
}
