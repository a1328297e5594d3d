/** Expectations of a workspace: the files, running them, and saving a case. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, normalize, relative, sep } from 'node:path';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { problemText } from '../files/checked-jsonc.ts';
import { changedJsonc } from '../files/edited-jsonc.ts';
import { spanText } from '../queue/retry-schedule.ts';
import { readExpectations, rowsOf } from '../replay/expectation-file.ts';
import type { CaseRow, ExpectationCase as ReadCase } from '../replay/expectation-file.ts';
import { differencesFrom } from '../replay/expectation-check.ts';
import type { Found } from '../replay/expectation-check.ts';
import type { ExplainView } from './explain-view.ts';
import type {
  Expectation,
  ExpectationList,
  ExpectationResult,
  ExpectationRun,
  ExpectationRunRequest,
  ExpectationSaved,
  ExpectationSaveRequest,
  ExplainedRecipient,
  ExplainRequest,
} from './protocol.ts';
import { ApiProblem } from './route.ts';

export interface ExpectationsViewParts {
  readonly folder: string;
  readonly clock: Clock;
  readonly explain: Pick<ExplainView, 'explain' | 'writtenOut'>;
}

const FILES_MAX = 1_000;

export class ExpectationsView {
  readonly #parts: ExpectationsViewParts;

  constructor(parts: ExpectationsViewParts) {
    this.#parts = parts;
  }

  list(): ExpectationList {
    return {
      files: this.#files().map((file) => {
        const read = readExpectations(this.#text(file));
        if (!read.ok) {
          const { line, message } = read.problem;
          return { file, name: file, cases: [], problem: { line, text: message } };
        }
        const cases = read.cases.map((one) => ({
          name: one.name,
          rows: labelsOf(one),
          table: one.table ?? [],
          summary: summaryOf(one.message),
          expects: expectsText(one.expect),
        }));
        return { file, name: read.name ?? file, cases, problem: null };
      }),
    };
  }

  async run({ file, case: name }: ExpectationRunRequest): Promise<ExpectationRun> {
    const { clock } = this.#parts;
    const startedMs = clock.monotonic();
    const files = this.#files().filter((one) => file === undefined || one === file);
    if (file !== undefined && files.length === 0)
      throw new ApiProblem(404, 'not-found', `no file ${file} in expectations`);
    const results: ExpectationResult[] = [];
    for (const one of files) results.push(...(await this.runText(one, this.#text(one), name)));
    if (name !== undefined && results.length === 0)
      throw new ApiProblem(404, 'not-found', `no case "${name}" in ${file ?? 'expectations'}`);
    const passed = results.filter(({ ok }) => ok).length;
    return {
      results,
      passed,
      failed: results.length - passed,
      durationMs: clock.monotonic() - startedMs,
    };
  }

  /** The cases of a file's text; a file that cannot be read is one result that failed. */
  async runText(file: string, text: string, only?: string): Promise<ExpectationResult[]> {
    const read = readExpectations(text);
    if (!read.ok) {
      return [{ ...NO_RESULT, file, problem: problemText(file, read.problem) }];
    }
    const results: ExpectationResult[] = [];
    for (const one of read.cases) {
      if (only !== undefined && one.name !== only) continue;
      results.push(...(await this.#runCase(file, one)));
    }
    return results;
  }

  /** @throws {ApiProblem} the name or the file cannot be used */
  async save(request: ExpectationSaveRequest): Promise<ExpectationSaved> {
    const { file, name, message } = request;
    const path = this.#real(file);
    const { whatIf: _, files: __, ...given } = message;
    const plain = await this.#parts.explain.writtenOut(given);
    const expect = request.expect ?? (await this.#observed(plain));
    let text = '{\n  "cases": []\n}\n';
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      mkdirSync(this.#parts.folder, { recursive: true });
    }
    const read = readExpectations(text);
    if (!read.ok) {
      const where = problemText(file, read.problem);
      throw new ApiProblem(409, 'broken', `${where}; the case was not saved`);
    }
    if (read.cases.some((one) => one.name === name))
      throw new ApiProblem(409, 'exists', `${file} has a case "${name}" already`);
    const added = { name, message: plain, expect };
    writeFileSync(path, changedJsonc(text, ['cases', read.cases.length], added, 'insert'));
    return { file, case: name };
  }

  async #runCase(file: string, one: ReadCase): Promise<ExpectationResult[]> {
    let rows: CaseRow[];
    try {
      rows = rowsOf(one);
    } catch (error) {
      const problem = toError(error).message;
      return [{ ...NO_RESULT, file, case: one.name, problem }];
    }
    const results: ExpectationResult[] = [];
    for (const row of rows) results.push(...(await this.#runRow(file, one.name, row)));
    return results;
  }

  /** One result per recipient: all of them have to hold. */
  async #runRow(file: string, name: string, row: CaseRow): Promise<ExpectationResult[]> {
    const { clock, explain } = this.#parts;
    const startedMs = clock.monotonic();
    const message = row.message as ExplainRequest;
    const common = { file, case: name, row: row.label, message };
    try {
      const { asIs } = await explain.explain(message);
      const durationMs = clock.monotonic() - startedMs;
      if (asIs.problem !== null && asIs.recipients.length === 0) {
        const where = asIs.problem.source === null ? '' : `${asIs.problem.source.label}: `;
        return [{ ...NO_RESULT, ...common, problem: `${where}${asIs.problem.text}`, durationMs }];
      }
      return asIs.recipients.map((recipient) => {
        const differences = differencesFrom(row.expect, foundOf(recipient));
        const ok = differences.length === 0;
        return { ...common, to: recipient.to, ok, differences, problem: null, durationMs };
      });
    } catch (error) {
      const durationMs = clock.monotonic() - startedMs;
      return [{ ...NO_RESULT, ...common, problem: toError(error).message, durationMs }];
    }
  }

  /** What holds now, in the fields that say most. */
  async #observed(message: ExplainRequest): Promise<Expectation> {
    const { asIs } = await this.#parts.explain.explain(message);
    const [recipient] = asIs.recipients;
    if (recipient === undefined)
      throw new ApiProblem(409, 'cannot-run', asIs.problem?.text ?? 'the dry run found nothing');
    const { reply, state, queue, route, protocol } = recipient;
    const isText = reply.code >= 300;
    return {
      reply: isText ? `${reply.code} ${reply.text}` : reply.code,
      state,
      ...(queue !== null && { queue }),
      ...(route !== null && { route }),
      ...(protocol !== null && { protocol }),
      ...(recipient.maildirPath !== null && { maildir: recipient.maildirPath }),
      ...(recipient.plan.length > 0 && { plan: planOf(recipient) }),
    };
  }

  #files(): string[] {
    const { folder } = this.#parts;
    try {
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.split(sep).join('/'))
        .sort()
        .slice(0, FILES_MAX);
    } catch {
      return [];
    }
  }

  #text(file: string): string {
    return readFileSync(this.#real(file), 'utf8');
  }

  #real(file: string): string {
    const normal = normalize(file);
    const isInside = !relative('.', normal).startsWith('..') && !normal.startsWith(sep);
    if (!isInside || !/^[^\0]+\.json$/.test(normal) || normal.includes(`..${sep}`))
      throw new ApiProblem(
        400,
        'path',
        `${file}: expected the name of a *.json file in expectations`,
      );
    return join(this.#parts.folder, normal);
  }
}

const NO_RESULT: ExpectationResult = {
  file: '',
  case: '',
  row: '',
  to: '',
  ok: false,
  differences: [],
  problem: null,
  durationMs: 0,
  message: {},
};

function foundOf(recipient: ExplainedRecipient): Found {
  const [retry] = recipient.retries;
  return {
    reply: recipient.reply,
    state: recipient.state,
    queue: recipient.queue,
    route: recipient.route,
    protocol: recipient.protocol,
    target: recipient.target,
    maildir: recipient.maildirPath,
    captured: recipient.capturedInstead !== null,
    pool: recipient.pool,
    source: recipient.source,
    plan: planOf(recipient),
    meta: recipient.meta,
    headers: new Map(recipient.changes.headers.map(({ name, to }) => [name, to ?? ''])),
    nextRetryMs: retry?.afterMs ?? null,
    nextRetry: retry === undefined ? 'none' : spanText(retry.afterMs),
  };
}

function planOf({ plan }: ExplainedRecipient): string[] {
  return plan.map(({ name, port }) => `${name}:${port}`);
}

function labelsOf(one: ReadCase): string[] {
  try {
    return rowsOf(one).map(({ label }) => label);
  } catch {
    return [''];
  }
}

function summaryOf({ from, to, row }: ReadCase['message']): string {
  if (row !== undefined && to === undefined) return `row ${row}`;
  return `${from === '' ? '<>' : (from ?? 'anybody')} → ${(to ?? []).join(', ')}`;
}

function expectsText(expect: ReadCase['expect']): string {
  return Object.entries(expect)
    .filter(([, value]) => value !== undefined)
    .map(
      ([field, value]) => `${field} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(', ');
}
