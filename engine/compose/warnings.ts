/** What the window shows as warnings: each has a key, so that what is mended disappears. */
import type { Diagnostics } from '../log/diagnostics.ts';

export class Warnings {
  readonly #diagnostics: Diagnostics;
  readonly #texts = new Map<string, string>();

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  get list(): readonly string[] {
    return [...this.#texts.values()];
  }

  /** @param text null when there is nothing to warn of any more */
  set(key: string, text: string | null): void {
    if (text === null) this.#texts.delete(key);
    else if (this.#texts.get(key) !== text) {
      this.#texts.set(key, text);
      this.#diagnostics.write('warn', text);
    }
  }

  /** One that stays until the next start. */
  add(text: string): void {
    this.set(text, text);
  }
}
