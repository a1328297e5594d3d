/**
 * What the queues say now about a recipient row, added to its Journey: the settings of its queue
 * and who gave them, and why it waits. Pure.
 */
import type { EpochMs } from '../base/clock.ts';
import { formatSpan } from '../base/span-words.ts';
import { protocolSuffix } from '../delivery/ready-queue-name.ts';
import type { QueueConfig } from '../policy/settings.ts';
import type { ConfigSource } from '../queue/config-source.ts';
import type { JourneyPart, JourneyStep } from './protocol.ts';
import { sourceLinkOf } from './waiting-words.ts';

export interface JourneyNow {
  readonly nowMs: EpochMs;
  /** Null: the queue is forgotten, or never existed. */
  readonly queue: { readonly config: QueueConfig; readonly source: ConfigSource } | null;
  /** Null: it does not wait. */
  readonly waiting: { readonly why: string; readonly dueMs: EpochMs | null } | null;
}

export function withNow(parts: readonly JourneyPart[], now: JourneyNow): JourneyPart[] {
  const settings = now.queue === null ? [] : settingSteps(now.queue.config, now.queue.source);
  const shown = parts.map((part) =>
    part.kind === 'queue' ? { ...part, steps: [...part.steps, ...settings] } : part,
  );
  if (now.waiting === null) return shown;
  const { why, dueMs } = now.waiting;
  const step = sentence(why);
  const last = shown.at(-1);
  if (last?.kind === 'wait') {
    return [...shown.slice(0, -1), { ...last, steps: [...last.steps, step] }];
  }
  return [
    ...shown,
    {
      kind: 'wait',
      atMs: now.nowMs,
      title: 'Wait',
      detail: '',
      durationMs: dueMs === null ? null : Math.max(0, dueMs - now.nowMs),
      state: null,
      code: null,
      steps: [step],
      source: null,
    },
  ];
}

function settingSteps(config: QueueConfig, source: ConfigSource): JourneyStep[] {
  const { retryIntervalMs, maxRetryIntervalMs, maxAgeMs, egressPool, maxMessageRate } = config;
  const cap = maxRetryIntervalMs === null ? '' : ` up to ${formatSpan(maxRetryIntervalMs)}`;
  const rate = maxMessageRate === null ? '' : ', with a message rate';
  const pool = egressPool === null ? '' : `, pool ${egressPool}`;
  const from =
    source.kind === 'defaults' ? 'no handler answered: the defaults' : 'its configuration';
  return [
    {
      ...sentence(
        `Retry after ${formatSpan(retryIntervalMs)}, doubling${cap}; max age ${formatSpan(maxAgeMs)}`,
      ),
      source: sourceLinkOf(source),
    },
    sentence(`Delivers by ${protocolSuffix(config.protocol)}${pool}${rate} (${from})`),
  ];
}

function sentence(text: string): JourneyStep {
  return {
    kind: 'why',
    offsetMs: null,
    what: '',
    text,
    result: '',
    durationMs: null,
    source: null,
  };
}
