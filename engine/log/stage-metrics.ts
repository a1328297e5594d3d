/**
 * What the stages count: reception by calls, delivery by the records it writes. Per ready queue
 * there is a sample of its own beside the one of its protocol.
 *
 * Source: reference `http-logs-reception.md` §9.2.
 */
import { parseQueueName } from '../mail/queue-name.ts';
import type { Metrics, MetricName } from './metrics.ts';
import { scheduledLabels, touchReadyQueue } from './queue-metrics.ts';
import type { LogRecord } from './record.ts';

/** Reception's counters; `listener` is `ip:port` as bound. */
export function receptionMetrics(metrics: Metrics): {
  connectionDenied(listener: string): void;
  connectionOpened(listener: string): void;
  connectionClosed(listener: string): void;
  messageReceived(listener: string): void;
  rejection(listener: string): void;
  took(what: ReceptionPart, seconds: number): void;
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
    took: (what, seconds) => metrics.observe(`smtpsrv_${what}_duration`, [], seconds),
  };
}

/** What takes time in a reception. */
export type ReceptionPart = 'transaction' | 'read_data' | 'process_data';

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
  if (record.type === 'Delayed') countDelayed(metrics, record);
  // It waits in its scheduled queue now: the queue's gauges exist from here on.
  if (record.type === 'Delayed' || record.type === 'TransientFailure')
    touchScheduled(metrics, record);
  const service = SERVICES[record.delivery_protocol ?? ''];
  const outcome = record.type in OUTCOMES ? OUTCOMES[record.type as keyof typeof OUTCOMES] : null;
  if (service === undefined || outcome === null || record.site === '') return;
  const services = [service, `${service}:${record.site}`];
  touchReadyQueue(metrics, services);
  const recipients = typeof record.recipient === 'string' ? 1 : record.recipient.length;
  const count = service === 'smtp_client' ? recipients : 1;
  for (const label of services) metrics.add(outcome[0], [label], count);
  const provider = record.provider_name ?? siteOf(record.site);
  const { egress_source: source, egress_pool: pool } = record;
  metrics.add(outcome[1], [provider], count);
  metrics.add(outcome[2], [provider, source ?? '', pool ?? ''], count);
}

function touchScheduled(metrics: Metrics, { queue }: LogRecord): void {
  if (queue === '') return;
  for (const { name, labels } of scheduledLabels(queue, parseQueueName(queue)))
    metrics.add(name, labels, 0);
}

/** The site within the name of a ready queue. */
function siteOf(readyQueue: string): string {
  const site = readyQueue.slice(readyQueue.indexOf('->') + 2);
  return site.slice(0, site.lastIndexOf('@'));
}
