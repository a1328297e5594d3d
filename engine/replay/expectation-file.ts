/**
 * `expectations/*.json`: cases of messages and what is expected of them. Read with the line of what
 * is wrong; a case with a table becomes one case per row.
 *
 * Source: `docs/explain-and-check.md`.
 */
import { z } from 'zod';
import { namedOnce, readJsonc } from '../files/checked-jsonc.ts';
import type { FileProblem } from '../files/checked-jsonc.ts';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const expectationSchema = z.strictObject({
  reply: value.optional().describe('Code, or code and text: 250, "550 5.7.1*"'),
  state: value.optional(),
  queue: value.optional(),
  route: value.optional(),
  protocol: value.optional().describe('smtp, maildir, lua, null'),
  target: value.optional(),
  maildir: value.optional().describe('Path of the maildir, relative to the workspace'),
  captured: z.boolean().optional().describe('Captured instead of leaving'),
  pool: value.optional(),
  source: value.optional(),
  plan: z.array(value).optional().describe('host:port, in order'),
  meta: z.record(z.string(), value).optional(),
  headers: z.record(z.string(), value).optional(),
  nextRetry: value.optional().describe('From the first failure to the next attempt: 20m'),
});

const text = z.string();

/** As `POST /explain` takes it; numbers may be parameters, so ports and rows stay texts there. */
const messageSchema = z.strictObject({
  from: text.optional(),
  to: z.array(text).min(1).optional(),
  headers: z.array(z.strictObject({ name: text, value: text })).optional(),
  text: text.optional(),
  eml: text.optional(),
  row: z.int().min(1).optional(),
  meta: z.record(text, z.json()).optional(),
  auth: z.strictObject({ user: text, password: text.optional() }).optional(),
  peer: text.optional(),
  ehlo: text.optional(),
  stubs: z
    .array(
      z.strictObject({
        kind: z.enum(['http', 'dns', 'redis']),
        match: text,
        status: z.int().optional(),
        headers: z.record(text, text).optional(),
        body: text.optional(),
        answer: z.json().optional(),
        error: text.optional(),
      }),
    )
    .optional(),
  routes: z.record(text, z.boolean()).optional(),
  seed: z.int().min(0).optional(),
});

const caseSchema = z.strictObject({
  name: text.min(1),
  message: messageSchema,
  expect: expectationSchema,
  table: z
    .array(z.record(text, z.union([z.string(), z.number()])))
    .min(1)
    .optional()
    .describe('One run per row; {{ name }} in texts of the case stands for its value'),
});

export const fileSchema = z.strictObject({
  $schema: text.optional(),
  name: text.optional(),
  cases: z.array(caseSchema),
});

export type Expectation = z.output<typeof expectationSchema>;
export type ExpectedValue = z.output<typeof value>;
export type ExpectationCase = z.output<typeof caseSchema>;
export type CaseMessage = z.output<typeof messageSchema>;

export type ReadFile =
  | { readonly ok: true; readonly name: string | null; readonly cases: readonly ExpectationCase[] }
  | { readonly ok: false; readonly problem: FileProblem };

/** A case with its parameters put in. */
export interface CaseRow {
  /** `a=1, b=x`; `` for a case without a table. */
  readonly label: string;
  readonly message: CaseMessage;
  readonly expect: Expectation;
}

export function readExpectations(source: string): ReadFile {
  const read = readJsonc(source, fileSchema, ({ cases }) => namedOnce('cases', cases));
  if (!read.ok) return read;
  const { name = null, cases } = read.value;
  return { ok: true, name, cases };
}

/** @throws {Error} a parameter is used that the row has not */
export function rowsOf(one: ExpectationCase): CaseRow[] {
  const { message, expect, table } = one;
  // Nothing is a parameter then: a captured message may well have braces in its text.
  if (table === undefined) return [{ label: '', message, expect }];
  return table.map((row) => ({
    label: Object.entries(row)
      .map(([key, item]) => `${key}=${item}`)
      .join(', '),
    message: filled(message, row),
    expect: filled(expect, row),
  }));
}

const PARAMETER = /\{\{\s*([\w-]+)\s*\}\}/g;

/** A text that is one parameter and nothing else takes the value's type. */
function filled<T>(part: T, row: Readonly<Record<string, string | number>>): T {
  const valueOf = (name: string): string | number => {
    const found = Object.hasOwn(row, name) ? row[name] : undefined;
    if (found === undefined)
      throw new Error(`{{ ${name} }} is used, but the table has no such column`);
    return found;
  };
  const fill = (item: unknown): unknown => {
    if (typeof item === 'string') {
      const alone = /^\{\{\s*([\w-]+)\s*\}\}$/.exec(item)?.[1];
      if (alone !== undefined) return valueOf(alone);
      return item.replace(PARAMETER, (_, name: string) => String(valueOf(name)));
    }
    if (Array.isArray(item)) return item.map(fill);
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(part) as T;
}
