/**
 * Work beside the mail: tasks in contexts of their own, queues between scripts, counters.
 *
 * Source: reference `lua-api.md` §3.7.
 */
import { deserialize, deserializeRaw } from '../config-read.ts';
import { duration } from '../config-scalars.ts';
import { anything, list, optional, required, struct, text, unsigned } from '../config-serde.ts';
import type { HostCall, HostMethod, HostResult, UserdataType } from '../lua/host-function.ts';
import { luaToJson } from '../lua-json.ts';
import { HostObject, type LuaValue } from '../lua/lua-value.ts';
import type { Bindings } from './bindings.ts';
import { jsonForLua } from './connection-meta.ts';
import type { CoreDeps } from './core-deps.ts';
import { CounterSeries } from './counter-series.ts';
import { freeze, thaw } from './memoized-table.ts';
import { MessageQueue } from './mpsc-queue.ts';
import { after } from './settle.ts';
import { durationNs } from './time.ts';

const SPAWN_TASK = struct('TaskParams', {
  event_name: required(text),
  args: required(list(anything)),
});

const THREAD_POOL = struct('ThreadPoolParams', {
  name: required(text),
  num_threads: required(unsigned('usize')),
});

const COUNTER_SERIES = struct('CounterSeriesConfig', {
  name: required(text),
  num_buckets: required(unsigned('u8')),
  bucket_size: required(duration),
  initial_value: optional(unsigned('u64')),
});

class QueueHandle extends HostObject {
  readonly luaTypeName = 'Queue';
  readonly queue: MessageQueue;
  constructor(queue: MessageQueue) {
    super();
    this.queue = queue;
  }
}

class SeriesHandle extends HostObject {
  readonly luaTypeName = 'CounterSeries';
  readonly series: CounterSeries;
  constructor(series: CounterSeries) {
    super();
    this.series = series;
  }
}

export function taskBindings(deps: CoreDeps): Bindings {
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          spawn_task: {
            effect: 'write',
            signature: 'spawn_task{event_name, args}',
            doc: 'Calls an event in a context of its own, beside everything else.',
            run: (call) => spawnTask(deps, call),
          },
          spawn_thread_pool: {
            effect: 'pure',
            signature: 'spawn_thread_pool{name, num_threads}',
            doc: 'Accepted; there is one thread for Lua.',
            run: (call) => void deserializeRaw(THREAD_POOL, call.value(1)),
          },
        },
      },
      {
        path: ['kumo', 'mpsc'],
        functions: {
          define: {
            effect: 'write',
            signature: 'define(name, bound?) -> queue',
            doc: 'The queue of this name, made when it does not exist.',
            run: (call) => {
              const name = call.string(1);
              const bound = call.optInteger(2, 'usize') ?? null;
              let queue = deps.world.queues.get(name);
              if (!queue) deps.world.queues.set(name, (queue = new MessageQueue(bound)));
              return new QueueHandle(queue);
            },
          },
        },
      },
      {
        path: ['kumo', 'counter_series'],
        functions: {
          define: {
            effect: 'write',
            signature: 'define{name, num_buckets, bucket_size} -> series',
            doc: 'The counter of this name, made when it does not exist.',
            run: (call) => defineSeries(deps, call),
          },
        },
      },
    ],
    types: [queueType(deps), seriesType()],
  };
}

function spawnTask(deps: CoreDeps, call: HostCall): HostResult {
  const { event_name: event, args } = deserializeRaw(SPAWN_TASK, call.value(1));
  if (deps.world.isValidating) return undefined;
  // The task outlives this call: its argument may not belong to this context.
  const copied = args.map((arg) => jsonForLua(luaToJson(arg)));
  deps.callEvent(event, [copied]).catch((error: unknown) => {
    deps.services.diagnostic('error', `task ${event}: ${(error as Error).message}`);
  });
  return undefined;
}

function defineSeries(deps: CoreDeps, call: HostCall): HostResult {
  const read = deserialize(COUNTER_SERIES, call.value(1), (o) => call.context.pairsOf(o));
  const settings = { bucketCount: read.num_buckets, bucketMs: read.bucket_size };
  let series = deps.world.counters.get(read.name);
  if (!series || JSON.stringify(series.settings) !== JSON.stringify(settings)) {
    series = new CounterSeries(settings, read.initial_value ?? 0, deps.mailClock);
    deps.world.counters.set(read.name, series);
  }
  return new SeriesHandle(series);
}

function queueType(deps: CoreDeps): UserdataType<QueueHandle> {
  const on = (
    effect: 'read' | 'write',
    signature: string,
    doc: string,
    run: (queue: MessageQueue, call: HostCall) => HostResult,
  ): HostMethod<QueueHandle> => ({
    effect,
    signature,
    doc,
    run: (handle, call) => run(handle.queue, call),
  });
  return {
    name: 'Queue',
    class: QueueHandle,
    methods: {
      send: on('write', 'send(value)', 'Adds an item, waiting for room.', (queue, call) => {
        const sent = queue.send(freeze(call.value(1)));
        return sent instanceof Promise ? sent.then(() => undefined) : undefined;
      }),
      send_timeout: on(
        'write',
        'send_timeout(value, seconds)',
        'Adds an item, waiting for room no longer than this.',
        (queue, call) =>
          queue
            .sendWithin(freeze(call.value(1)), call.number(2) * 1000, deps.mailClock)
            .then(() => undefined),
      ),
      try_send: on(
        'write',
        'try_send(value) -> boolean',
        'Adds an item if there is room.',
        (q, call) => q.trySend(freeze(call.value(1))),
      ),
      recv: on('write', 'recv() -> value', 'Takes the next item, waiting for it.', (queue) =>
        after(queue.receive(), thaw),
      ),
      try_recv: on(
        'write',
        'try_recv() -> value',
        'Takes the next item if there is one.',
        (queue) => thaw(queue.tryReceive()),
      ),
      recv_many: on('write', 'recv_many(n) -> array', 'Takes up to n items.', (queue, call) =>
        after(queue.receiveMany(call.integer(1, 'usize')), (items): LuaValue => items.map(thaw)),
      ),
      close: on('write', 'close()', 'Closes the queue.', (queue) => {
        queue.close();
        return undefined;
      }),
      is_closed: on('read', 'is_closed() -> boolean', 'Whether it is closed.', (q) => q.isClosed),
      is_empty: on('read', 'is_empty() -> boolean', 'Whether it is empty.', (q) => q.length === 0),
      len: on('read', 'len() -> integer', 'Items in the queue.', (q) => q.length),
    },
  };
}

function seriesType(): UserdataType<SeriesHandle> {
  const on = (
    effect: 'read' | 'write',
    signature: string,
    doc: string,
    run: (series: CounterSeries, call: HostCall) => HostResult,
  ): HostMethod<SeriesHandle> => ({
    effect,
    signature,
    doc,
    run: (handle, call) => run(handle.series, call),
  });
  return {
    name: 'CounterSeries',
    class: SeriesHandle,
    methods: {
      increment: on(
        'write',
        'increment(n)',
        'Adds to the present bucket.',
        (series, call) => void series.add(call.integer(1, 'u64')),
      ),
      delta: on(
        'write',
        'delta(n)',
        'Adds to the present bucket; n may be negative.',
        (s, call) => void s.add(call.integer(1, 'i64')),
      ),
      observe: on(
        'write',
        'observe(n)',
        'Sets the present bucket.',
        (series, call) => void series.observe(call.integer(1, 'u64')),
      ),
      sum: on('read', 'sum() -> integer', 'All buckets together.', (series) => series.sum()),
      sum_over: on('read', 'sum_over(duration) -> integer', 'The latest buckets.', (series, call) =>
        series.sumOver(Number(durationNs(call.value(1))) / 1_000_000),
      ),
    },
  };
}
