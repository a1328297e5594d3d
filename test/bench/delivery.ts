/**
 * From the queue to a server: 1, 10 and 100 connections to `smtp-sink`, beside `smtp-source`
 * sending the same to the same in the same run; a long drain with its memory; and a queue of a
 * million: what holding it and working on it costs.
 */
import { spawnSync } from 'node:child_process';
import type { EngineStatus, QueueList } from '../../engine/api/protocol.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';
import { fillQueue } from './filled-queue.ts';
import { freePort, startSink } from './sink.ts';

const DOMAIN = 'drain.example';
const OTHER = 'other.example';
const BODY_BYTES = 2_048;
const CONNECTIONS = [1, 10, 100];
const MESSAGES = 10_000;
const DRAINED = Number(process.env['BENCH_DRAINED'] ?? 100_000);
const WAITING = Number(process.env['BENCH_WAITING'] ?? 1_000_000);
const RSS_MB_MAX = 600;
const DAY_MS = 86_400_000;
const DEADLINE_MS = 900_000;

/** Messages a second from the queue, beside `smtp-source`. */
export async function benchDelivery(): Promise<void> {
  const source = findTool('smtp-source');
  await withSink(source, async (port) => {
    console.log('delivery to smtp-sink'.padEnd(28), '  ours/s', 'source/s', ' ratio');
    for (const connections of CONNECTIONS) await compare(source ?? '', port, connections);
  });
}

/** Memory while a long ready queue empties. */
export async function benchDrain(): Promise<void> {
  await withSink('', drain);
}

/** A queue of a million: what holding it, working on it and ending it costs. */
export async function benchHold(): Promise<void> {
  await hold(0, lookAndMove);
  await hold(8 * DAY_MS, expire);
}

async function withSink(
  source: string | null,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const sinkTool = findTool('smtp-sink');
  if (source === null || sinkTool === null) {
    console.log('skipped: smtp-source and smtp-sink are not installed (Debian: postfix)');
    return;
  }
  const port = await freePort();
  const sink = startSink(sinkTool, port);
  try {
    await work(port);
  } finally {
    sink.kill();
  }
}

async function compare(source: string, port: number, connections: number): Promise<void> {
  const reference = referenceRate(source, port, connections);
  const { rate } = await deliverAll(port, connections, MESSAGES);
  console.log(
    `${connections} connections`.padEnd(28),
    rate.toFixed(0).padStart(8),
    reference.toFixed(0).padStart(8),
    (rate / reference).toFixed(2).padStart(6),
  );
}

async function drain(port: number): Promise<void> {
  const { rate, rssMb } = await deliverAll(port, 50, DRAINED);
  console.log(
    `${DRAINED} messages drained by 50 connections: ${rate.toFixed(0)}/s, RSS ${rssMb.join(' ')} MB`,
  );
}

/** Fills a queue, starts the engine over it, lets it go and waits for the last delivery. */
async function deliverAll(
  port: number,
  connections: number,
  count: number,
): Promise<{ readonly rate: number; readonly rssMb: readonly number[] }> {
  const workspace = await fillQueue({
    ...{ count, domain: DOMAIN, bodyBytes: BODY_BYTES },
    dueInMs: DAY_MS,
  });
  await using engine = await ServeProcess.start({
    workspace,
    policy: smarthostPolicy(port, connections, count),
  });
  const rssMb = [rssOf(engine)];
  const began = performance.now();
  await engine.api('/queues/actions', { verb: 'deliver-now', queue: DOMAIN });
  let nextSample = count * 0.8;
  await eventually(
    `${count} deliveries`,
    async () => {
      const { queued } = await engine.api<EngineStatus>('/status');
      if (queued <= nextSample) {
        rssMb.push(rssOf(engine));
        nextSample -= count * 0.2;
      }
      return queued === 0;
    },
    DEADLINE_MS,
  );
  return { rate: (count / (performance.now() - began)) * 1000, rssMb };
}

type Step = (what: string, work: () => Promise<unknown>) => Promise<void>;

/** Starts the engine over a full queue of so old messages and measures steps of work on it. */
export async function hold(
  ageMs: number,
  steps: (engine: ServeProcess, step: Step) => Promise<void>,
): Promise<void> {
  const filling = performance.now();
  const workspace = await fillQueue({
    ...{ count: WAITING, domain: DOMAIN, bodyBytes: 400 },
    ...{ dueInMs: DAY_MS, ageMs },
  });
  say(`insert ${WAITING} messages, durable`, filling, process);
  const starting = performance.now();
  await using engine = await ServeProcess.start({
    workspace,
    policy: smarthostPolicy(9, 100, WAITING),
  });
  say(`start over ${WAITING} waiting messages`, starting, engine);
  await steps(engine, async (what, work) => {
    const began = performance.now();
    await work();
    say(what, began, engine);
  });
}

export async function lookAndMove(engine: ServeProcess, step: Step): Promise<void> {
  const act = (body: object): Promise<unknown> =>
    engine.api('/queues/actions', { reason: 'bench', ...body });
  const depthOf = async (name: string): Promise<number> =>
    (await engine.api<QueueList>('/queues')).scheduled.find((one) => one.name === name)?.depth ?? 0;
  await step('first page of the queue', () => engine.api(`/queues/${DOMAIN}?limit=100`));
  await step('first page of the list', () => engine.api('/rows?limit=100'));
  await step('suspend', () => act({ verb: 'suspend', queue: DOMAIN }));
  await act({ verb: 'suspend', queue: OTHER });
  await step('rebind', async () => {
    // Its answer comes when all is done, which is longer than a request may take.
    void act({ verb: 'rebind', queue: DOMAIN, data: { queue: OTHER } }).catch(() => {});
    const isThere = async (): Promise<boolean> => (await depthOf(OTHER)) === WAITING;
    await eventually('everything in the other queue', isThere, DEADLINE_MS);
  });
}

export async function expire(engine: ServeProcess, step: Step): Promise<void> {
  // Suspended, so that each one fails and expires without a connection.
  await engine.api('/queues/actions', { verb: 'suspend', queue: DOMAIN, reason: 'bench' });
  await step('expire', async () => {
    await engine.api('/queues/actions', { verb: 'deliver-now', queue: DOMAIN });
    const isEmpty = async (): Promise<boolean> =>
      (await engine.api<EngineStatus>('/status')).queued === 0;
    await eventually('nothing waits', isEmpty, DEADLINE_MS);
  });
}

function say(what: string, began: number, worker: { readonly pid: number }): void {
  const rss = rssOf(worker);
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  console.log(`${what.padEnd(40)} ${seconds.padStart(8)} s ${String(rss).padStart(6)} MB`);
  if (rss > RSS_MB_MAX) process.exitCode = 1;
}

function smarthostPolicy(port: number, connections: number, maxReady: number): string {
  return `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { smtp = { mx_list = { '127.0.0.1:${port}' } } } }
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path {
    connection_limit = ${connections}, max_ready = ${maxReady}, enable_tls = 'Disabled',
    prohibited_hosts = {}, max_deliveries_per_connection = 100000,
  }
end)
`;
}

function referenceRate(source: string, port: number, connections: number): number {
  const args = ['-s', String(connections), '-d', '-m', String(MESSAGES), '-l', String(BODY_BYTES)];
  const began = performance.now();
  const run = spawnSync(
    source,
    [...args, '-f', 'a@bench.test', '-t', `user@${DOMAIN}`, `127.0.0.1:${port}`],
    { encoding: 'utf8' },
  );
  if (run.status !== 0) throw new Error(`smtp-source: ${run.stderr}`);
  return (MESSAGES / (performance.now() - began)) * 1000;
}

function rssOf({ pid }: { readonly pid: number }): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Math.round(Number(stdout) / 1024);
}
