/**
 * The Mail list: the rows that match the filter, newest first, a run of them in memory. While it
 * *follows*, new mail comes in at the top; *pinned*, the list stands still and counts what came.
 *
 * States: `follow` → `pinned` when the reader scrolls away or asks for it; `pinned` → `follow` when
 * asked, or when a list pinned by scrolling is back at its top. Invariant: `follow` implies that the
 * run in memory begins at the top.
 */
import type { Count, RecipientRow, RowChange, RowPage } from '../../engine/api/protocol.ts';
import type { Api, Query } from '../connection/api.ts';
import {
  EMPTY_WINDOW,
  PAGE_ROWS,
  indexOfSeq,
  nextStep,
  seqNear,
  windowAt,
  windowAtTop,
  withArrivals,
  withChanges,
  withNewer,
  withOlder,
  type Moved,
  type RowWindow,
  type Step,
} from './row-window.ts';

/** With a filter the engine is asked what matches; not more often than this during a burst. */
const REFRESH_WAIT_MS = 250;
/** Rows above the place where a scroll bar was let go. */
const SEEK_LEAD_ROWS = 60;
const ENSURE_ROUNDS = 4;

export type Pinned = 'no' | 'by-scrolling' | 'by-choice';

export class MailList {
  readonly #api: Api;
  #window = $state.raw<RowWindow>(EMPTY_WINDOW);
  #total = $state.raw<Count>({ value: 0, isExact: true });
  #all = $state.raw<Count>({ value: 0, isExact: true });
  #arrived = $state(0);
  #pinned = $state<Pinned>('no');
  #filter = $state('');
  #isReady = $state(false);
  #isLoading = $state(false);
  #error = $state<string | null>(null);
  #shift = $state.raw({ rows: 0, turn: 0 });
  #topTurn = $state(0);
  #oldestSeq = 0;
  #newestSeq = 0;
  /** Nothing above this row is shown while pinned. */
  #pinSeq = 0;
  #turn = 0;
  #wanted = { first: 0, last: 60 };
  #filling: Promise<void> | null = null;
  #reloading: Promise<void> | null = null;
  #refreshTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Rows that match the filter. */
  get total(): Count {
    return this.#total;
  }
  /** Rows whatever the filter. */
  get all(): Count {
    return this.#all;
  }
  get filter(): string {
    return this.#filter;
  }
  get isReady(): boolean {
    return this.#isReady;
  }
  get isLoading(): boolean {
    return this.#isLoading;
  }
  get error(): string | null {
    return this.#error;
  }
  get pinned(): Pinned {
    return this.#pinned;
  }
  /** Came in while pinned. */
  get arrived(): number {
    return this.#arrived;
  }
  /** The view moves its scroll position by `rows` whenever `turn` changes. */
  get shift(): { readonly rows: number; readonly turn: number } {
    return this.#shift;
  }
  /** The view goes to the top whenever this changes. */
  get topTurn(): number {
    return this.#topTurn;
  }

  /** Rows of the list as it is shown now. */
  count = $derived.by(() => {
    const { offset, rows, isEnd } = this.#window;
    const known = offset + rows.length;
    if (isEnd) return known;
    const shown = this.#total.value - (this.#pinned === 'no' ? 0 : this.#arrived);
    return Math.max(known + (this.#total.isExact ? 1 : PAGE_ROWS), shown);
  });

  /** The rows at these places; null while they are not in memory. */
  slice(first: number, last: number): readonly RecipientRow[] | null {
    const { offset, rows } = this.#window;
    const end = Math.min(last, this.count - 1);
    if (first < offset || end >= offset + rows.length) return null;
    return rows.slice(first - offset, end - offset + 1);
  }

  rowAt(index: number): RecipientRow | null {
    return this.#window.rows[index - this.#window.offset] ?? null;
  }

  rowOf(seq: number): RecipientRow | null {
    return this.#window.rows[indexOfSeq(this.#window.rows, seq)] ?? null;
  }

  indexOf(seq: number): number {
    const index = indexOfSeq(this.#window.rows, seq);
    return index < 0 ? -1 : index + this.#window.offset;
  }

  /** Sequence numbers in memory between two rows, both included. */
  seqsBetween(left: number, right: number): number[] {
    const [low, high] = left < right ? [left, right] : [right, left];
    return this.#window.rows.map(({ seq }) => seq).filter((seq) => seq >= low && seq <= high);
  }

  /** What is on screen; the rest is loaded around it. */
  want(first: number, last: number): void {
    this.#wanted = { first, last };
    void this.#fill();
  }

  /** Loads a far place; comes back when it is there, or cannot be had. */
  async ensure(index: number): Promise<void> {
    this.#wanted = { first: index, last: index };
    // Scrolling there may begin the list anew meanwhile; then it is asked for once more.
    for (let round = 0; round < ENSURE_ROUNDS && !this.rowAt(index); round++) {
      await Promise.all([this.#reloading, this.#fill()]);
    }
  }

  async open(filter: string): Promise<void> {
    this.#filter = filter;
    this.#unpin();
    await this.reload('to-top');
  }

  /** Asks anew; `in-place` keeps a pinned list where it stands. */
  reload(how: 'to-top' | 'in-place'): Promise<void> {
    this.#reloading = this.#readAnew(how);
    return this.#reloading;
  }

  async #readAnew(how: 'to-top' | 'in-place'): Promise<void> {
    const turn = ++this.#turn;
    const at = how === 'in-place' && this.#pinned !== 'no' ? this.rowAt(this.#wanted.first) : null;
    const page = await this.#ask(at ? { at: at.seq } : {}, turn);
    if (!page) return;
    if (at) this.#move(windowAt(this.#wanted.first, page.rows, page.next === null, this.count));
    else {
      this.#window = windowAtTop(page.rows, page.next === null);
      if (how === 'to-top') this.#topTurn++;
    }
    this.#isReady = true;
  }

  pin(how: 'by-scrolling' | 'by-choice'): void {
    if (this.#pinned !== 'no') return;
    this.#pinned = how;
    this.#pinSeq = this.#window.rows[0]?.seq ?? this.#newestSeq;
    this.#arrived = 0;
  }

  async follow(): Promise<void> {
    const isBehind = this.#arrived > 0 || !this.#window.isTop;
    this.#unpin();
    if (isBehind) await this.reload('to-top');
    else this.#topTurn++;
  }

  /** The view reports where it stands. */
  scrolledTo(index: number): void {
    if (index > 0) this.pin('by-scrolling');
    else if (this.#pinned === 'by-scrolling') void this.follow();
  }

  takeEvent(added: readonly RecipientRow[], changed: readonly RowChange[], total: Count): void {
    this.#all = total;
    // What changed may be a row that arrived with the same event.
    if (this.#filter === '' && this.#pinned === 'no')
      this.#window = withArrivals(this.#window, added);
    if (changed.length > 0) this.#window = withChanges(this.#window, changed);
    if (this.#filter !== '') return this.#refreshSoon();
    this.#total = total;
    const newest = added.at(-1)?.seq ?? 0;
    const fresh = added.filter(({ seq }) => seq > this.#newestSeq).length;
    this.#newestSeq = Math.max(this.#newestSeq, newest);
    if (this.#pinned !== 'no') this.#arrived += fresh;
  }

  /** Takes rows off the screen at once; the engine's event confirms it. */
  takeAway(seqs: ReadonlySet<number>): void {
    const rows = this.#window.rows.filter(({ seq }) => !seqs.has(seq));
    const gone = this.#window.rows.length - rows.length;
    this.#window = { ...this.#window, rows };
    this.#total = { ...this.#total, value: Math.max(0, this.#total.value - gone) };
    void this.#fill();
  }

  #fill(): Promise<void> {
    this.#filling ??= this.#fillAll().finally(() => (this.#filling = null));
    return this.#filling;
  }

  async #fillAll(): Promise<void> {
    for (;;) {
      const step = nextStep(this.#window, this.#wanted.first, this.#wanted.last);
      if (!step || !(await this.#take(step))) return;
    }
  }

  /** One step of loading; false when it failed or the list became another one meanwhile. */
  async #take(step: Step): Promise<boolean> {
    const turn = this.#turn;
    const from = step.kind === 'seek' ? Math.max(0, step.index - SEEK_LEAD_ROWS) : 0;
    const page = await this.#ask(this.#queryOf(step, from), turn);
    if (!page) return false;
    const isEnd = page.next === null;
    switch (step.kind) {
      case 'top':
        this.#window = windowAtTop(page.rows, isEnd);
        return true;
      case 'seek':
        this.#move(windowAt(from, page.rows, isEnd, this.count));
        return page.rows.length > 0;
      case 'older':
        this.#move(withOlder(this.#window, page.rows, isEnd, this.count));
        return true;
      case 'newer': {
        const rows = this.#isAbovePin(page.rows[0])
          ? page.rows.filter((row) => !this.#isAbovePin(row))
          : page.rows;
        this.#move(withNewer(this.#window, rows, rows.length < PAGE_ROWS));
        return true;
      }
    }
  }

  #queryOf(step: Step, from: number): Query {
    const top = this.#pinned === 'no' ? this.#newestSeq : this.#pinSeq;
    switch (step.kind) {
      case 'top':
        return this.#pinned === 'no' ? {} : { at: this.#pinSeq };
      case 'older':
        return { at: step.at };
      case 'newer':
        return { newerThan: step.newerThan };
      case 'seek':
        return { at: seqNear(from, this.count, top, this.#oldestSeq) };
    }
  }

  async #ask(query: Query, turn: number): Promise<RowPage | null> {
    this.#isLoading = true;
    try {
      const page = await this.#api.rows({ ...query, limit: PAGE_ROWS, filter: this.#filter });
      if (turn !== this.#turn) return null;
      this.#total = page.total;
      if (this.#filter === '') this.#all = page.total;
      this.#oldestSeq = page.oldestSeq ?? 0;
      this.#newestSeq = Math.max(page.newestSeq ?? 0, page.rows[0]?.seq ?? 0);
      this.#error = null;
      return page;
    } catch (cause) {
      if (turn === this.#turn) this.#error = cause instanceof Error ? cause.message : String(cause);
      return null;
    } finally {
      this.#isLoading = false;
    }
  }

  #move({ window, shift }: Moved): void {
    this.#window = window;
    if (shift === 0) return;
    this.#wanted = { first: this.#wanted.first + shift, last: this.#wanted.last + shift };
    this.#shift = { rows: shift, turn: this.#shift.turn + 1 };
  }

  #refreshSoon(): void {
    this.#refreshTimer ??= setTimeout(() => {
      this.#refreshTimer = null;
      void this.#refresh();
    }, REFRESH_WAIT_MS);
  }

  /** What matches now: taken in while following, only counted while pinned. */
  async #refresh(): Promise<void> {
    const turn = this.#turn;
    const page = await this.#ask({}, turn);
    if (!page) return;
    if (this.#pinned === 'no') this.#window = windowAtTop(page.rows, page.next === null);
    else this.#arrived = page.rows.filter((row) => this.#isAbovePin(row)).length;
  }

  #isAbovePin(row: RecipientRow | undefined): boolean {
    return this.#pinned !== 'no' && row !== undefined && row.seq > this.#pinSeq;
  }

  #unpin(): void {
    this.#pinned = 'no';
    this.#arrived = 0;
  }
}
