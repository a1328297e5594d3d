/** Wire types of expectations: what must hold when messages are explained. */
import type { ExplainRequest } from './explain.ts';

/** One expected value: equal; a text with `*` matches as a glob, `/…/` as a regular expression. */
export type Expected = string | number | boolean | null;

/** What should come out; only what is given is looked at. */
export interface Expectation {
  /** `250`, `550 5.7.1*`. */
  readonly reply?: Expected;
  readonly state?: Expected;
  readonly queue?: Expected;
  readonly route?: Expected;
  readonly protocol?: Expected;
  readonly target?: Expected;
  readonly maildir?: Expected;
  readonly captured?: boolean;
  readonly pool?: Expected;
  readonly source?: Expected;
  /** `mx.example.com:2525`, in order; the hosts of the connection plan. */
  readonly plan?: readonly Expected[];
  readonly meta?: Readonly<Record<string, Expected>>;
  readonly headers?: Readonly<Record<string, Expected>>;
  /** `20m`: from the first failure to the next attempt. */
  readonly nextRetry?: Expected;
}

/** A file of `expectations/`. */
export interface ExpectationFile {
  readonly name: string;
  readonly cases: readonly ExpectationCase[];
}

export interface ExpectationCase {
  readonly name: string;
  readonly message: Omit<ExplainRequest, 'whatIf' | 'files'>;
  readonly expect: Expectation;
  /** Rows of parameters: `{{ name }}` in texts of the case is replaced, one run per row. */
  readonly table?: readonly Readonly<Record<string, string | number>>[];
}

/** `GET /expectations` */
export interface ExpectationList {
  readonly files: readonly {
    /** Relative to `expectations/`. */
    readonly file: string;
    readonly name: string;
    readonly cases: readonly {
      readonly name: string;
      /** One label per row of the table; a case without table has one, ``. */
      readonly rows: readonly string[];
      /** The parameters of those rows; empty without a table. */
      readonly table: readonly Readonly<Record<string, string | number>>[];
      /** `a@x.example → b@y.example`. */
      readonly summary: string;
      readonly expects: string;
    }[];
    readonly problem: { readonly line: number | null; readonly text: string } | null;
  }[];
}

/** `POST /expectations/run`: everything, one file, or one case. */
export interface ExpectationRunRequest {
  readonly file?: string;
  readonly case?: string;
}

export interface ExpectationRun {
  readonly results: readonly ExpectationResult[];
  readonly passed: number;
  readonly failed: number;
  readonly durationMs: number;
}

export interface ExpectationResult {
  readonly file: string;
  readonly case: string;
  /** Label of the table's row, else ``. */
  readonly row: string;
  readonly to: string;
  readonly ok: boolean;
  readonly differences: readonly {
    readonly field: string;
    readonly expected: string;
    readonly found: string;
  }[];
  /** It could not be run at all. */
  readonly problem: string | null;
  readonly durationMs: number;
  /** For the tester: what was asked. */
  readonly message: ExplainRequest;
}

/** `POST /expectations/save`: appends a case to a file, which is made when it is not there. */
export interface ExpectationSaveRequest {
  readonly file: string;
  readonly name: string;
  /** A `row` is written out: the file does not depend on what is captured. */
  readonly message: ExplainRequest;
  /** Default: what the dry run says now. */
  readonly expect?: Expectation;
}

export interface ExpectationSaved {
  readonly file: string;
  readonly case: string;
}
