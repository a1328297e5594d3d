/** One short message at a time at the bottom left of the window, perhaps with an undo. */
export interface Toast {
  readonly text: string;
  readonly kind: 'done' | 'wrong';
  readonly undo: (() => void) | null;
}

const SHOWN_MS = 9000;

export class Toasts {
  #toast = $state.raw<Toast | null>(null);
  #timer: ReturnType<typeof setTimeout> | null = null;

  get toast(): Toast | null {
    return this.#toast;
  }

  say(text: string, undo: (() => void) | null = null): void {
    this.#show({ text, kind: 'done', undo });
  }

  fail(cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#show({ text, kind: 'wrong', undo: null });
  }

  undo(): void {
    const undo = this.#toast?.undo;
    this.dismiss();
    undo?.();
  }

  dismiss(): void {
    this.hold();
    this.#toast = null;
  }

  /** Somebody goes elsewhere: what only said something goes; trouble and an undo stay. */
  leave(): void {
    if (this.#toast?.kind === 'done' && this.#toast.undo === null) this.dismiss();
  }

  /** Stays while the pointer or the keyboard is on it. */
  hold(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  release(): void {
    this.hold();
    this.#timer = setTimeout(() => this.dismiss(), SHOWN_MS);
  }

  #show(toast: Toast): void {
    this.#toast = toast;
    this.release();
  }
}
