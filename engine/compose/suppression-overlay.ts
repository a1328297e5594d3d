/**
 * Suppression joined to its neighbours: the last step of the overlay of reception, the
 * configuration of the queue `suppressed`, and the records that list somebody.
 */
import type { Message } from '../mail/message.ts';
import { DEFAULT_QUEUE_CONFIG } from '../policy/bindings/settings.ts';
import type { QueueConfig } from '../policy/settings.ts';
import type { QueueConfigOverlay } from '../queue/queue-deps.ts';
import type { OverlayVerdict, ReceptionOverlay } from '../reception/overlay.ts';
import type { Store } from '../store/store.ts';
import type { SuppressionEntry } from '../suppression/entry.ts';
import { BOUNCE_CONSTRUCTOR, BOUNCE_QUEUE, Suppression } from '../suppression/suppression.ts';
import type { Decision, SuppressionParts } from '../suppression/suppression.ts';
import type { RecordFollower } from './record-sink.ts';

/** Loads the sender of the queue `suppressed` into each context of the policy. */
export const SUPPRESSED_QUEUE_MODULE = 'policy-extras.suppressed_queue';

export function openSuppression(
  parts: Omit<SuppressionParts, 'settings' | 'bodyOf'> & { readonly store: Store },
): Suppression {
  const { store } = parts;
  return new Suppression({
    ...parts,
    settings: store,
    bodyOf: async ({ id }) => (await store.load({ id }))?.data ?? null,
  });
}

/** Reception: looks each recipient up and decides. */
export function suppressionStep(
  suppression: Pick<Suppression, 'listed' | 'apply'>,
): ReceptionOverlay {
  return {
    async apply(message, { trace }) {
      const listed = await suppression.listed(message, trace);
      if (listed === null) return 'keep';
      const { mode, entries } = listed;
      const found = entries.filter((entry): entry is SuppressionEntry => entry !== null);
      const places = entries.flatMap((entry, index) => (entry === null ? [] : [index]));
      if (found.length === entries.length) return suppression.apply(message, mode, found);
      // A refusal is the whole transaction's; otherwise the others of a batch get their mail.
      if (mode === 'reject') return about(suppression.apply(message, mode, found), places);
      return {
        kind: 'divide',
        apart: places,
        decide: (apart: Message) => suppression.apply(apart, mode, found),
      };
    },
  };
}

function about(decision: Decision, places: readonly number[]): OverlayVerdict {
  return decision !== 'keep' && decision.kind === 'reject'
    ? { ...decision, about: places }
    : decision;
}

const BOUNCE_QUEUE_CONFIG: QueueConfig = {
  ...DEFAULT_QUEUE_CONFIG,
  protocol: {
    kind: 'lua',
    constructor_: BOUNCE_CONSTRUCTOR,
    batchSize: 1,
    minBatchSize: 1,
    maxBatchLatencyMs: 0,
  },
  json: {
    ...DEFAULT_QUEUE_CONFIG.json,
    protocol: { custom_lua: { constructor: BOUNCE_CONSTRUCTOR } },
  },
};

/** Queues: `suppressed` is ours once it was used; before that it may be the policy's. */
export function suppressedQueue(suppression: {
  readonly settings: { readonly hasBounceQueue: boolean };
}): QueueConfigOverlay {
  return {
    answer: (domain) =>
      domain === BOUNCE_QUEUE && suppression.settings.hasBounceQueue
        ? { config: BOUNCE_QUEUE_CONFIG, route: 'suppression' }
        : null,
  };
}

/** Records: those of failures list their recipients, when a switch says so. */
export function suppressionFollower(suppression: Suppression): RecordFollower {
  return ({ record, message, recordSeq, rowSeqs }) => {
    if (message !== undefined)
      suppression.recorded({ record, message, recordSeq, rowSeqs, sender: record.sender });
  };
}
