/** Expectations of the workspace: the cases of its files, and how they came out last. */
import type {
  ExpectationList,
  ExpectationResult,
  ExpectationSaveRequest,
} from '../../engine/api/protocol.ts';
import { SvelteMap } from 'svelte/reactivity';
import type { Api } from '../connection/api.ts';

export class Expectations {
  readonly #api: Api;
  #list = $state.raw<ExpectationList['files'] | null>(null);
  readonly #results = new SvelteMap<string, readonly ExpectationResult[]>();
  #opened = $state<string | null>(null);
  #failure = $state<string | null>(null);
  #isRunning = $state(false);

  constructor(api: Api) {
    this.#api = api;
  }

  /** Null until they are loaded. */
  get files(): ExpectationList['files'] | null {
    return this.#list;
  }
  get failure(): string | null {
    return this.#failure;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  /** The case whose results are open. */
  get opened(): string | null {
    return this.#opened;
  }

  readonly held: number = $derived(
    [...this.#results.values()].flat().filter(({ ok }) => ok).length,
  );
  readonly failed: number = $derived(
    [...this.#results.values()].flat().filter(({ ok }) => !ok).length,
  );

  resultsOf(file: string, name: string): readonly ExpectationResult[] | null {
    return this.#results.get(keyOf(file, name)) ?? null;
  }

  open(key: string): void {
    this.#opened = this.#opened === key ? null : key;
  }

  async load(): Promise<void> {
    await this.#attempt(async () => {
      this.#list = (await this.#api.expectations()).files;
    });
  }

  /** All, those of a file, or one case. */
  async run(file?: string, name?: string): Promise<void> {
    this.#isRunning = true;
    await this.#attempt(async () => {
      this.#list = (await this.#api.expectations()).files;
      const run = await this.#api.runExpectations({
        ...(file !== undefined && { file }),
        ...(name !== undefined && { case: name }),
      });
      if (file === undefined) this.#results.clear();
      const byCase = Map.groupBy(run.results, (result) => keyOf(result.file, result.case));
      for (const [key, results] of byCase) this.#results.set(key, results);
    });
    this.#isRunning = false;
  }

  /** @throws {Error} it was not saved */
  async save(request: ExpectationSaveRequest): Promise<void> {
    await this.#api.saveExpectation(request);
    await this.load();
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failure = null;
    } catch (cause) {
      this.#failure = cause instanceof Error ? cause.message : String(cause);
    }
  }
}

export function keyOf(file: string, name: string): string {
  return `${file}\n${name}`;
}
