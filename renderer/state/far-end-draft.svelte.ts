/**
 * A far end that is being written: as fields, or as the JSON of its file. The engine says what is
 * wrong with it, and what it would do, while one types.
 */
import type { FarEndCheck, FarEndForm } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { fieldsOf, specOf, type FarEndFields } from '../screens/far-ends/far-end-form.ts';

type Spec = Readonly<Record<string, unknown>>;
export type DraftView = 'form' | 'json';

const CHECK_WAIT_MS = 150;

export class FarEndDraft {
  readonly #api: Api;
  readonly form: FarEndForm;
  /** Its name so far; null for a new one. */
  readonly was: string | null;
  readonly fields = $state<FarEndFields>(fieldsOf({}));
  #view = $state<DraftView>('form');
  #text = $state('');
  #check = $state.raw<FarEndCheck | null>(null);
  #refusal = $state<string | null>(null);
  /** What was said is of an earlier text. */
  #isStale = $state(false);
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api, form: FarEndForm, spec: Spec, was: string | null, view: DraftView) {
    this.#api = api;
    this.form = form;
    this.was = was;
    this.#view = view;
    Object.assign(this.fields, fieldsOf(spec));
    this.#text = written(spec);
    this.edited();
  }

  get view(): DraftView {
    return this.#view;
  }
  get text(): string {
    return this.#text;
  }
  get check(): FarEndCheck | null {
    return this.#check;
  }
  /** What speaks against keeping it, in words. */
  readonly problem: string | null = $derived.by(() => {
    const found = this.#check?.problem ?? null;
    if (found === null) return this.#refusal;
    return found.path === '' ? found.message : `${found.path}: ${found.message}`;
  });

  /** Why it cannot be kept; while that is not known of the latest text, a save finds out. */
  get hindrance(): string | null {
    return this.#isStale ? null : this.problem;
  }

  write(text: string): void {
    this.#text = text;
    this.edited();
  }

  /** Something was changed: what is wrong with it is asked for after a moment. */
  edited(): void {
    this.#refusal = null;
    this.#isStale = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.validate(), CHECK_WAIT_MS);
  }

  /** The other view shows the same; a text that is no JSON stays where it is. */
  setView(view: DraftView): void {
    if (view === this.#view) return;
    try {
      const spec = this.spec();
      if (view === 'json') this.#text = written(spec);
      else Object.assign(this.fields, fieldsOf(spec));
      this.#view = view;
    } catch (cause) {
      this.#refusal = wordsOf(cause);
    }
  }

  /** @throws {Error} with the place of the mistake */
  spec(): Spec {
    return this.#view === 'json' ? parsed(this.#text) : specOf(this.fields, this.form);
  }

  async validate(): Promise<void> {
    try {
      this.#check = await this.#api.checkFarEnd({ farEnd: this.spec() });
    } catch (cause) {
      this.#check = null;
      this.#refusal = wordsOf(cause);
    }
    this.#isStale = false;
  }

  refuse(cause: unknown): void {
    this.#refusal = wordsOf(cause);
  }

  problemOf(path: string): string | null {
    const found = this.#check?.problem;
    return found?.path === path ? found.message : null;
  }
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** One rule a line: what people change most is easy to find. */
function written(spec: Spec): string {
  const lines = Object.entries(spec).map(([key, value]) => {
    if (key !== 'rules' || !Array.isArray(value) || value.length === 0)
      return `  ${JSON.stringify(key)}: ${spaced(value)}`;
    const rules = value.map((rule) => `    ${spaced(rule)}`).join(',\n');
    return `  "rules": [\n${rules}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}: ${spaced(one)}`,
  );
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function parsed(text: string): Spec {
  const value = JSON.parse(text) as unknown;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Spec;
  throw new Error('Cannot keep the far end: found no object, expected { "name": … }');
}
