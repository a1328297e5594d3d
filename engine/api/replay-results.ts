/** Replayed messages in the words of the wire. Pure. */
import type { JsonValue } from '../mail/json.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { Captured } from '../replay/captured.ts';
import { differencesOf, isOfOutcome } from '../replay/compare.ts';
import type { Difference, Happened } from '../replay/compare.ts';
import type { DryOutcome } from '../replay/dry-run.ts';
import type { DrySending } from '../replay/send-dry.ts';
import type { AttemptRead } from '../store/journey-reads.ts';
import { effectsOf } from './dry-wire.ts';
import { linkTo } from './journey.ts';
import type { ReplayedCall, ReplayResult, ReplayRun } from './protocol.ts';

const NO_CHANGES: ReplayResult['changes'] = {
  meta: [],
  headers: [],
  sender: null,
  recipients: null,
  body: null,
};

/** A message that could not be run. */
export function failedResult(seq: number, captured: Captured | null, why: string): ReplayResult {
  return {
    seq,
    to: captured?.read.row.to ?? '',
    subject: captured?.read.row.subject ?? '',
    verdict: 'failed',
    reply: null,
    state: '',
    queue: null,
    durationMs: 0,
    calls: [],
    effects: [],
    changes: NO_CHANGES,
    differences: [],
    problem: why,
  };
}

export function receivedResult(
  captured: Captured,
  outcome: DryOutcome,
  happened: Happened,
): ReplayResult {
  const { row } = captured.read;
  const to = row.to ?? '';
  const recipient = outcome.recipients.find((one) => one.to.toLowerCase() === to.toLowerCase());
  if (recipient === undefined) {
    return failedResult(captured.seq, captured, 'the policy changed its recipient');
  }
  const { message, code, text, state, queue } = recipient;
  const events = [...outcome.reception.events, ...recipient.events];
  const differences = differencesOf(happened, {
    reply: { code, text },
    state,
    queue: message === null ? '' : (queue ?? ''),
    meta: message?.meta ?? null,
    data: message?.data ?? null,
    events: outcome.reception.events,
  });
  return {
    seq: captured.seq,
    to,
    subject: row.subject,
    verdict: verdictOf(differences, hasFailed(events) || recipient.problem !== null),
    reply: { code, text },
    state,
    queue,
    durationMs: outcome.durationMs,
    calls: events.map(replayedCall),
    effects: effectsOf(outcome.calls),
    changes: message === null ? NO_CHANGES : recipient.changes,
    differences,
    problem: recipient.problem,
  };
}

export function sentResult(
  captured: Captured,
  sending: DrySending,
  last: AttemptRead | null,
): ReplayResult {
  const { row } = captured.read;
  const { reply, state, problem, events, calls, changes, durationMs } = sending;
  const differences: Difference[] = [];
  if (last !== null) {
    const was = `${last.code ?? ''} ${withoutCode(last)}`.trim();
    const now =
      reply === null ? (problem?.split('\n')[0] ?? '') : `${reply.code} ${reply.text}`.trim();
    if (was !== now) differences.push({ field: 'reply', was, now });
    if (last.outcome !== state) differences.push({ field: 'state', was: last.outcome, now: state });
  }
  return {
    seq: captured.seq,
    to: row.to ?? '',
    subject: row.subject,
    verdict: verdictOf(differences, reply === null),
    reply,
    state,
    queue: row.queue,
    durationMs,
    calls: events.map(replayedCall),
    effects: effectsOf(calls),
    changes,
    differences,
    problem,
  };
}

export function countsOf(results: readonly ReplayResult[]): ReplayRun['counts'] {
  const count = (verdict: ReplayResult['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  return { same: count('same'), differ: count('differs'), failed: count('failed') };
}

function verdictOf(
  differences: readonly Difference[],
  hasFailed: boolean,
): ReplayResult['verdict'] {
  if (hasFailed) return 'failed';
  return differences.some(isOfOutcome) ? 'differs' : 'same';
}

/** Something that is no reject. */
function hasFailed(events: readonly EventCall[]): boolean {
  return events.some(({ raised }) => raised !== undefined && raised.code === undefined);
}

function replayedCall(call: EventCall): ReplayedCall {
  const { raised, handler, returned } = call;
  const link = (line: number | undefined): ReplayedCall['source'] =>
    line === undefined || handler === undefined ? null : linkTo(handler.file, line);
  return {
    event: call.event,
    args: call.args,
    returned:
      raised === undefined
        ? returned?.join(', ') || 'nothing'
        : `${raised.code === undefined ? '' : `${raised.code} `}${raised.text}`,
    raised: raised !== undefined,
    durationMs: call.durationMs,
    prints: call.prints.map(({ text, line }) => ({ text, source: link(line) })),
    metaChanges: call.metaChanges.map(({ key, from, to, line }) => ({
      name: key,
      from: shown(from),
      to: shown(to),
      source: link(line),
    })),
    source: handler === undefined ? null : linkTo(handler.file, handler.line),
    raisedAt:
      raised?.file === undefined || raised.line === undefined
        ? null
        : linkTo(raised.file, raised.line),
  };
}

function shown(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function withoutCode({ code, text }: AttemptRead): string {
  return text.startsWith(`${code} `) ? text.slice(`${code} `.length) : text;
}
