/**
 * KumoMTA's records, newest first: the live tail and, on the way down, older pages. Bounded: what is
 * far from the eye is let go. Paused, new records wait outside and are counted.
 */
import type { RecordPage, RecordRow } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { jsonHasText } from '../format/json-search.ts';

const PAGE_RECORDS = 200;
const SAVE_PAGE_RECORDS = 1000;
const RECORDS_MAX = 5000;
const SAVE_MAX = 100_000;
const MARGIN_RECORDS = 100;

/** In the order in which the filter bar shows them. */
export const RECORD_TYPES = [
  'Reception',
  'Delivery',
  'TransientFailure',
  'Bounce',
  'Expiration',
  'Rejection',
  'AdminBounce',
  'OOB',
  'Feedback',
  'Delayed',
  'AdminRebind',
  'DeferredInjectionRebind',
  'XferOut',
  'XferIn',
] as const;

export class LogTail {
  readonly #api: Api;
  #records = $state.raw<readonly RecordRow[]>([]);
  #waiting: RecordRow[] = [];
  #waitingCount = $state(0);
  #counts = $state.raw<Readonly<Record<string, number>>>({});
  #hidden = $state.raw<ReadonlySet<string>>(new Set());
  #text = $state('');
  #isPaused = $state(false);
  #isReady = $state(false);
  #error = $state<string | null>(null);
  #dropped = $state(0);
  #next: string | null = null;
  #shift = $state.raw({ rows: 0, turn: 0 });
  #turn = 0;
  #isFilling = false;
  #isAtTop = true;

  constructor(api: Api, hidden: readonly string[]) {
    this.#api = api;
    this.#hidden = new Set(hidden);
  }

  get records(): readonly RecordRow[] {
    return this.#records;
  }
  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }
  get hidden(): ReadonlySet<string> {
    return this.#hidden;
  }
  get text(): string {
    return this.#text;
  }
  get isPaused(): boolean {
    return this.#isPaused;
  }
  get isReady(): boolean {
    return this.#isReady;
  }
  get error(): string | null {
    return this.#error;
  }
  /** Came in while paused. */
  get waiting(): number {
    return this.#waitingCount;
  }
  /** Left out of the live tail because the window could not keep up. */
  get dropped(): number {
    return this.#dropped;
  }
  get shift(): { readonly rows: number; readonly turn: number } {
    return this.#shift;
  }
  get isFiltered(): boolean {
    return this.#hidden.size > 0 || this.#text !== '';
  }

  async load(): Promise<void> {
    const turn = ++this.#turn;
    const page = await this.#ask(null, PAGE_RECORDS);
    if (!page || turn !== this.#turn) return;
    this.#records = page.records;
    this.#next = page.next;
    this.#waiting = [];
    this.#waitingCount = 0;
    this.#dropped = 0;
    if (page.counts) this.#counts = page.counts;
    this.#isReady = true;
  }

  setText(text: string): void {
    this.#text = text;
    void this.load();
  }

  toggleType(type: string): void {
    const hidden = new Set(this.#hidden);
    if (!hidden.delete(type)) hidden.add(type);
    this.#hidden = hidden;
    void this.load();
  }

  /** Shows nothing but this type, or everything again. */
  onlyType(type: string): void {
    const others = RECORD_TYPES.filter((other) => other !== type);
    const isOnly = this.#hidden.size === others.length && !this.#hidden.has(type);
    this.#hidden = new Set(isOnly ? [] : others);
    void this.load();
  }

  togglePause(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingCount = 0;
    this.#add(waiting);
  }

  takeEvent(records: readonly RecordRow[], dropped: number): void {
    this.#dropped += dropped;
    if (Object.keys(this.#counts).length > 0) {
      const counts = { ...this.#counts };
      for (const { type } of records) counts[type] = (counts[type] ?? 0) + 1;
      this.#counts = counts;
    }
    const matching = records.filter((record) => this.#matches(record));
    if (!this.#isPaused) return this.#add(matching);
    this.#waiting = [...this.#waiting, ...matching].slice(-RECORDS_MAX);
    this.#waitingCount += matching.length;
  }

  /** The view reports what it shows. */
  want(first: number, last: number): void {
    this.#isAtTop = first === 0;
    if (last + MARGIN_RECORDS >= this.#records.length) void this.#older();
  }

  /** All records that match, as the lines KumoMTA would have written, oldest first. */
  async collect(): Promise<{ lines: string[]; isComplete: boolean }> {
    const lines: string[] = [];
    let cursor: string | null = null;
    do {
      const page: RecordPage | null = await this.#ask(cursor, SAVE_PAGE_RECORDS);
      if (!page) break;
      for (const { json } of page.records) lines.push(json);
      cursor = page.next;
    } while (cursor !== null && lines.length < SAVE_MAX);
    return { lines: lines.reverse(), isComplete: cursor === null };
  }

  #add(records: readonly RecordRow[]): void {
    const newest = this.#records[0]?.recordSeq ?? -1;
    const fresh = records.filter(({ recordSeq }) => recordSeq > newest).reverse();
    if (fresh.length === 0) return;
    const all = [...fresh, ...this.#records];
    // Only a list that is read at its top lets go of its end; below, the reader may be there.
    this.#records = this.#isAtTop ? this.#trimmed(all) : all;
    if (!this.#isAtTop) this.#shift = { rows: fresh.length, turn: this.#shift.turn + 1 };
  }

  #trimmed(records: readonly RecordRow[]): readonly RecordRow[] {
    if (records.length <= RECORDS_MAX) return records;
    void this.load();
    return records.slice(0, PAGE_RECORDS);
  }

  async #older(): Promise<void> {
    if (this.#isFilling || this.#next === null || this.#records.length >= RECORDS_MAX * 4) return;
    this.#isFilling = true;
    const turn = this.#turn;
    const page = await this.#ask(this.#next, PAGE_RECORDS);
    this.#isFilling = false;
    if (!page || turn !== this.#turn) return;
    const oldest = this.#records.at(-1)?.recordSeq ?? Infinity;
    this.#records = [
      ...this.#records,
      ...page.records.filter(({ recordSeq }) => recordSeq < oldest),
    ];
    this.#next = page.next;
  }

  async #ask(cursor: string | null, limit: number): Promise<RecordPage | null> {
    const shown = RECORD_TYPES.filter((type) => !this.#hidden.has(type));
    if (shown.length === 0) return { records: [], next: null, commitSeq: 0 };
    const types = this.#hidden.size === 0 ? null : shown.join(',');
    try {
      const page = await this.#api.records({ cursor, limit, types, q: this.#text });
      this.#error = null;
      return page;
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
      return null;
    }
  }

  #matches(record: RecordRow): boolean {
    if (this.#hidden.has(record.type)) return false;
    return jsonHasText(record.json, this.#text);
  }
}
