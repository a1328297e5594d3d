/**
 * Counters and gauges of the engine under KumoMTA's names, as `/metrics` and `/metrics.json` show
 * them. A family appears with its first sample.
 *
 * Source: reference `http-logs-reception.md` §9.
 */

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric, in one place. */
const DEFINITIONS = {
  connection_count: { type: 'gauge', labels: ['service'], help: 'number of active connections' },
  connection_count_by_provider: {
    type: 'gauge',
    labels: ['provider'],
    help: 'number of active connections by provider',
  },
  connection_count_by_provider_and_pool: {
    type: 'gauge',
    labels: ['provider', 'pool'],
    help: 'number of active connections by provider and pool',
  },
  delayed_due_to_message_rate_throttle: {
    type: 'counter',
    labels: ['queue'],
    help: 'number of times a message was delayed by a message rate',
  },
  delayed_due_to_ready_queue_full: {
    type: 'counter',
    labels: ['queue'],
    help: 'number of times a message was delayed because its ready queue was full',
  },
  delayed_due_to_throttle_insert_ready: {
    type: 'counter',
    labels: ['queue'],
    help: 'number of times throttle_insert_ready_queue delayed a message',
  },
  deliver_message_latency_rollup: {
    type: 'histogram',
    labels: ['service'],
    help: 'seconds that one delivery call took',
  },
  disk_free_bytes: {
    type: 'gauge',
    labels: ['name'],
    help: 'number of bytes that are free for unprivileged users',
  },
  disk_free_percent: {
    type: 'gauge',
    labels: ['name'],
    help: 'percentage of the space that is free for unprivileged users',
  },
  dispatcher_watchdog_aborted_total: {
    type: 'counter',
    labels: ['service'],
    help: 'number of sessions that the watchdog ended',
  },
  log_hook_backlog_count: {
    type: 'gauge',
    labels: ['logger'],
    help: 'number of times a record had to wait for its log hook',
  },
  log_submit_full: {
    type: 'counter',
    labels: ['logger'],
    help: 'number of times a record had to wait for its logger',
  },
  lua_count: { type: 'gauge', labels: [], help: 'number of policy contexts' },
  lua_event_latency: {
    type: 'histogram',
    labels: ['event'],
    help: 'seconds that the handlers of an event took',
  },
  lua_event_started: {
    type: 'counter',
    labels: ['event'],
    help: 'number of calls of an event',
  },
  memory_limit: {
    type: 'gauge',
    labels: [],
    help: 'bytes of memory that the process may use',
  },
  memory_usage: { type: 'gauge', labels: [], help: 'bytes of memory that the process uses' },
  message_count: {
    type: 'gauge',
    labels: [],
    help: 'number of messages that are queued',
  },
  message_data_resident_count: {
    type: 'gauge',
    labels: [],
    help: 'number of messages whose body is in memory',
  },
  message_meta_resident_count: {
    type: 'gauge',
    labels: [],
    help: 'number of messages whose metadata is in memory',
  },
  queued_count_by_provider: {
    type: 'gauge',
    labels: ['provider'],
    help: 'number of messages in the ready and scheduled queues by provider',
  },
  queued_count_by_provider_and_pool: {
    type: 'gauge',
    labels: ['provider', 'pool'],
    help: 'number of messages in the ready and scheduled queues by provider and pool',
  },
  ready_count: {
    type: 'gauge',
    labels: ['service'],
    help: 'number of messages in the ready queue',
  },
  ready_full: {
    type: 'counter',
    labels: ['service'],
    help: 'number of times a ready queue was full',
  },
  scheduled_by_domain: {
    type: 'gauge',
    labels: ['domain'],
    help: 'number of scheduled messages by domain',
  },
  scheduled_by_tenant: {
    type: 'gauge',
    labels: ['tenant'],
    help: 'number of scheduled messages by tenant',
  },
  scheduled_by_tenant_campaign: {
    type: 'gauge',
    labels: ['tenant', 'campaign'],
    help: 'number of scheduled messages by tenant and campaign',
  },
  scheduled_count: {
    type: 'gauge',
    labels: ['queue'],
    help: 'number of messages in the scheduled queue',
  },
  scheduled_count_total: {
    type: 'gauge',
    labels: [],
    help: 'number of messages in all scheduled queues',
  },
  scheduled_queue_count: { type: 'gauge', labels: [], help: 'number of scheduled queues' },
  smtp_server_rejections: {
    type: 'counter',
    labels: ['service'],
    help: 'number of Rejection records logged by the smtp server',
  },
  smtpsrv_process_data_duration: {
    type: 'histogram',
    labels: [],
    help: 'seconds between the end of the data and its reply',
  },
  smtpsrv_read_data_duration: {
    type: 'histogram',
    labels: [],
    help: 'seconds that the data took to arrive',
  },
  smtpsrv_transaction_duration: {
    type: 'histogram',
    labels: [],
    help: 'seconds that a transaction took',
  },
  total_connection_count: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of connections ever opened',
  },
  total_connections_denied: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of connections turned away',
  },
  total_messages_delivered: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of messages ever delivered',
  },
  total_messages_delivered_by_provider: {
    type: 'counter',
    labels: ['provider'],
    help: 'total number of messages ever delivered by provider',
  },
  total_messages_delivered_by_provider_and_source: {
    type: 'counter',
    labels: ['provider', 'source', 'pool'],
    help: 'total number of messages ever delivered by provider and source',
  },
  total_messages_fail: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of message delivery permanent failures',
  },
  total_messages_fail_by_provider: {
    type: 'counter',
    labels: ['provider'],
    help: 'total number of message delivery permanent failures by provider',
  },
  total_messages_fail_by_provider_and_source: {
    type: 'counter',
    labels: ['provider', 'source', 'pool'],
    help: 'total number of message delivery permanent failures by provider and source',
  },
  total_messages_received: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of messages ever received',
  },
  total_messages_transfail: {
    type: 'counter',
    labels: ['service'],
    help: 'total number of message delivery transient failures',
  },
  total_messages_transfail_by_provider: {
    type: 'counter',
    labels: ['provider'],
    help: 'total number of message delivery transient failures by provider',
  },
  total_messages_transfail_by_provider_and_source: {
    type: 'counter',
    labels: ['provider', 'source', 'pool'],
    help: 'total number of message delivery transient failures by provider and source',
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricName = keyof typeof DEFINITIONS;

/** Upper bounds in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Sample {
  readonly labels: readonly string[];
  value: number;
  /** Histograms: observations, and how many were at most each bound. */
  readonly buckets: number[] | null;
  count: number;
}

export class Metrics {
  readonly #families = new Map<MetricName, Map<string, Sample>>();

  /** Adds to a counter or gauge. With 0 the sample appears and stays as it was. */
  add(name: MetricName, labels: readonly string[], amount = 1): void {
    this.#sample(name, labels).value += amount;
  }

  set(name: MetricName, labels: readonly string[], value: number): void {
    this.#sample(name, labels).value = value;
  }

  observe(name: MetricName, labels: readonly string[], seconds: number): void {
    const sample = this.#sample(name, labels);
    sample.value += seconds;
    sample.count++;
    const { buckets } = sample;
    if (buckets === null) return;
    for (let i = BUCKETS.length - 1; i >= 0 && seconds <= (BUCKETS[i] ?? 0); i--) {
      buckets[i] = (buckets[i] ?? 0) + 1;
    }
  }

  /** All samples of a gauge are zero, and those whose labels are of no interest any more gone. */
  restart(name: MetricName, isKept: (labels: readonly string[]) => boolean): void {
    const family = this.#families.get(name);
    for (const [key, sample] of family ?? []) {
      if (isKept(sample.labels)) sample.value = 0;
      else family?.delete(key);
    }
  }

  /** Forgets the samples whose first label is this one: a queue that is gone. */
  forget(names: readonly MetricName[], label: string): void {
    for (const name of names) this.#families.get(name)?.delete(label);
  }

  value(name: MetricName, ...labels: readonly string[]): number | undefined {
    return this.#families.get(name)?.get(labels.join(SEPARATOR))?.value;
  }

  /** The Prometheus text form. @param prefix is put in front of every name */
  toText(prefix = ''): string {
    return this.#sorted()
      .map(([name, samples]) => {
        const { help, type } = DEFINITIONS[name];
        const lines = samples.flatMap((s) => sampleLines(`${prefix}${name}`, name, s));
        return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n${lines.join('')}`;
      })
      .join('');
  }

  toJson(): Record<string, unknown> {
    return Object.fromEntries(
      this.#sorted().map(([name, samples]) => {
        const { help, type } = DEFINITIONS[name];
        return [name, { help, type, value: jsonValue(name, samples) }];
      }),
    );
  }

  #sample(name: MetricName, labels: readonly string[]): Sample {
    let family = this.#families.get(name);
    if (!family) this.#families.set(name, (family = new Map()));
    const key = labels.join(SEPARATOR);
    let sample = family.get(key);
    if (!sample) {
      const isHistogram = definitionOf(name).type === 'histogram';
      sample = { labels, value: 0, buckets: isHistogram ? BUCKETS.map(() => 0) : null, count: 0 };
      family.set(key, sample);
    }
    return sample;
  }

  #sorted(): [MetricName, Sample[]][] {
    return [...this.#families]
      .filter(([, family]) => family.size > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, family]) => [
        name,
        [...family].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sample]) => sample),
      ]);
  }
}

const SEPARATOR = '\0';

function definitionOf(name: MetricName): Definition {
  return DEFINITIONS[name];
}

function sampleLines(shownName: string, name: MetricName, sample: Sample): string[] {
  const pairs = definitionOf(name).labels.map((l, i) => [l, sample.labels[i] ?? ''] as const);
  if (!sample.buckets) return [`${shownName}${labelText(pairs)} ${sample.value}\n`];
  const bounds = [...BUCKETS.map(String), '+Inf'];
  const counts = [...sample.buckets, sample.count];
  return [
    ...bounds.map(
      (le, i) => `${shownName}_bucket${labelText([...pairs, ['le', le]])} ${counts[i] ?? 0}\n`,
    ),
    `${shownName}_sum${labelText(pairs)} ${sample.value}\n`,
    `${shownName}_count${labelText(pairs)} ${sample.count}\n`,
  ];
}

function labelText(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return '';
  const shown = pairs.map(([label, value]) => `${label}="${value.replace(/["\\\n]/g, '_')}"`);
  return `{${shown.join(', ')}}`;
}

function jsonValue(name: MetricName, samples: readonly Sample[]): unknown {
  const { labels } = definitionOf(name);
  const [only] = labels;
  if (only === undefined) return samples[0] ? sampleJson(samples[0]) : null;
  if (labels.length === 1) {
    return { [only]: Object.fromEntries(samples.map((s) => [s.labels[0] ?? '', sampleJson(s)])) };
  }
  return samples.map((s) => ({
    ...Object.fromEntries(labels.map((l, i) => [l, s.labels[i] ?? ''])),
    '@': sampleJson(s),
  }));
}

function sampleJson(sample: Sample): unknown {
  if (!sample.buckets) return sample.value;
  const { value: sum, count, buckets } = sample;
  const bucket = BUCKETS.map((le, i) => [le, buckets[i] ?? 0]);
  return { count, sum, avg: count === 0 ? 0 : sum / count, bucket };
}
