/**
 * Small transactions into the store, each with a 2 KB body, its row, message, trace and record:
 * acknowledged means durable. `clients` transactions are open at a time, as many connections
 * would have it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../engine/base/clock.ts';
import { SqliteStore } from '../../engine/store/sqlite-store.ts';
import type { StoredTransaction } from '../../engine/store/store.ts';
import { eml, MailMaker } from '../support/store-fixtures.ts';

const TRANSACTIONS = 40_000;
const CLIENTS = [1, 10, 50, 500];
/** With 500 open transactions; fewer are bound by the disk's flush. */
const WANTED_PER_SECOND = 10_000;

export async function benchStore(): Promise<void> {
  for (const clients of CLIENTS) {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-bench-'));
    const store = await SqliteStore.open({ folder, clock: new SystemClock() });
    try {
      await run(store, clients);
    } finally {
      await store.close();
      rmSync(folder, { recursive: true });
    }
  }
}

async function run(store: SqliteStore, clients: number): Promise<void> {
  const maker = new MailMaker(new SystemClock());
  const count = clients === 1 ? TRANSACTIONS / 10 : TRANSACTIONS;
  const transactions = Array.from({ length: count }, (_, i) => make(maker, i));
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  let next = 0;
  const latencies: number[] = [];
  const client = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const transaction = transactions[at];
      if (!transaction) return;
      const began = performance.now();
      const saved = store.saveTransaction(transaction);
      addReception(store, transaction);
      await saved;
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.threadCpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const perSecond = Math.round(count / seconds);
  const p99 = latencies[Math.floor(latencies.length * 0.99)]?.toFixed(1);
  const mainMicros = ((user + system) / count).toFixed(1);
  console.log(
    `store, ${clients} clients: ${perSecond}/s, p99 ${p99} ms, ${mainMicros} µs of the main thread each, ` +
      `${Math.round(count / store.flushCount)} per commit, ${(store.usedBytes / count / 1024).toFixed(1)} KB stored each`,
  );
  if (clients === 500 && perSecond < WANTED_PER_SECOND) {
    throw new Error(`store: ${perSecond}/s, expected at least ${WANTED_PER_SECOND}/s`);
  }
}

function make(maker: MailMaker, i: number): StoredTransaction {
  return maker.transaction({
    to: [`user${i % 1000}@example.com`],
    subject: `Message ${i}`,
    body: eml(`Message ${i}`, 'x'.repeat(1_900)),
    prefix: `Received: from client.test (127.0.0.1) by mx.test with ESMTP id ${i}\r\n`,
  });
}

function addReception(store: SqliteStore, transaction: StoredTransaction): void {
  for (const { message } of transaction.messages) {
    store.addRecord({
      type: 'Reception',
      timeMs: transaction.endedMs,
      json: RECORD.replace('$id', message.id),
      messageId: message.id,
      rowSeqs: [message.rowSeq],
      state: null,
      code: 250,
      text: '',
      attemptId: null,
    });
  }
}

const RECORD = JSON.stringify({
  type: 'Reception',
  id: '$id',
  sender: 'sender@shop.test',
  recipient: 'user@example.com',
  queue: 'example.com',
  site: '',
  size: 2048,
  response: { code: 250, enhanced_code: null, content: '', command: null },
  peer_address: { name: 'client.test', addr: '127.0.0.1' },
  timestamp: 1773489600,
  event_time: '2026-03-14T12:00:00.000Z',
  created: 1773489600,
  created_time: '2026-03-14T12:00:00.000Z',
  num_attempts: 0,
  bounce_classification: 'Uncategorized',
  egress_pool: null,
  egress_source: null,
  source_address: null,
  feedback_report: null,
  meta: {},
  headers: {},
  delivery_protocol: null,
  reception_protocol: 'ESMTP',
  nodeid: '2b1c9f3e-1111-4222-8333-944445555666',
});

if (import.meta.main) await benchStore();
