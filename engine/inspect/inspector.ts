/**
 * The inspect thread, seen from the main thread: what a message looks like, on demand, and the
 * full-text index, filled behind reception. While mail comes in fast the thread works a tenth of
 * the time, so that reception keeps the processor; the lag is visible and made up for afterwards.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { newReader } from '../store/reader.ts';
import type { Reader } from '../store/reader.ts';
import type { Store } from '../store/store.ts';
import { INSPECT_READS } from './inspect-reads.ts';
import type { IndexStep, PartRead, Preview, PreviewParams } from './inspect-reads.ts';
import type { MessageChecks } from './checks/check-message.ts';
import type { Inspection } from './inspect-message.ts';
import type { MessageContent } from './message-content.ts';

/** After a commit, before its rows are looked at: others follow it in a burst. */
const COMMIT_DELAY_MS = 100;
/** Rest after a step, as a multiple of the step, while rows keep coming in. */
const BUSY_REST_FACTOR = 9;
/** After a step that failed. */
const FAILURE_DELAY_MS = 5_000;

export interface InspectorOptions {
  readonly folder: string;
  readonly store: Pick<Store, 'onCommit' | 'patchRows' | 'settled'> & {
    readonly newestSeq: number;
    readonly totals: { readonly expiredTransactions: number };
  };
  /** Real time. */
  readonly clock: Clock;
  /** The full-text index: `INDEX_READS` of `search/index-reads.ts`. */
  readonly indexReads: URL;
  readonly onTrouble?: (text: string) => void;
}

export class Inspector {
  readonly #reader: Reader;
  readonly #store: InspectorOptions['store'];
  readonly #clock: Clock;
  readonly #onTrouble: (text: string) => void;
  #through = 0;
  #newestAtLastStep = 0;
  #sweptExpired: number;
  #timer: Timer | null = null;
  #isStepping = false;
  /** A commit came during a step, which may not have seen its rows. */
  #isBehind = false;
  #isClosed = false;
  #idle = Promise.withResolvers<void>();

  static open(options: InspectorOptions): Inspector {
    return new Inspector(options);
  }

  private constructor(options: InspectorOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#onTrouble = options.onTrouble ?? (() => undefined);
    this.#sweptExpired = options.store.totals.expiredTransactions;
    this.#reader = newReader({
      folder: options.folder,
      modules: [options.indexReads.href, INSPECT_READS.href],
      isBackground: true,
    });
    options.store.onCommit(() => this.#wake(COMMIT_DELAY_MS));
    this.#wake(0);
  }

  /** Rows that are stored and not in the full-text index yet. */
  get lag(): number {
    return this.#isIdle ? 0 : Math.max(0, this.#store.newestSeq - this.#through);
  }

  /** Null when the row is gone or no data ever arrived for it. */
  inspect(seq: number): Promise<Inspection | null> {
    return this.#read('inspect', { seq });
  }

  preview(seq: number, options: Omit<PreviewParams, 'seq'>): Promise<Preview | null> {
    return this.#read('preview', { ...options, seq });
  }

  /** Text, HTML and links as they were sent. */
  content(seq: number): Promise<MessageContent | null> {
    return this.#read('content', { seq });
  }

  /** What a recipient's side would find wrong. */
  checks(seq: number): Promise<MessageChecks | null> {
    return this.#read('checks', { seq });
  }

  /** A part by its dotted path, decoded unless `isEncoded`. */
  part(seq: number, path: string, options = { isEncoded: false }): Promise<PartRead | null> {
    return this.#read('part', { seq, path, ...options });
  }

  /** Resolves when every durable row is indexed. */
  async caughtUp(): Promise<void> {
    await this.#store.settled();
    if (!this.#isIdle && !this.#isClosed) await this.#idle.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#idle.resolve();
    await this.#reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read<T>(name: string, params: object): Promise<T> {
    await this.#store.settled();
    return (await this.#reader.ask(name, params)) as T;
  }

  get #isIdle(): boolean {
    return !this.#isStepping && this.#timer === null;
  }

  #wake(delayMs: number): void {
    this.#isBehind = this.#isStepping;
    if (this.#isClosed || !this.#isIdle) return;
    this.#timer = this.#clock.timer(delayMs, () => {
      this.#timer = null;
      void this.#step();
    });
  }

  async #step(): Promise<void> {
    this.#isStepping = true;
    this.#isBehind = false;
    let restMs: number | null;
    try {
      restMs = await this.#work();
    } catch (thrown) {
      if (this.#isClosed) return;
      this.#onTrouble(`the full-text index could not be filled: ${(thrown as Error).message}`);
      restMs = FAILURE_DELAY_MS;
    } finally {
      this.#isStepping = false;
    }
    if (restMs === null && this.#isBehind) restMs = COMMIT_DELAY_MS;
    if (restMs !== null) return this.#wake(restMs);
    this.#idle.resolve();
    this.#idle = Promise.withResolvers<void>();
  }

  /** @returns how long to rest before the next step; null when there is nothing more to do */
  async #work(): Promise<number | null> {
    const step = (await this.#reader.ask('indexStep', {})) as IndexStep;
    this.#through = step.through;
    if (step.patches.length > 0) this.#store.patchRows(step.patches);
    if (step.isMore) {
      const isBusy = step.newest > this.#newestAtLastStep;
      this.#newestAtLastStep = step.newest;
      return isBusy ? step.tookMs * BUSY_REST_FACTOR : 0;
    }
    const { expiredTransactions } = this.#store.totals;
    if (expiredTransactions === this.#sweptExpired) return null;
    const isMore = (await this.#reader.ask('sweepStep', {})) as boolean;
    if (!isMore) this.#sweptExpired = expiredTransactions;
    return 0;
  }
}
