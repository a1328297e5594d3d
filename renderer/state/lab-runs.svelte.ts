/**
 * Runs of captured messages through the edited policy: the one that is shown, the one it is compared
 * with, and those before. The engine keeps them; nothing of a run is stored, queued or sent.
 */
import type {
  ReplayForRealResult,
  ReplayRequest,
  ReplayResult,
  ReplayRun,
  ReplayRunList,
  ReplaySelection,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

export type Through = ReplayRequest['through'];
export const RECEPTION: Through = { kind: 'reception' };

export class LabRuns {
  readonly #api: Api;
  #shown = $state.raw<ReplayRun | null>(null);
  #base = $state.raw<ReplayRun | null>(null);
  #list = $state.raw<ReplayRunList['runs']>([]);
  #isRunning = $state(false);
  #failure = $state<string | null>(null);
  #turn = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  get shown(): ReplayRun | null {
    return this.#shown;
  }
  /** The run that the shown one is compared with; null compares with what really happened. */
  get base(): ReplayRun | null {
    return this.#base;
  }
  get list(): ReplayRunList['runs'] {
    return this.#list;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  get failure(): string | null {
    return this.#failure;
  }

  #resultBySeq = $derived(resultsBySeq(this.#shown));
  #baseBySeq = $derived(resultsBySeq(this.#base));

  resultOf(seq: number): ReplayResult | null {
    return this.#resultBySeq.get(seq) ?? null;
  }
  baseOf(seq: number): ReplayResult | null {
    return this.#baseBySeq.get(seq) ?? null;
  }

  async loadList(): Promise<void> {
    this.#list = (await this.#api.replayRuns()).runs;
  }

  /** A later run takes the place of one that is still under way. */
  async run(request: ReplayRequest): Promise<void> {
    const turn = ++this.#turn;
    this.#isRunning = true;
    try {
      const run = await this.#api.replay(request);
      if (turn !== this.#turn) return;
      this.#shown = run;
      this.#failure = null;
      await this.loadList();
    } catch (cause) {
      if (turn !== this.#turn) return;
      this.#failure = cause instanceof Error ? cause.message : String(cause);
    } finally {
      if (turn === this.#turn) this.#isRunning = false;
    }
  }

  async show(id: string): Promise<void> {
    this.#shown = await this.#api.replayRun(id);
    this.#failure = null;
    if (this.#base?.id === id) this.#base = null;
  }

  /** @param id null for what really happened */
  async compareWith(id: string | null): Promise<void> {
    this.#base = id === null ? null : await this.#api.replayRun(id);
  }

  forReal(messages: ReplaySelection): Promise<ReplayForRealResult> {
    return this.#api.replayForReal({ messages });
  }
}

function resultsBySeq(run: ReplayRun | null): ReadonlyMap<number, ReplayResult> {
  return new Map(run?.results.map((result) => [result.seq, result]));
}
