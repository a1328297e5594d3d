import { expect, test } from 'vitest';
import { Metrics } from '../../../engine/log/metrics.ts';
import type { LogRecord } from '../../../engine/log/record.ts';
import { queueObserver, setQueueGauges } from '../../../engine/log/queue-metrics.ts';
import { countRecord, receptionMetrics } from '../../../engine/log/stage-metrics.ts';

const SITE = 'unspecified->mx_list:127.0.0.1:25@smtp_client';

function record(more: Partial<LogRecord>): LogRecord {
  return {
    type: 'Delivery',
    queue: 'dest.test',
    site: SITE,
    recipient: 'a@x.test',
    delivery_protocol: 'ESMTP',
    response: { code: 250, enhanced_code: null, content: 'ok', command: null },
    ...more,
  } as LogRecord;
}

test('one delivery and one refused recipient show as KumoMTA shows them', () => {
  const metrics = new Metrics();
  const reception = receptionMetrics(metrics);
  reception.messageReceived('127.0.0.1:2525');
  reception.rejection('127.0.0.1:2525');
  countRecord(metrics, record({}));
  const wanted =
    /^(total_messages_received|smtp_server_rejections|total_messages_delivered|total_messages_fail|total_messages_transfail|ready_count|scheduled_count)\b/;
  expect(
    metrics
      .toText()
      .split('\n')
      .filter((l) => wanted.test(l)),
  ).toEqual([
    'ready_count{service="smtp_client"} 0',
    `ready_count{service="smtp_client:${SITE}"} 0`,
    'smtp_server_rejections{service="127.0.0.1:2525"} 1',
    'smtp_server_rejections{service="total"} 1',
    'total_messages_delivered{service="smtp_client"} 1',
    `total_messages_delivered{service="smtp_client:${SITE}"} 1`,
    'total_messages_fail{service="smtp_client"} 0',
    `total_messages_fail{service="smtp_client:${SITE}"} 0`,
    'total_messages_received{service="esmtp_listener"} 1',
    'total_messages_received{service="esmtp_listener:127.0.0.1:2525"} 1',
    'total_messages_transfail{service="smtp_client"} 0',
    `total_messages_transfail{service="smtp_client:${SITE}"} 0`,
  ]);
  expect(metrics.toJson()['total_messages_received']).toEqual({
    help: 'total number of messages ever received',
    type: 'counter',
    value: { service: { esmtp_listener: 1, 'esmtp_listener:127.0.0.1:2525': 1 } },
  });
  expect(metrics.toJson()['scheduled_count']).toBeUndefined();
});

test('SMTP counts recipients, Lua messages; maildirs and internal records count nowhere', () => {
  const metrics = new Metrics();
  countRecord(metrics, record({ recipient: ['a', 'b'] }));
  countRecord(metrics, record({ recipient: ['a', 'b'], delivery_protocol: 'Lua', site: 'l' }));
  countRecord(metrics, record({ delivery_protocol: 'Maildir', site: '' }));
  countRecord(metrics, record({ type: 'Delayed' }));
  expect(metrics.value('total_messages_delivered', 'smtp_client')).toBe(2);
  expect(metrics.value('total_messages_delivered', 'lua')).toBe(1);
  expect(metrics.value('total_messages_delivered', 'lua:l')).toBe(1);
});

test('deliveries are counted by provider and source, delays by their last reason', () => {
  const metrics = new Metrics();
  countRecord(metrics, record({ egress_source: 's', egress_pool: 'p', provider_name: 'Pro' }));
  const name = 'total_messages_delivered_by_provider_and_source';
  expect(metrics.value(name, 'Pro', 's', 'p')).toBe(1);
  const content = 'Context: Received, MessageRateThrottle. Next due in 30s at 2026';
  const response = { code: 400, enhanced_code: null, content, command: null };
  countRecord(metrics, record({ type: 'Delayed', queue: 'dest.test', response }));
  expect(metrics.value('delayed_due_to_message_rate_throttle', 'dest.test')).toBe(1);
});

test('gauges follow the queue', () => {
  const metrics = new Metrics();
  const ready = {
    ...{ service: 'smtp_client', name: 'q', provider: 'Pro', pool: 'p' },
    ...{ messages: 2, connections: 1 },
  };
  const scheduled = {
    ...{ queue: 'c:t@d', domain: 'd', tenant: 't', campaign: 'c', provider: 'Pro', pool: 'p' },
    ...{ messages: 3, held: 5 },
  };
  setQueueGauges(metrics, { ready: [ready], scheduled: [scheduled] });
  expect(metrics.value('ready_count', 'smtp_client')).toBe(2);
  expect(metrics.value('scheduled_count', 'c:t@d')).toBe(3);
  expect(metrics.value('queued_count_by_provider', 'Pro')).toBe(5);
  expect(metrics.value('queued_count_by_provider_and_pool', 'Pro', 'p')).toBe(5);
  expect(metrics.value('connection_count_by_provider', 'Pro')).toBe(1);
  expect(metrics.value('connection_count_by_provider_and_pool', 'Pro', 'p')).toBe(1);
  expect(metrics.value('message_count')).toBe(5);
  expect(metrics.value('message_data_resident_count')).toBe(2);
  expect(metrics.toJson()['scheduled_by_tenant_campaign']).toMatchObject({
    value: [{ tenant: 't', campaign: 'c', '@': 3 }],
  });
  setQueueGauges(metrics, {
    ready: [{ ...ready, messages: 0 }],
    scheduled: [{ ...scheduled, messages: 0, held: 0 }],
  });
  expect(metrics.value('ready_count', 'smtp_client:q')).toBe(0);
  expect(metrics.value('scheduled_count', 'c:t@d')).toBe(0);
  setQueueGauges(metrics, { ready: [], scheduled: [] });
  expect(metrics.value('scheduled_count', 'c:t@d')).toBeUndefined();
  expect(metrics.value('scheduled_count_total')).toBe(0);
});

test.each([
  ['Delayed', 0],
  ['TransientFailure', 0],
  ['Delivery', undefined],
] as const)('after a %s record the gauge of its queue is there: %s', (type, expected) => {
  const metrics = new Metrics();
  countRecord(metrics, record({ type, queue: 't@d' }));
  expect(metrics.value('scheduled_count', 't@d')).toBe(expected);
  expect(metrics.value('scheduled_by_tenant', 't')).toBe(expected);
});

test('without a name of its own the site is the provider', () => {
  const metrics = new Metrics();
  countRecord(metrics, record({}));
  expect(metrics.value('total_messages_delivered_by_provider', 'mx_list:127.0.0.1:25')).toBe(1);
});

test('what the queue tells besides its records', () => {
  const metrics = new Metrics();
  const observer = queueObserver(metrics);
  observer.readyFull(SITE);
  observer.watchdogAborted('s->d@lua:mk');
  observer.delivered('s->d@lua:mk', 0.2);
  expect(metrics.value('ready_full', 'smtp_client')).toBe(1);
  expect(metrics.value('ready_full', `smtp_client:${SITE}`)).toBe(1);
  expect(metrics.value('dispatcher_watchdog_aborted_total', 'lua')).toBe(1);
  expect(metrics.value('deliver_message_latency_rollup', 'lua')).toBe(0.2);
  receptionMetrics(metrics).took('read_data', 0.1);
  expect(metrics.value('smtpsrv_read_data_duration')).toBe(0.1);
});

test('a histogram has buckets, sum and count; every line has a TYPE before it', () => {
  const metrics = new Metrics();
  metrics.observe('deliver_message_latency_rollup', ['smtp_client'], 0.3);
  metrics.observe('deliver_message_latency_rollup', ['smtp_client'], 20);
  const text = metrics.toText('kumo_');
  expect(text).toContain('# TYPE kumo_deliver_message_latency_rollup histogram\n');
  expect(text).toContain('_bucket{service="smtp_client", le="0.5"} 1\n');
  expect(text).toContain('_bucket{service="smtp_client", le="+Inf"} 2\n');
  expect(text).toContain('_count{service="smtp_client"} 2\n');
  expect(metrics.toJson()['deliver_message_latency_rollup']).toMatchObject({
    value: { service: { smtp_client: { count: 2, sum: 20.3, avg: 10.15 } } },
  });
});
