/**
 * What the stages count: reception by calls, delivery by the records it writes. Per ready queue
 * there is a sample of its own beside the one of its protocol.
 *
 * Source: reference `http-logs-reception.md` §9.2.
 */
import type { Metrics, MetricName } from './metrics.ts';
import type { LogRecord } from './record.ts';

/** Reception's counters; `listener` is `ip:port` as bound. */
export function receptionMetrics(metrics: Metrics): {
  connectionDenied(listener: string): void;
  connectionOpened(listener: string): void;
  connectionClosed(listener: string): void;
  messageReceived(listener: string): void;
  rejection(listener: string): void;
} {
  const both = (name: MetricName, listener: string, amount = 1): void => {
    metrics.add(name, ['esmtp_listener'], amount);
    metrics.add(name, [`esmtp_listener:${listener}`], amount);
  };
  return {
    connectionDenied: (listener) => both('total_connections_denied', listener),
    connectionOpened: (listener) => both('connection_count', listener),
    connectionClosed: (listener) => both('connection_count', listener, -1),
    messageReceived: (listener) => both('total_messages_received', listener),
    rejection: (listener) => {
      metrics.add('smtp_server_rejections', ['total']);
      metrics.add('smtp_server_rejections', [listener]);
    },
  };
}

const OUTCOMES = {
  Delivery: [
    'total_messages_delivered',
    'total_messages_delivered_by_provider',
    'total_messages_delivered_by_provider_and_source',
  ],
  TransientFailure: [
    'total_messages_transfail',
    'total_messages_transfail_by_provider',
    'total_messages_transfail_by_provider_and_source',
  ],
  Bounce: [
    'total_messages_fail',
    'total_messages_fail_by_provider',
    'total_messages_fail_by_provider_and_source',
  ],
} as const;

/** The service name of a delivery protocol; maildirs are delivered without a ready queue. */
const SERVICES: Readonly<Record<string, string>> = {
  ESMTP: 'smtp_client',
  Lua: 'lua',
  HttpInjectionGenerator: 'httpinject',
};

/** A session of a ready queue is connected. */
export function countConnection(metrics: Metrics, readyQueue: string): void {
  for (const label of ['smtp_client', `smtp_client:${readyQueue}`]) {
    metrics.add('total_connection_count', [label]);
  }
}

/** What put a message off, by the reason that its Delayed record gives. */
const DELAYS: Readonly<Record<string, MetricName>> = {
  MessageRateThrottle: 'delayed_due_to_message_rate_throttle',
  ReadyQueueWasFull: 'delayed_due_to_ready_queue_full',
  ThrottledByThrottleInsertReadyQueue: 'delayed_due_to_throttle_insert_ready',
};

function countDelayed(metrics: Metrics, { queue, response }: LogRecord): void {
  const [, reasons = ''] = /^Context: ([\w, ]+)\./.exec(response.content) ?? [];
  const name = DELAYS[reasons.split(', ').at(-1) ?? ''];
  if (name !== undefined) metrics.add(name, [queue]);
}

/** Counts what a ready queue did: per recipient over SMTP, per message otherwise. */
export function countRecord(metrics: Metrics, record: LogRecord): void {
  if (record.type === 'Delayed') return countDelayed(metrics, record);
  const service = SERVICES[record.delivery_protocol ?? ''];
  const outcome = record.type in OUTCOMES ? OUTCOMES[record.type as keyof typeof OUTCOMES] : null;
  if (service === undefined || outcome === null || record.site === '') return;
  const services = [service, `${service}:${record.site}`];
  touchReadyQueue(metrics, services);
  const recipients = typeof record.recipient === 'string' ? 1 : record.recipient.length;
  const count = service === 'smtp_client' ? recipients : 1;
  for (const label of services) metrics.add(outcome[0], [label], count);
  const provider = record.provider_name ?? record.site;
  const { egress_source: source, egress_pool: pool } = record;
  metrics.add(outcome[1], [provider], count);
  metrics.add(outcome[2], [provider, source ?? '', pool ?? ''], count);
}

/** All of a ready queue's samples appear together, at zero. */
function touchReadyQueue(metrics: Metrics, services: readonly string[]): void {
  for (const label of services) {
    for (const [name] of Object.values(OUTCOMES)) metrics.add(name, [label], 0);
    metrics.add('ready_count', [label], 0);
    metrics.add('connection_count', [label], 0);
  }
}

/** What the queue holds at this moment, for the gauges. */
export interface QueueGauges {
  readonly ready: readonly {
    readonly service: string;
    readonly name: string;
    readonly messages: number;
    readonly connections: number;
  }[];
  readonly scheduled: readonly {
    readonly queue: string;
    readonly domain: string;
    readonly tenant: string | null;
    readonly campaign: string | null;
    readonly messages: number;
  }[];
}

export function setQueueGauges(metrics: Metrics, gauges: QueueGauges): void {
  setReadyGauges(metrics, gauges.ready);
  for (const name of SCHEDULED) metrics.clear(name);
  const total = gauges.scheduled.reduce((sum, q) => sum + q.messages, 0);
  metrics.set('scheduled_count_total', [], total);
  metrics.set('scheduled_queue_count', [], gauges.scheduled.length);
  for (const { queue, domain, tenant, campaign, messages } of gauges.scheduled) {
    if (messages === 0) continue;
    metrics.add('scheduled_count', [queue], messages);
    metrics.add('scheduled_by_domain', [domain], messages);
    if (tenant === null) continue;
    metrics.add('scheduled_by_tenant', [tenant], messages);
    if (campaign !== null)
      metrics.add('scheduled_by_tenant_campaign', [tenant, campaign], messages);
  }
}

const SCHEDULED: readonly MetricName[] = [
  'scheduled_count',
  'scheduled_by_domain',
  'scheduled_by_tenant',
  'scheduled_by_tenant_campaign',
];

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
