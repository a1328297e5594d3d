/**
 * Queues whose configuration is ours: the policy is never asked for them. And the configuration
 * of a queue that could not be resolved, which holds its messages until it can.
 *
 * Source: reference `queues-delivery.md` §1.6.
 */
import type { DeliveryProtocol, QueueConfig } from '../policy/settings.ts';

const NULL_QUEUE = 'null';
const GENERATOR_QUEUE = 'generator.kumomta.internal';
const DEFERRED_INJECTION_QUEUE = 'deferred_smtp_inject.kumomta.internal';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** KumoMTA's defaults of `make_queue_config{}`. */
export const DEFAULT_QUEUE_CONFIG: QueueConfig = {
  retryIntervalMs: 20 * MINUTE,
  maxRetryIntervalMs: null,
  maxAgeMs: 7 * DAY,
  egressPool: null,
  maxMessageRate: null,
  protocol: { kind: 'smtp', mxList: [], treatMxListAsSecure: false },
  reapIntervalMs: 10 * MINUTE,
  refreshIntervalMs: MINUTE,
  timerwheelTickIntervalMs: null,
  strategy: 'SingletonTimerWheel',
  refreshStrategy: 'Ttl',
  providerName: null,
  json: {},
};

/** The configuration of a reserved queue, or null for all others. */
export function builtInConfig(queue: string): QueueConfig | null {
  switch (queue) {
    case NULL_QUEUE:
      return fixed({ kind: 'null' }, 10 * SECOND, 10 * SECOND);
    case GENERATOR_QUEUE:
      return fixed({ kind: 'httpInjectionGenerator' }, 10 * SECOND, null);
    case DEFERRED_INJECTION_QUEUE:
      return fixed({ kind: 'deferredSmtpInjection' }, MINUTE, null);
    default:
      return null;
  }
}

function fixed(
  protocol: DeliveryProtocol,
  retryIntervalMs: number,
  maxRetryIntervalMs: number | null,
): QueueConfig {
  return { ...DEFAULT_QUEUE_CONFIG, protocol, retryIntervalMs, maxRetryIntervalMs };
}
