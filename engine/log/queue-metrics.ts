/**
 * What the queues hold and do, as metrics: gauges that are read when somebody asks, and what no
 * record says.
 *
 * Source: reference `http-logs-reception.md` §9.2.
 */
import type { QueueName } from '../mail/queue-name.ts';
import type { Metrics, MetricName } from './metrics.ts';

export interface ReadyGauge {
  readonly name: string;
  /** `smtp_client`, `lua`, …: without what follows the colon. */
  readonly service: string;
  readonly provider: string;
  readonly pool: string;
  readonly messages: number;
  readonly connections: number;
}

export interface ScheduledGauge {
  readonly queue: string;
  readonly domain: string;
  readonly tenant: string | null;
  readonly campaign: string | null;
  readonly provider: string;
  readonly pool: string;
  /** Waiting for their due time. */
  readonly messages: number;
  /** Those that are on their way are counted with them here. */
  readonly held: number;
}

export interface QueueGauges {
  readonly ready: readonly ReadyGauge[];
  readonly scheduled: readonly ScheduledGauge[];
}

/** Told of what no record says. */
export interface QueueObserver {
  readyFull(readyQueue: string): void;
  watchdogAborted(readyQueue: string): void;
  /** A delivery call ended, well or not. */
  delivered(readyQueue: string, seconds: number): void;
}

export function queueObserver(metrics: Metrics): QueueObserver {
  const serviceOf = (readyQueue: string): string =>
    readyQueue.slice(readyQueue.lastIndexOf('@') + 1).split(':')[0] ?? '';
  const both = (name: MetricName, readyQueue: string): void => {
    const service = serviceOf(readyQueue);
    for (const label of [service, `${service}:${readyQueue}`]) metrics.add(name, [label]);
  };
  return {
    readyFull: (readyQueue) => both('ready_full', readyQueue),
    watchdogAborted: (readyQueue) => both('dispatcher_watchdog_aborted_total', readyQueue),
    delivered: (readyQueue, seconds) =>
      metrics.observe('deliver_message_latency_rollup', [serviceOf(readyQueue)], seconds),
  };
}

/** All of a ready queue's samples appear together, at zero. */
export function touchReadyQueue(metrics: Metrics, services: readonly string[]): void {
  for (const label of services) {
    for (const name of OUTCOME_COUNTS) metrics.add(name, [label], 0);
    metrics.add('ready_count', [label], 0);
    metrics.add('connection_count', [label], 0);
  }
}

const OUTCOME_COUNTS = [
  'total_messages_delivered',
  'total_messages_transfail',
  'total_messages_fail',
] as const;

/** Where a message of this queue is counted. */
export function scheduledLabels(
  queue: string,
  { domain, tenant, campaign }: Pick<QueueName, 'domain' | 'tenant' | 'campaign'>,
): { readonly name: MetricName; readonly labels: readonly string[] }[] {
  return [
    { name: 'scheduled_count', labels: [queue] },
    { name: 'scheduled_by_domain', labels: [domain] },
    ...(tenant === null ? [] : [{ name: 'scheduled_by_tenant', labels: [tenant] } as const]),
    ...(tenant === null || campaign === null
      ? []
      : [{ name: 'scheduled_by_tenant_campaign', labels: [tenant, campaign] } as const]),
  ];
}

const SCHEDULED: readonly MetricName[] = [
  'scheduled_count',
  'scheduled_by_domain',
  'scheduled_by_tenant',
  'scheduled_by_tenant_campaign',
];

const BY_PROVIDER: readonly MetricName[] = [
  'queued_count_by_provider',
  'queued_count_by_provider_and_pool',
  'connection_count_by_provider',
  'connection_count_by_provider_and_pool',
];

export function setQueueGauges(metrics: Metrics, gauges: QueueGauges): void {
  const { ready, scheduled } = gauges;
  setReadyGauges(metrics, ready);
  setScheduledGauges(metrics, scheduled);
  for (const name of BY_PROVIDER) metrics.restart(name, () => false);
  for (const { provider, pool, connections } of ready) {
    metrics.add('connection_count_by_provider', [provider], connections);
    metrics.add('connection_count_by_provider_and_pool', [provider, pool], connections);
  }
  for (const { provider, pool, held } of scheduled) {
    metrics.add('queued_count_by_provider', [provider], held);
    metrics.add('queued_count_by_provider_and_pool', [provider, pool], held);
  }
  const held = scheduled.reduce((sum, queue) => sum + queue.held, 0);
  const waiting = scheduled.reduce((sum, queue) => sum + queue.messages, 0);
  metrics.set('message_count', [], held);
  metrics.set('message_data_resident_count', [], held - waiting);
  metrics.set('message_meta_resident_count', [], held - waiting);
}

function setScheduledGauges(metrics: Metrics, scheduled: QueueGauges['scheduled']): void {
  const known = new Set(
    scheduled.flatMap((queue) => scheduledLabels(queue.queue, queue).map(keyOf)),
  );
  for (const name of SCHEDULED)
    metrics.restart(name, (labels) => known.has(keyOf({ name, labels })));
  for (const queue of scheduled) {
    if (queue.messages === 0) continue;
    for (const { name, labels } of scheduledLabels(queue.queue, queue))
      metrics.add(name, labels, queue.messages);
  }
  metrics.set(
    'scheduled_count_total',
    [],
    scheduled.reduce((sum, queue) => sum + queue.messages, 0),
  );
  metrics.set('scheduled_queue_count', [], scheduled.length);
}

function keyOf({ name, labels }: { name: MetricName; labels: readonly string[] }): string {
  return JSON.stringify([name, ...labels]);
}

function setReadyGauges(metrics: Metrics, ready: QueueGauges['ready']): void {
  const totals = new Map<string, { messages: number; connections: number }>();
  for (const queue of ready) {
    const total = totals.get(queue.service) ?? { messages: 0, connections: 0 };
    total.messages += queue.messages;
    total.connections += queue.connections;
    totals.set(queue.service, total);
    touchReadyQueue(metrics, [queue.service, `${queue.service}:${queue.name}`]);
    metrics.set('ready_count', [`${queue.service}:${queue.name}`], queue.messages);
    metrics.set('connection_count', [`${queue.service}:${queue.name}`], queue.connections);
  }
  for (const [service, { messages, connections }] of totals) {
    metrics.set('ready_count', [service], messages);
    metrics.set('connection_count', [service], connections);
  }
}
