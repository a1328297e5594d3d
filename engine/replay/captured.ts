/**
 * Captured messages as dry runs take them up again: envelope, client and bytes as they were, and
 * what really became of them.
 */
import type { JsonObject } from '../mail/json.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { RowRead } from '../store/row-reads.ts';
import type { Store } from '../store/store.ts';
import type { DryArrival } from './dry-reception.ts';

export interface Captured {
  readonly seq: number;
  readonly read: RowRead;
  /** As sent. */
  readonly original: Uint8Array;
  /** All recipients of its transaction, in order. */
  readonly recipients: readonly string[];
  readonly events: readonly EventCall[];
}

/** @returns null when the row is gone; a text when it cannot be run again */
export async function readCaptured(
  store: Pick<Store, 'read'>,
  seq: number,
): Promise<Captured | string | null> {
  const [read, body, trace] = await Promise.all([
    store.read('row', { seq }),
    store.read('body', { seq, which: 'original' }),
    store.read('trace', { seq }),
  ]);
  if (read === null) return null;
  if (read.problem !== null) return read.problem;
  if (body === null) return 'no data arrived for it';
  if (read.row.to === null) return 'it has no recipient';
  const all = [
    { seq, to: read.row.to },
    ...read.siblings.map((sibling) => ({ seq: sibling.seq, to: sibling.to })),
  ];
  const recipients = all.sort((a, b) => a.seq - b.seq).map(({ to }) => to);
  return {
    seq,
    read,
    original: body.bytes,
    recipients: recipients.filter((to) => to !== ''),
    events: trace?.events ?? [],
  };
}

/** The same client with the same message. Its password is not known; it counts as logged in. */
export function arrivalOf({ read, original, recipients }: Captured): DryArrival {
  const { row, session } = read;
  return {
    ehlo: session?.ehlo ?? 'localhost',
    auth: null,
    identity: session?.auth ?? null,
    from: row.from ?? '',
    to: recipients,
    data: original,
    peer: ipOf(session?.peer ?? ''),
    meta: {},
  };
}

/** Metadata that the engine sets at HTTP injection, before the policy is asked. */
export function injectedMeta({ read }: Captured): JsonObject {
  const kept: JsonObject = {};
  for (const key of ['reception_protocol', 'received_from', 'http_auth', 'extra', 'hostname']) {
    const value = read.message?.meta[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}

function ipOf(peer: string): string {
  return /^\[(.+)\]:\d+$/.exec(peer)?.[1] ?? /^(.*?)(?::\d+)?$/.exec(peer)?.[1] ?? '127.0.0.1';
}
