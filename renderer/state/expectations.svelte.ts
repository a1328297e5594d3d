/** Expectations of the workspace: the cases of its files, how they came out last, and what is shown of them. */
import type {
  ExpectationList,
  ExpectationResult,
  ExpectationSaveRequest,
} from '../../engine/api/protocol.ts';
import { SvelteMap } from 'svelte/reactivity';
import type { Api } from '../connection/api.ts';

type ExpectedCase = ExpectationList['files'][number]['cases'][number];

/** A line of the list: a case, or a file that cannot be read. */
export type ExpectationLine =
  | {
      readonly kind: 'case';
      readonly key: string;
      readonly file: string;
      readonly case: ExpectedCase;
    }
  | { readonly kind: 'broken'; readonly key: string; readonly file: string; readonly text: string };

export type CaseState = 'new' | 'ok' | 'failed';

const FIRST_FILE = 'routing.json';

export class Expectations {
  readonly #api: Api;
  #files = $state.raw<ExpectationList['files'] | null>(null);
  readonly #results = new SvelteMap<string, readonly ExpectationResult[]>();
  #openedKey = $state<string | null>(null);
  #isFailedOnly = $state(false);
  #failure = $state<string | null>(null);
  #isRunning = $state(false);
  #lastFile = $state<string | null>(null);
  filter = $state('');

  constructor(api: Api) {
    this.#api = api;
  }

  /** Null until they are loaded. */
  get files(): ExpectationList['files'] | null {
    return this.#files;
  }
  get failure(): string | null {
    return this.#failure;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  get isFailedOnly(): boolean {
    return this.#isFailedOnly;
  }
  /** Where a case was saved last, else the first file there is. */
  get lastFile(): string {
    return this.#lastFile ?? this.#files?.[0]?.file ?? FIRST_FILE;
  }

  readonly #all: readonly ExpectationLine[] = $derived(
    (this.#files ?? []).flatMap(({ file, cases, problem }): ExpectationLine[] =>
      problem === null
        ? cases.map((one) => ({ kind: 'case', key: keyOf(file, one.name), file, case: one }))
        : [{ kind: 'broken', key: file, file, text: `line ${problem.line ?? 1}: ${problem.text}` }],
    ),
  );

  readonly lines: readonly ExpectationLine[] = $derived.by(() => {
    const wanted = this.filter.trim().toLowerCase();
    if (wanted === '' && !this.#isFailedOnly) return this.#all;
    return this.#all.filter(
      (line) =>
        (wanted === '' || wordsOf(line).includes(wanted)) &&
        (!this.#isFailedOnly || line.kind === 'broken' || this.stateOf(line.key) === 'failed'),
    );
  });

  readonly isEmpty: boolean = $derived(this.#all.length === 0);
  readonly count: number = $derived(this.#all.filter(({ kind }) => kind === 'case').length);
  /** Cases, not their rows: what the list shows. */
  readonly held: number = $derived(
    [...this.#results.values()].filter((results) => results.every(({ ok }) => ok)).length,
  );
  readonly failed: number = $derived(this.#results.size - this.held);

  /** The case that is shown beside the list. */
  readonly opened: Extract<ExpectationLine, { kind: 'case' }> | null = $derived.by(() => {
    const line = this.#all.find(({ key }) => key === this.#openedKey);
    return line?.kind === 'case' ? line : null;
  });

  resultsOf(key: string): readonly ExpectationResult[] | null {
    return this.#results.get(key) ?? null;
  }

  stateOf(key: string): CaseState {
    const results = this.resultsOf(key);
    if (results === null) return 'new';
    return results.every(({ ok }) => ok) ? 'ok' : 'failed';
  }

  hasCase(file: string, name: string): boolean {
    const wanted = keyOf(file, name.trim());
    return this.#all.some(({ key }) => key === wanted);
  }

  caseAt(key: string | null): Extract<ExpectationLine, { kind: 'case' }> | null {
    const line = this.#all.find((each) => each.key === key);
    return line?.kind === 'case' ? line : null;
  }

  open(key: string | null): void {
    this.#openedKey = key;
  }

  showFailedOnly(isFailedOnly: boolean): void {
    this.#isFailedOnly = isFailedOnly;
  }

  async load(): Promise<void> {
    await this.#attempt(async () => {
      this.#files = (await this.#api.expectations()).files;
    });
  }

  /** All of them, or one case. */
  async run(one?: { readonly file: string; readonly name: string }): Promise<void> {
    this.#isRunning = true;
    await this.#attempt(async () => {
      this.#files = (await this.#api.expectations()).files;
      const run = await this.#api.runExpectations(
        one === undefined ? {} : { file: one.file, case: one.name },
      );
      if (one === undefined) this.#results.clear();
      const byCase = Map.groupBy(run.results, (result) => keyOf(result.file, result.case));
      for (const [key, results] of byCase) this.#results.set(key, results);
    });
    this.#isRunning = false;
  }

  /** @throws {Error} it was not saved */
  async save(request: ExpectationSaveRequest): Promise<void> {
    await this.#api.saveExpectation(request);
    this.#lastFile = request.file;
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

function keyOf(file: string, name: string): string {
  return `${file}\n${name}`;
}

function wordsOf(line: ExpectationLine): string {
  const words =
    line.kind === 'case'
      ? [line.file, line.case.name, line.case.summary, line.case.expects]
      : [line.file, line.text];
  return words.join('\n').toLowerCase();
}
