/**
 * The ceiling of reception: a listener with everything behind it in memory, next to `smtp-sink`.
 * What the store, the policy and the queue cost comes on top of this and is measured by `ingest`.
 *
 *   node test/bench/reception.ts [rounds]
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '../../engine/base/clock.ts';
import type { StoredTransaction } from '../../engine/store/store.ts';
import { ORDINARY_MODE } from '../../engine/reception/mode.ts';
import { ReceptionWorld } from '../support/reception-fakes.ts';
import { findTool } from '../support/tools.ts';

const LOADS = [
  {
    name: 'a connection per message, 10 at once',
    args: ['-s', '10'],
    messages: 6_000,
    bytes: 2_048,
  },
  { name: 'persistent, 10 sessions', args: ['-s', '10', '-d'], messages: 20_000, bytes: 2_048 },
  { name: 'persistent, 50 sessions', args: ['-s', '50', '-d'], messages: 20_000, bytes: 2_048 },
  {
    name: 'persistent, 10 sessions, 50 KB',
    args: ['-s', '10', '-d'],
    messages: 6_000,
    bytes: 51_200,
  },
] as const;

export async function benchReception(rounds = 3): Promise<void> {
  const source = findTool('smtp-source');
  const sinkTool = findTool('smtp-sink');
  if (source === null || sinkTool === null) {
    console.log('skipped: reception, smtp-source and smtp-sink are not installed');
    return;
  }
  const sinkPort = await freePort();
  const asUser = process.getuid?.() === 0 ? ['-u', 'postfix'] : [];
  const sink = spawn(sinkTool, [...asUser, `127.0.0.1:${sinkPort}`, '512'], { stdio: 'ignore' });
  await using world = await openWorld();
  try {
    for (const load of LOADS) {
      await run(source, world.address, load);
      for (let round = 0; round < rounds; round++) {
        const theirs = await run(source, `127.0.0.1:${sinkPort}`, load);
        const before = process.cpuUsage();
        const ours = await run(source, world.address, load);
        const { user, system } = process.cpuUsage(before);
        // On a busy machine the processor time says more than the clock.
        const cost = ((user + system) / load.messages).toFixed(0);
        const rates = `${ours.toFixed(0)}/s, smtp-sink ${theirs.toFixed(0)}/s`;
        console.log(`${load.name}: ${rates}; ${cost} µs of processor per message`);
      }
    }
  } finally {
    sink.kill();
  }
}

/** Commits together what one turn of the event loop brought, as the writer does. */
async function openWorld(): Promise<ReceptionWorld> {
  const world = await ReceptionWorld.open({
    mode: ORDINARY_MODE,
    params: {
      traceHeaders: {
        receivedHeader: true,
        supplementalHeader: true,
        headerName: 'X-KumoRef',
        includeMetaNames: [],
      },
    },
    deps: { log: { record: () => Promise.resolve({} as never) } },
  });
  let batch: Promise<void> | null = null;
  world.store.saveTransaction = (_: StoredTransaction) =>
    (batch ??= new Promise((resolve) => {
      setImmediate(() => {
        batch = null;
        resolve();
      });
    }));
  world.queue.insert = () => Promise.resolve();
  world.queue.resolve = () => Promise.resolve();
  return world;
}

/** Messages per second. */
async function run(source: string, address: string, load: (typeof LOADS)[number]): Promise<number> {
  const { args, messages, bytes } = load;
  const all = [...args, '-m', `${messages}`, '-l', `${bytes}`, '-f', 'a@bench.test'];
  const clock = new SystemClock();
  const began = clock.monotonic();
  const client = spawn(source, [...all, '-t', 'user@example.com', address], { stdio: 'inherit' });
  const code = await new Promise((resolve) => client.once('exit', resolve));
  if (code !== 0) throw new Error(`smtp-source ended with ${String(code)}`);
  return (messages * 1000) / (clock.monotonic() - began);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

if (import.meta.main) await benchReception(Number(process.argv[2] ?? 3));
