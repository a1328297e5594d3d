/**
 * The demo of suppression: which message it sends, what came of it in each mode, and where the
 * presentation on the projector stands. Every step is real mail; reset takes all of it back.
 */
import type { SuppressionDemoResult, SuppressionMode } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

export const WAYS = ['reject', 'null', 'bounce'] as const;
export type Way = (typeof WAYS)[number];

/** Steps of the presentation; each shows what it needs to have run. */
export const SLIDES = ['message', 'reject', 'null', 'bounce', 'together', 'removed'] as const;
export type Slide = (typeof SLIDES)[number];

type Results = Readonly<Partial<Record<SuppressionMode, SuppressionDemoResult>>>;

const FROM = 'digest@news.example.com';
const TO = 'bounced.before@example.net';

export class SuppressionDemoState {
  readonly #api: Api;
  #from = $state<string | null>(null);
  #to = $state<string | null>(null);
  #results = $state.raw<Results>({});
  #running = $state<SuppressionMode | null>(null);
  #slide = $state(0);
  #error = $state<string | null>(null);

  constructor(api: Api) {
    this.#api = api;
  }

  get from(): string {
    return this.#from ?? FROM;
  }
  get to(): string {
    return this.#to ?? TO;
  }
  get results(): Results {
    return this.#results;
  }
  get running(): SuppressionMode | null {
    return this.#running;
  }
  get slide(): Slide {
    return SLIDES[this.#slide] ?? 'message';
  }
  get slideNumber(): number {
    return this.#slide + 1;
  }
  get error(): string | null {
    return this.#error;
  }
  get hasRun(): boolean {
    return Object.keys(this.#results).length > 0;
  }

  /** Another message: what came of the one before is of no use. */
  async choose(from: string, to: string): Promise<void> {
    if (from === this.from && to === this.to) return;
    await this.reset();
    this.#from = from === '' ? null : from;
    this.#to = to === '' ? null : to;
  }

  async runAll(): Promise<void> {
    this.#results = {};
    for (const way of WAYS) await this.run(way);
  }

  async run(step: SuppressionMode): Promise<void> {
    this.#running = step;
    this.#error = null;
    try {
      const { from, to } = this;
      const result = await this.#api.suppressionDemo({ step, from, to });
      this.#results = { ...this.#results, [step]: result };
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
    } finally {
      this.#running = null;
    }
  }

  async reset(): Promise<void> {
    this.#slide = 0;
    this.#error = null;
    if (!this.hasRun) return;
    this.#results = {};
    await this.#api.resetSuppressionDemo();
  }

  /** One step on; false at the end. */
  async next(): Promise<boolean> {
    if (this.#running !== null) return true;
    const slide = SLIDES[this.#slide + 1];
    if (slide === undefined) return false;
    const needed = slide === 'removed' ? 'off' : WAYS.find((way) => way === slide);
    if (needed !== undefined && this.#results[needed] === undefined) await this.run(needed);
    if (this.#error === null) this.#slide++;
    return true;
  }

  back(): void {
    if (this.#running === null && this.#slide > 0) this.#slide--;
  }
}
