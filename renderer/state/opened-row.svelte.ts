/**
 * The recipient row that is open in the detail pane: facts, journey and attempts. Asked again
 * when the engine says that the row has changed, or when its content was not read through yet.
 */
import type { AttemptDetail, Journey, RecipientRow, RowDetail } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

const REFRESH_WAIT_MS = 150;
/** Walking through rows with the keyboard does not ask for each of them. */
const OPEN_WAIT_MS = 60;

export class OpenedRow {
  readonly #api: Api;
  #seq = $state<number | null>(null);
  #known = $state.raw<RecipientRow | null>(null);
  #detail = $state.raw<RowDetail | null>(null);
  #journey = $state.raw<Journey | null>(null);
  #attempts = $state.raw<readonly AttemptDetail[] | null>(null);
  #error = $state<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastOpenMs = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  get seq(): number | null {
    return this.#seq;
  }
  get detail(): RowDetail | null {
    return this.#detail;
  }
  get journey(): Journey | null {
    return this.#journey;
  }
  get attempts(): readonly AttemptDetail[] | null {
    return this.#attempts;
  }
  get error(): string | null {
    return this.#error;
  }
  /** The row as far as it is known: from the list before its details are there. */
  get row(): RecipientRow | null {
    return this.#detail?.row ?? this.#known;
  }

  open(seq: number, known: RecipientRow | null = null): void {
    if (seq === this.#seq) return;
    this.#seq = seq;
    this.#known = known;
    this.#detail = null;
    this.#journey = null;
    this.#attempts = null;
    this.#error = null;
    const isWalking = performance.now() - this.#lastOpenMs < OPEN_WAIT_MS * 2;
    this.#lastOpenMs = performance.now();
    this.#loadAfter(isWalking ? OPEN_WAIT_MS : 0);
  }

  close(): void {
    this.#seq = null;
    this.#known = null;
    this.#detail = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Something happened to it: ask again, soon. */
  changed(seq: number): void {
    if (seq === this.#seq) this.#loadAfter(REFRESH_WAIT_MS);
  }

  #loadAfter(waitMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), waitMs);
  }

  async #load(): Promise<void> {
    const seq = this.#seq;
    if (seq === null) return;
    try {
      const [detail, journey, attempts] = await Promise.all([
        this.#api.row(seq),
        this.#api.journey(seq),
        this.#api.attempts(seq),
      ]);
      if (seq !== this.#seq) return;
      this.#detail = detail;
      this.#journey = journey;
      this.#attempts = attempts.attempts;
      this.#error = null;
      if (detail.isPending) this.#loadAfter(REFRESH_WAIT_MS * 4);
    } catch (cause) {
      if (seq === this.#seq) this.#error = cause instanceof Error ? cause.message : String(cause);
    }
  }
}
