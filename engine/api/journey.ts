/**
 * The Journey of a recipient row: what the store kept of it (conversation, policy calls, attempts,
 * records) put into one order, with the reasons in words. Pure.
 */
import type { JsonValue } from '../mail/json.ts';
import { routeNameIn } from '../mail/message.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { EventCall } from '../policy/event-call.ts';
import { RELEASE_META, releaseHostText, releaseOfRoutingDomain } from '../routes/release.ts';
import type { AttemptRead, TraceRead } from '../store/journey-reads.ts';
import type { RowRead } from '../store/row-reads.ts';
import type { RecordEntry } from '../store/store.ts';
import { conversationSteps } from './journey-conversation.ts';
import { attemptSteps } from './attempt-words.ts';
import { planPart } from './journey-plan.ts';
import { policyHint } from './policy-hints.ts';
import type {
  Journey,
  JourneyPart,
  JourneyStep,
  RowState,
  SourceLink,
  SuppressedBy,
} from './protocol.ts';
import { suppressedByOf } from './suppressed-by.ts';

export interface JourneySources {
  readonly read: RowRead;
  readonly trace: TraceRead | null;
  readonly attempts: readonly AttemptRead[];
  readonly records: readonly RecordEntry[];
}

/** Records that say something no attempt says. */
const OWN_PART_TYPES: ReadonlySet<string> = new Set([
  'Delayed',
  'Expiration',
  'AdminBounce',
  'AdminRebind',
  'OOB',
  'Feedback',
  'DeferredInjectionRebind',
]);

const STATE_OF_RECORD: Readonly<Record<string, RowState>> = {
  Expiration: 'expired',
  AdminBounce: 'bounced',
};

export function composeJourney(sources: JourneySources): Journey {
  const { read, trace, attempts, records } = sources;
  const later = [
    ...attempts.flatMap((attempt, n) => attemptParts(attempt, attempts[n + 1], read)),
    ...recordParts(records),
  ];
  later.sort((a, b) => a.atMs - b.atMs);
  return { parts: [...receptionParts(read, trace), ...later] };
}

export function part(
  fields: Pick<JourneyPart, 'kind' | 'atMs' | 'title'> & Partial<JourneyPart>,
): JourneyPart {
  return {
    detail: '',
    durationMs: null,
    state: null,
    code: null,
    steps: [],
    source: null,
    ...fields,
  };
}

function receptionParts(read: RowRead, trace: TraceRead | null): JourneyPart[] {
  const { session, transaction, row } = read;
  const began = session?.startedMs ?? transaction.startedMs;
  const parts: JourneyPart[] = [
    part({
      kind: 'reception',
      atMs: transaction.startedMs,
      title: 'Reception',
      detail: receptionDetail(read),
      durationMs: transaction.endedMs - began,
      state: row.messageId === null ? row.state : null,
      code: row.messageId === null ? row.code : null,
      steps: [
        ...conversationSteps(trace?.transcript ?? [], session?.peer ?? ''),
        ...problemSteps(trace?.problem ?? read.problem),
      ],
    }),
  ];
  const calls = trace?.events ?? [];
  if (calls.length > 0) {
    parts.push(
      part({
        kind: 'policy',
        atMs: transaction.startedMs,
        title: 'Policy',
        detail: calls.some((call) => call.handler) ? '' : 'no handler of this policy was called',
        durationMs: calls.reduce((sum, call) => sum + call.durationMs, 0),
        steps: calls.flatMap(callSteps),
      }),
    );
  }
  if (row.queue !== '') {
    parts.push(queuePart(read, suppressedByOf(trace?.events ?? [], row.to ?? '')));
  }
  return parts;
}

function receptionDetail({ session, message }: RowRead): string {
  if (session === null) return '';
  const original = message?.meta[RELEASE_META];
  if (original !== undefined) return `a copy of row ${String(original)}, released by hand`;
  if (session.protocol === 'ESMTP') return `listener ${session.listener}`;
  if (session.protocol === 'HTTP') return `HTTP injection at ${session.listener}`;
  return session.protocol === 'LogRecord'
    ? 'a record that a log hook put into a queue'
    : 'injected by the policy';
}

function queuePart(
  { row, message, transaction }: RowRead,
  suppressedBy: SuppressedBy | null,
): JourneyPart {
  const why: JourneyStep[] = [];
  const routed = message === null ? null : routeNameIn(message.meta);
  const released = releaseOfRoutingDomain(parseQueueName(row.queue).routingDomain);
  if (suppressedBy !== null) {
    why.push(step('why', `Suppressed (${suppressedBy.mode}): ${suppressedBy.entry}`));
  } else if (row.queue === 'null') {
    why.push(step('why', 'The null queue: accepted and discarded, nothing is delivered'));
  } else if (released !== null) {
    why.push(step('why', `Released by hand to ${releaseHostText(released)}`));
  } else if (routed !== null) {
    const source = { label: `route ${routed}`, route: routed };
    const isByHand = message?.meta[RELEASE_META] !== undefined;
    const text = isByHand
      ? `Released by hand through the route ${routed}`
      : `The route ${routed} chose this queue`;
    why.push({ ...step('why', text), source });
  } else if (typeof message?.meta['queue'] === 'string') {
    why.push(step('why', `The policy set the meta queue to ${message.meta['queue']}`));
  } else {
    why.push(step('why', originOfName(row.queue)));
  }
  return part({ kind: 'queue', atMs: transaction.endedMs, title: row.queue, steps: why });
}

export function originOfName(queue: string): string {
  const { campaign, tenant, routingDomain } = parseQueueName(queue);
  const fromMeta = [
    campaign !== null && 'campaign',
    tenant ? 'tenant' : false,
    routingDomain !== null && 'routing domain',
  ].filter(Boolean);
  return fromMeta.length === 0
    ? 'Named by the recipient’s domain'
    : `Named by the recipient’s domain and the meta ${fromMeta.join(', ')}`;
}

const STATE_OF_OUTCOME: Readonly<Record<AttemptRead['outcome'], RowState>> = {
  delivered: 'delivered',
  deferred: 'deferred',
  bounced: 'bounced',
  cancelled: 'queued',
  interrupted: 'queued',
  running: 'queued',
};

function attemptParts(
  attempt: AttemptRead,
  next: AttemptRead | undefined,
  read: RowRead,
): JourneyPart[] {
  const parts: JourneyPart[] = [];
  const plan = planPart(attempt);
  if (plan !== null) parts.push(plan);
  parts.push(
    part({
      kind: 'attempt',
      atMs: attempt.startedMs,
      title: `Attempt ${attempt.number}`,
      detail: attemptDetail(attempt),
      durationMs: attempt.durationMs,
      state: STATE_OF_OUTCOME[attempt.outcome],
      code: attempt.code,
      steps: [
        ...attemptSteps(attempt),
        ...attempt.events.flatMap(callSteps),
        ...problemSteps(attempt.problem),
      ],
    }),
  );
  if (
    attempt.outcome === 'delivered' &&
    read.maildir !== null &&
    attempt.protocol.toLowerCase() === 'maildir'
  ) {
    parts.push(
      part({
        kind: 'maildir',
        atMs: attempt.endedMs ?? attempt.startedMs,
        title: 'Maildir',
        steps: [step('line', `${read.maildir.path}/new/${read.maildir.unique}`)],
      }),
    );
  }
  const wait = waitPart(attempt, next);
  if (wait !== null) parts.push(wait);
  return parts;
}

function attemptDetail(attempt: AttemptRead): string {
  if (attempt.outcome === 'running') return 'under way';
  if (attempt.outcome === 'interrupted')
    return 'the engine stopped while it was under way: it may have been delivered, and is tried again';
  return withoutCode(attempt);
}

function waitPart(attempt: AttemptRead, next: AttemptRead | undefined): JourneyPart | null {
  if (attempt.outcome !== 'deferred' || attempt.nextDueMs === null) return null;
  const from = attempt.endedMs ?? attempt.startedMs;
  const until = next?.startedMs ?? attempt.nextDueMs;
  return part({
    kind: 'wait',
    atMs: from,
    title: 'Wait',
    detail: textOf(attempt.details['arithmetic']),
    durationMs: Math.max(0, until - from),
    realDurationMs:
      next === undefined
        ? null
        : next.startedRealMs - attempt.startedRealMs - (attempt.durationMs ?? 0),
  });
}

function recordParts(records: readonly RecordEntry[]): JourneyPart[] {
  return records
    .filter((record) => OWN_PART_TYPES.has(record.type))
    .map((record) => {
      const { response } = JSON.parse(record.json) as {
        response?: { code: number; content: string };
      };
      return part({
        kind: 'record',
        atMs: record.timeMs,
        title: record.type,
        detail: response?.content ?? '',
        state: STATE_OF_RECORD[record.type] ?? null,
        code: response?.code ?? null,
      });
    });
}

export function callSteps(call: EventCall): JourneyStep[] {
  const source =
    call.route !== undefined
      ? { label: `route ${call.route}`, route: call.route }
      : call.handler
        ? linkTo(call.handler.file, call.handler.line)
        : null;
  const raised = call.raised;
  const steps: JourneyStep[] = [
    {
      kind: 'call',
      offsetMs: call.atMs,
      what: call.event,
      text: call.args.join(', '),
      result: raised
        ? `raised ${raised.code === undefined ? '' : `${raised.code} `}${firstLine(raised.text)}`
        : (call.returned?.join(', ') ?? 'nothing'),
      durationMs: call.durationMs,
      source,
    },
  ];
  for (const change of call.metaChanges) {
    steps.push({
      ...step('meta', show(change.from)),
      what: change.key,
      result: show(change.to),
      source: lineLink(call, change.line),
    });
  }
  for (const print of call.prints)
    steps.push({ ...step('print', print.text), source: lineLink(call, print.line) });
  if (raised?.line !== undefined && raised.file !== undefined) {
    steps.push({
      ...step('error', firstLine(raised.text)),
      source: linkTo(raised.file, raised.line),
    });
  }
  const hint = raised === undefined ? null : policyHint(raised.text);
  if (hint !== null) steps.push(step('why', hint));
  return steps;
}

function problemSteps(problem: string | null): JourneyStep[] {
  return problem === null ? [] : [step('error', problem)];
}

export function step(kind: JourneyStep['kind'], text: string): JourneyStep {
  return { kind, offsetMs: null, what: '', text, result: '', durationMs: null, source: null };
}

function lineLink(call: EventCall, line: number | undefined): SourceLink | null {
  return line === undefined || !call.handler ? null : linkTo(call.handler.file, line);
}

export function linkTo(file: string, line: number): SourceLink {
  return { label: `${file.slice(file.lastIndexOf('/') + 1)}:${line}`, file, line };
}

function show(value: JsonValue | undefined): string {
  return value === undefined || value === null ? 'unset' : JSON.stringify(value);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The reply's text; its code has a field of its own. */
export function withoutCode({ code, text }: Pick<AttemptRead, 'code' | 'text'>): string {
  return text.startsWith(`${code} `) ? text.slice(`${code} `.length) : text;
}
