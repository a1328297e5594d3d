/**
 * What a ready queue, or a session that has a message in hand, waits for: the second half of
 * `why-waiting.ts`.
 */
import { spanText } from './retry-schedule.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ReadyQueue } from './ready-queue.ts';

/** Completes "waits for …". @param suspendedBecause a rule that holds this ready queue */
export function readyReason(ready: ReadyQueue, suspendedBecause: string | null): string {
  const { path, dispatchers } = ready;
  if (suspendedBecause !== null) return `its path to be resumed: ${suspendedBecause}`;
  if (ready.planTrouble !== null) return `a connection plan: ${ready.planTrouble}`;
  const limit = ready.states.get('connection_limited')?.context;
  if (limit !== undefined) return `a connection: the shared limit ${limit} allows no more`;
  if ([...dispatchers].some(({ phase }) => phase === 'ConnectionRateThrottled')) {
    return 'max_connection_rate to allow another connection';
  }
  if ([...dispatchers].some(({ phase }) => phase === 'MessageRateThrottled')) {
    return 'the message rate of its path';
  }
  if (dispatchers.size >= path.connectionLimit) {
    return path.connectionLimit === 1
      ? 'the one connection that connection_limit allows'
      : `one of the ${path.connectionLimit} connections that connection_limit allows`;
  }
  if (ready.pauseMs !== null) {
    return `the pause of ${spanText(ready.pauseMs)} after a session that ended without a message`;
  }
  return 'a free connection';
}

const PHASE_WORDS: Readonly<Record<string, string>> = {
  Starting: 'being planned',
  Idle: 'being handed over',
  AccumulatingBatch: 'held until its batch is full',
  AttemptingConnection: 'connecting',
  ConnectionRateThrottled: 'held back by max_connection_rate',
  MessageRateThrottled: 'held back by the message rate of its path',
  DeliveringMessage: 'under way',
  Closing: 'ending',
};

/** Completes "attempt 2 is …". */
export function sessionReason({ phase, peer }: Pick<Dispatcher, 'phase' | 'peer'>): string {
  const words = PHASE_WORDS[phase] ?? 'under way';
  return phase === 'DeliveringMessage' && peer !== null ? `${words} to ${peer}` : words;
}
