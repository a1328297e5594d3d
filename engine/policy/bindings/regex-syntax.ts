/**
 * What a regular expression in Rust's syntax says: nodes with the flags that were in force where
 * they stood, so that writing them out needs no state.
 *
 * Source: docs.rs/regex "Syntax"; fancy-regex 0.16 "Syntax".
 */
export interface Flags {
  /** i */
  readonly ignoreCase: boolean;
  /** m: `^` and `$` match at lines */
  readonly multiLine: boolean;
  /** s: `.` takes a line feed */
  readonly dotAll: boolean;
  /** U: greedy and lazy swapped */
  readonly swapGreed: boolean;
  /** x: blanks and comments are skipped */
  readonly extended: boolean;
}

export const NO_FLAGS: Flags = {
  ignoreCase: false,
  multiLine: false,
  dotAll: false,
  swapGreed: false,
  extended: false,
};

/** A set of characters, already in the notation of JavaScript's `v` flag. */
export type SetText = string;

export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly code: number; readonly ignoreCase: boolean }
  | { readonly kind: 'set'; readonly set: SetText; readonly ignoreCase: boolean }
  /** A zero-width test that JavaScript can write directly. */
  | { readonly kind: 'assert'; readonly js: string }
  | { readonly kind: 'concat'; readonly nodes: readonly RegexNode[] }
  | { readonly kind: 'alternate'; readonly nodes: readonly RegexNode[] }
  | { readonly kind: 'capture'; readonly index: number; readonly node: RegexNode }
  | { readonly kind: 'atomic'; readonly node: RegexNode }
  | { readonly kind: 'look'; readonly sign: '=' | '!' | '<=' | '<!'; readonly node: RegexNode }
  | {
      readonly kind: 'repeat';
      readonly node: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly greed: 'greedy' | 'lazy';
    }
  | { readonly kind: 'backref'; readonly index: number; readonly ignoreCase: boolean }
  /** `\K`: what matched so far is not part of the match. */
  | { readonly kind: 'keep' };

/** What the pattern says that is wrong, with its place in bytes. */
export class RegexSyntaxError extends Error {
  readonly position: number;
  /** Who finds it: the parser, the compiler after it, or the crate that plain parts go to. */
  readonly foundBy: 'parser' | 'compiler' | 'inner';
  constructor(position: number, why: string, foundBy: 'parser' | 'compiler' | 'inner' = 'parser') {
    super(why);
    this.name = 'RegexSyntaxError';
    this.position = position;
    this.foundBy = foundBy;
  }
}

/** `fancy` as `kumo.regex`; `linear` as sets of patterns, without look-around. */
export type RegexDialect = 'fancy' | 'linear';
