/**
 * Results of a run side by side with what really happened, or with another run: lines of a diff with
 * the words that changed, and messages of the same fate put together. Pure.
 */
import type { DryEffect, ReplayResult } from '../../../engine/api/protocol.ts';

interface DiffLine {
  readonly kind: 'same' | 'was' | 'now';
  readonly field: string;
  /** The value in three pieces; the middle one is what changed. */
  readonly before: string;
  readonly marked: string;
  readonly after: string;
}

export type Verdict = 'same' | 'differs' | 'failed';

export interface ResultGroup {
  readonly key: string;
  readonly verdict: Verdict;
  readonly results: readonly ReplayResult[];
}

/** A call that asked the network something, not one that only prepared it. */
export function isQuestion({ effect, what, question }: DryEffect): boolean {
  return effect === 'network' && (what !== 'done' || question !== undefined);
}

interface Difference {
  readonly field: string;
  readonly was: string;
  readonly now: string;
}

const UNSET = 'unset';
/** Numbers and ids that are new with every message. */
const PASSING = /[0-9a-f]{16,}|\d{6,}/gi;
const ALWAYS_SHOWN = ['reply', 'state', 'queue'] as const;

/**
 * What differs for one message.
 * @param base null: from what really happened; undefined: the other run had no such message
 */
export function differencesOf(
  result: ReplayResult,
  base: ReplayResult | null | undefined,
): readonly Difference[] {
  if (base === null) return result.differences;
  if (base === undefined) return [];
  const was = fieldsOf(base);
  const now = fieldsOf(result);
  return [...new Set([...was.keys(), ...now.keys()])]
    .map((field) => ({ field, was: was.get(field) ?? UNSET, now: now.get(field) ?? UNSET }))
    .filter((pair) => pair.was !== pair.now);
}

/** Same as what really happened, or as in the other run; failed whatever that did. */
export function verdictOf(result: ReplayResult, base: ReplayResult | null | undefined): Verdict {
  if (base === null || result.verdict === 'failed') return result.verdict;
  return differencesOf(result, base).length === 0 ? 'same' : 'differs';
}

/** Everything about a result that a script can change. */
function fieldsOf(result: ReplayResult): Map<string, string> {
  const { reply, state, queue, changes, calls } = result;
  const fields = new Map<string, string>([['state', state]]);
  if (reply) fields.set('reply', `${reply.code} ${reply.text}`.replace(/ids=\S+/, 'ids=…'));
  if (queue !== null) fields.set('queue', queue);
  for (const { name, to } of changes.meta) fields.set(`meta.${name}`, to ?? UNSET);
  for (const { name, to } of changes.headers) fields.set(`header.${name}`, to ?? UNSET);
  for (const change of [changes.sender, changes.recipients])
    if (change) fields.set(change.name, change.to ?? UNSET);
  if (changes.body) fields.set('body', `${changes.body.bytesAfter} bytes`);
  for (const { event, returned, raised, prints } of calls) {
    const text = [...prints.map((print) => `printed ${print.text}`), returned].join('\n');
    fields.set(`event ${event}`, raised ? `raised ${text}` : text);
  }
  return fields;
}

/** Lines of the diff, with what stayed the same for context. */
export function diffLines(
  result: ReplayResult,
  differences: readonly Difference[],
): readonly DiffLine[] {
  const changed = new Set(differences.map(({ field }) => field));
  const fields = fieldsOf(result);
  const kept = ALWAYS_SHOWN.filter((field) => !changed.has(field) && fields.has(field)).map(
    (field): DiffLine => plain('same', field, fields.get(field) ?? ''),
  );
  const bytes = result.changes.body?.bytesAfter;
  const short = differences.map((pair) =>
    pair.field === 'body' && bytes !== undefined ? { ...pair, now: `${bytes} bytes` } : pair,
  );
  return [...kept, ...short.flatMap(pairOfLines)];
}

function plain(kind: DiffLine['kind'], field: string, text: string): DiffLine {
  return { kind, field, before: text, marked: '', after: '' };
}

/** Minus and plus, with the words between their common beginning and end marked. */
function pairOfLines({ field, was, now }: Difference): DiffLine[] {
  const start = commonStart(was, now);
  const end = commonEnd(was.slice(start), now.slice(start));
  const line = (kind: 'was' | 'now', text: string): DiffLine => ({
    kind,
    field,
    before: text.slice(0, start),
    marked: text.slice(start, text.length - end),
    after: text.slice(text.length - end),
  });
  return [line('was', was), line('now', now)];
}

/** Letters that both begin with, back to the beginning of a word. */
function commonStart(left: string, right: string): number {
  let at = 0;
  while (at < left.length && at < right.length && left[at] === right[at]) at++;
  while (at > 0 && (isInWord(left, at) || isInWord(right, at))) at--;
  return at;
}

function commonEnd(left: string, right: string): number {
  let count = 0;
  const most = Math.min(left.length, right.length);
  while (count < most && left.at(-1 - count) === right.at(-1 - count)) count++;
  while (
    count > 0 &&
    (isInWord(left, left.length - count) || isInWord(right, right.length - count))
  )
    count--;
  return count;
}

/** Between two letters of the same word. */
function isInWord(text: string, at: number): boolean {
  return /^\w\w$/.test(text.slice(at - 1, at + 1));
}

/** Messages with the same verdict and the same differences, in the order of the run. */
export function groupResults(
  results: readonly ReplayResult[],
  baseOf: (seq: number) => ReplayResult | null | undefined,
): readonly ResultGroup[] {
  const groups = new Map<string, { verdict: Verdict; results: ReplayResult[] }>();
  for (const result of results) {
    const base = baseOf(result.seq);
    const verdict = verdictOf(result, base);
    const key = JSON.stringify([verdict, result.problem, fateOf(result, base, verdict)]);
    const group = groups.get(key) ?? { verdict, results: [] };
    group.results.push(result);
    groups.set(key, group);
  }
  return [...groups].map(([key, group]) => ({ key, ...group }));
}

/** Same differences, whoever the recipient was. */
function fateOf(
  result: ReplayResult,
  base: ReplayResult | null | undefined,
  verdict: Verdict,
): unknown {
  if (verdict === 'same') return null;
  const raised = result.calls.filter((call) => call.raised).map((call) => call.returned);
  const [local = '', domain = ''] = result.to.split('@');
  const shorn = (text: string): string => {
    const common = text.replace(PASSING, '·');
    const names = [local, domain].filter((name) => name !== '');
    return names.reduce((left, name) => left.replaceAll(name, '·'), common);
  };
  const pairs = differencesOf(result, base).map(({ field, was, now }) => [
    field,
    shorn(was),
    shorn(now),
  ]);
  return [raised, pairs];
}
