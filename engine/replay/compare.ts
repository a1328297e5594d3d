/**
 * A dry run against what really happened: reply, fate, queue, metadata, headers, body, and what
 * each event came to. What differs by nature (ids, ports, times of receipt) is left out. An event
 * tells how it came about; only what became of the message makes it different. Pure.
 */
import type { JsonObject } from '../mail/json.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { RowState } from '../store/store.ts';
import { headersOf, splitMessage, textsOf, valueChanges } from './message-changes.ts';
import { unifiedDiff } from './text-diff.ts';

export interface Happened {
  readonly reply: { readonly code: number | null; readonly text: string };
  readonly state: RowState;
  readonly queue: string;
  readonly meta: JsonObject | null;
  /** As delivered; null when there is none. */
  readonly data: Uint8Array | null;
  readonly events: readonly EventCall[];
}

export interface Difference {
  readonly field: string;
  readonly was: string;
  readonly now: string;
}

/** Set by the engine at reception; they name sockets and programs. */
const OWN_META =
  /^(?:received_from|received_via|hostname|reception_protocol|tls_.*|http_auth|postyard_.*)$/;
/** What queues asked depends on what they knew already; a login is not repeated. */
const NOT_COMPARED = /^(?:get_|smtp_server_auth_)/;
/** Trace headers of the engine: they carry ids and times. */
const OWN_HEADERS = /^(?:received|x-kumoref)$/i;
const ACCEPTED: ReadonlySet<RowState> = new Set([
  'queued',
  'deferred',
  'delivered',
  'bounced',
  'expired',
]);

export function differencesOf(was: Happened, now: Happened): Difference[] {
  const found: Difference[] = [];
  const note = (field: string, before: string, after: string): void => {
    if (before !== after) found.push({ field, was: before, now: after });
  };
  note('reply', replyText(was.reply), replyText(now.reply));
  note('state', fateOf(was.state), fateOf(now.state));
  if (was.queue !== '' || now.queue !== '') note('queue', was.queue, now.queue);
  if (was.meta !== null && now.meta !== null) {
    for (const { name, from, to } of valueChanges(metaTexts(was.meta), metaTexts(now.meta)))
      note(`meta.${name}`, from ?? 'unset', to ?? 'unset');
  }
  if (was.data !== null && now.data !== null) found.push(...dataDifferences(was.data, now.data));
  found.push(...eventDifferences(was.events, now.events));
  return found;
}

/** Whether it is about what became of the message: everything but events, and the route it took. */
export function isOfOutcome({ field }: Difference): boolean {
  return !field.startsWith('event ') || field.startsWith('event route ');
}

function dataDifferences(was: Uint8Array, now: Uint8Array): Difference[] {
  const [a, b] = [splitMessage(was), splitMessage(now)];
  const headers = valueChanges(headerTexts(a.head), headerTexts(b.head)).map(
    ({ name, from, to }) => ({
      field: `header.${name}`,
      was: from ?? 'absent',
      now: to ?? 'absent',
    }),
  );
  if (a.body.equals(b.body)) return headers;
  const diff = unifiedDiff(a.body.toString('utf8'), b.body.toString('utf8'));
  return [...headers, { field: 'body', was: `${a.body.length} bytes`, now: diff }];
}

/** By name and turn: the second `smtp_server_rcpt_to` against the second one. */
function eventDifferences(was: readonly EventCall[], now: readonly EventCall[]): Difference[] {
  const before = byTurn(was);
  const after = byTurn(now);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((field) => {
    const [a, b] = [before.get(field) ?? 'not called', after.get(field) ?? 'not called'];
    return a === b ? [] : [{ field: `event ${field}`, was: a, now: b }];
  });
}

function byTurn(calls: readonly EventCall[]): Map<string, string> {
  const counts = new Map<string, number>();
  const found = new Map<string, string>();
  for (const call of calls) {
    if (NOT_COMPARED.test(call.event)) continue;
    const turn = (counts.get(call.event) ?? 0) + 1;
    counts.set(call.event, turn);
    if (cameToNothing(call)) continue;
    found.set(turn === 1 ? call.event : `${call.event} ${turn}`, outcomeOf(call));
  }
  return found;
}

/** As good as not called. */
function cameToNothing({ event, returned, raised, metaChanges }: EventCall): boolean {
  if (raised !== undefined || metaChanges.length > 0) return false;
  return event === 'routes' || (returned ?? []).every((value) => value === 'nil');
}

function outcomeOf({ returned, raised }: EventCall): string {
  if (raised !== undefined) {
    const code = raised.code === undefined ? '' : `${raised.code} `;
    return `raised ${code}${raised.text.split('\n')[0] ?? ''}`;
  }
  return `returned ${returned?.join(', ') || 'nothing'}`;
}

function replyText({ code, text }: Happened['reply']): string {
  const plain = text.replace(/ ids=[0-9a-f ]+$/, '').replace(/^\d{3} /, '');
  return `${code ?? ''} ${plain}`.trim();
}

/** What is known right after reception. */
function fateOf(state: RowState): string {
  return ACCEPTED.has(state) ? 'accepted' : state;
}

function metaTexts(meta: JsonObject): Map<string, string> {
  return new Map([...textsOf(meta)].filter(([key]) => !OWN_META.test(key)));
}

function headerTexts(head: string): Map<string, string> {
  return new Map(
    [...headersOf(head)]
      .filter(([name]) => !OWN_HEADERS.test(name))
      .map(([name, value]) => [name.toLowerCase(), value]),
  );
}
