/** The order of what is acknowledged, settled and read, with an intake and a writer that wait. */
import { expect, test } from 'vitest';
import { CommitQueue } from '../../../engine/store/commit-queue.ts';
import { emptyCounters } from '../../../engine/store/counters.ts';
import type { BatchNotes } from '../../../engine/store/open-batch.ts';
import { OP, unpackOps } from '../../../engine/store/ops.ts';
import type { Op, PackedBatch } from '../../../engine/store/ops.ts';
import { StoreFullError } from '../../../engine/store/store.ts';
import { ManualClock } from './manual-clock.ts';

class Notes implements BatchNotes {
  readonly texts: string[] = [];
  readonly #committed: string[][];

  constructor(committed: string[][]) {
    this.#committed = committed;
  }

  join(later: Notes): void {
    this.texts.push(...later.texts);
  }

  committed(): void {
    this.#committed.push(this.texts);
  }
}

/** Operations are settings: their keys tell them apart. */
function op(key: string): Op {
  return [OP.setting, key, ''];
}

function keys(batch: PackedBatch): string {
  return unpackOps(batch.ops)
    .map((each) => String(each[1]))
    .join(' ');
}

class Rig {
  readonly clock = new ManualClock();
  readonly committed: string[][] = [];
  readonly settledNumbers: number[] = [];
  /** What is on its way into the intake. */
  staging: { keys: string; done: (error?: Error) => void } | null = null;
  /** What is with the writer: staged batches, then the reports. */
  settling: { keys: string; done: () => void } | null = null;
  readonly queue = new CommitQueue<Notes>({
    stage: (batch) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.staging = {
        keys: keys(batch),
        done: (error) => {
          this.staging = null;
          if (error) reject(error);
          else resolve();
        },
      };
      return promise;
    },
    send: (batch, staged) => {
      this.settling = {
        keys: [...staged.map(keys), `| ${keys(batch)}`].join(', ').trim(),
        done: () => {
          this.settling = null;
          this.queue.committed({
            ...{ number: batch.number, commitSeq: 1, usedBytes: 0, totals: emptyCounters() },
          });
        },
      };
    },
    makeNotes: () => new Notes(this.committed),
    onSettled: (number) => this.settledNumbers.push(number),
    firstFrame: 1,
    clock: this.clock,
  });

  /** @returns what became of it so far: `''`, `stored`, or the refusal */
  save(key: string, log: string[] = []): string[] {
    this.queue.place.notes.texts.push(key);
    void this.queue.save(op(key)).then(
      () => log.push(`${key} stored`),
      (error: Error) => log.push(`${key} ${error.message}`),
    );
    return log;
  }

  report(key: string): void {
    this.queue.notes.texts.push(key);
    this.queue.report(op(key));
  }

  /** Lets everything run that waits for nothing but its turn. */
  async turn(): Promise<void> {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a transaction is stored when the intake has it; what came meanwhile goes together', async () => {
  const rig = new Rig();
  const log = rig.save('a');
  await rig.turn();
  rig.save('b', log);
  rig.save('c', log);
  await rig.turn();
  expect([rig.staging?.keys, log]).toEqual(['a', []]);
  rig.staging?.done();
  await rig.turn();
  expect([rig.staging?.keys, log]).toEqual(['b c', ['a stored']]);
  rig.staging?.done();
  await rig.turn();
  expect(log).toEqual(['a stored', 'b stored', 'c stored']);
  expect([rig.settling, rig.committed]).toEqual([null, []]);
});

test('reports are gathered, and settle what is staged before them', async () => {
  const rig = new Rig();
  rig.save('a');
  await rig.turn();
  rig.report('1');
  rig.staging?.done();
  await rig.turn();
  rig.report('2');
  rig.save('b');
  await rig.turn();
  rig.staging?.done();
  await rig.turn();
  expect(rig.settling).toBeNull();
  rig.clock.advance(20);
  await rig.turn();
  expect(rig.settling?.keys).toBe('a, b, | 1 2');
  // Staging goes on beside the writer.
  rig.save('c');
  await rig.turn();
  expect(rig.staging?.keys).toBe('c');
  rig.settling?.done();
  expect(rig.committed).toEqual([['a', 'b', '1', '2']]);
  expect(rig.settledNumbers).toHaveLength(3);
});

test('no report overtakes a transaction that is older', async () => {
  const rig = new Rig();
  rig.save('a');
  rig.report('about a');
  const flushed = rig.queue.flush();
  await rig.turn();
  expect([rig.staging?.keys, rig.settling]).toEqual(['a', null]);
  rig.staging?.done();
  await rig.turn();
  expect(rig.settling?.keys).toBe('a, | about a');
  rig.settling?.done();
  await flushed;
});

test('transactions without any report are settled after the same while', async () => {
  const rig = new Rig();
  rig.save('a');
  await rig.turn();
  rig.staging?.done();
  await rig.turn();
  rig.clock.advance(20);
  await rig.turn();
  expect(rig.settling?.keys).toBe('a, |');
});

test('flush() waits for what is under way, and for nothing when there is nothing', async () => {
  const rig = new Rig();
  await rig.queue.flush();
  rig.report('1');
  let count = 0;
  const flushed = [rig.queue.flush(), rig.queue.flush()].map((each) => each.then(() => count++));
  await rig.turn();
  expect([rig.settling?.keys, count]).toEqual(['| 1', 0]);
  const late = rig.queue.flush();
  rig.settling?.done();
  await Promise.all([...flushed, late]);
});

test('settled() waits for what was acknowledged, not for what comes after it', async () => {
  const rig = new Rig();
  await rig.queue.settled();
  rig.save('a');
  await rig.turn();
  // Not acknowledged yet: there is nothing to wait for.
  await rig.queue.settled();
  rig.staging?.done();
  await rig.turn();
  const settled = rig.queue.settled();
  await rig.turn();
  expect(rig.settling?.keys).toBe('a, |');
  rig.save('b');
  await rig.turn();
  rig.staging?.done();
  await rig.turn();
  rig.settling?.done();
  await settled;
});

test('a refused batch is told to all that are in it, and leaves nothing behind', async () => {
  const rig = new Rig();
  const log = rig.save('a');
  rig.save('b', log);
  await rig.turn();
  rig.staging?.done(new StoreFullError('no room'));
  await rig.turn();
  expect(log).toEqual(['a no room', 'b no room']);
  rig.report('1');
  rig.clock.advance(20);
  await rig.turn();
  expect(rig.settling?.keys).toBe('| 1');
  rig.settling?.done();
  expect(rig.committed).toEqual([['1']]);
});

test('while it is stalled saves are refused and reads go on', async () => {
  const rig = new Rig();
  rig.save('a');
  await rig.turn();
  rig.staging?.done();
  await rig.turn();
  const settled = rig.queue.settled();
  await rig.turn();
  rig.queue.stall('the disk is full');
  await settled;
  await rig.queue.settled();
  expect(() => rig.queue.assertRoom()).toThrow('the disk is full');
  rig.settling?.done();
  expect(() => rig.queue.assertRoom()).not.toThrow();
});

test('the intake waits for the tables when they are far behind, but never for ever', async () => {
  const rig = new Rig();
  const large = (key: string): void => {
    rig.queue.reserve(new Uint8Array(9 * 1024 * 1024));
    rig.save(key);
  };
  for (const key of ['a', 'b']) {
    large(key);
    await rig.turn();
    rig.staging?.done();
    await rig.turn();
  }
  rig.save('c');
  await rig.turn();
  expect([rig.staging, rig.settling?.keys]).toEqual([null, 'a, b, |']);
  rig.report('about c');
  const flushed = rig.queue.flush();
  rig.settling?.done();
  await rig.turn();
  expect(rig.staging?.keys).toBe('c');
  rig.staging?.done();
  await rig.turn();
  expect(rig.settling?.keys).toBe('c, | about c');
  rig.settling?.done();
  await flushed;
});

test('durable() sends reports through the intake, behind the transactions', async () => {
  const rig = new Rig();
  await rig.queue.durable();
  rig.save('a');
  rig.report('1');
  const log: string[] = [];
  void rig.queue.durable().then(() => log.push('1 durable'));
  await rig.turn();
  expect(rig.staging?.keys).toBe('a');
  rig.report('2');
  rig.staging?.done();
  await rig.turn();
  expect([rig.staging?.keys, log]).toEqual(['1', []]);
  // Nobody waits for the second one.
  rig.staging?.done();
  await rig.turn();
  expect([log, rig.staging, rig.settling]).toEqual([['1 durable'], null, null]);
  rig.report('3');
  rig.clock.advance(20);
  await rig.turn();
  expect(rig.settling?.keys).toBe('a, 1, | 2 3');
  rig.settling?.done();
  expect(rig.committed).toEqual([['a', '1', '2', '3']]);
});

test('flush() waits for the tables also when reports went through the intake', async () => {
  const rig = new Rig();
  rig.report('1');
  let isFlushed = false;
  const flushed = rig.queue.flush().then(() => (isFlushed = true));
  const durable = rig.queue.durable();
  await rig.turn();
  rig.staging?.done();
  await durable;
  await rig.turn();
  expect([rig.settling?.keys, isFlushed]).toEqual(['1, |', false]);
  rig.settling?.done();
  await flushed;
});

test('reports for which the intake has no room wait for the writer instead', async () => {
  const rig = new Rig();
  rig.report('1');
  let isDurable = false;
  const durable = rig.queue.durable().then(() => (isDurable = true));
  await rig.turn();
  rig.staging?.done(new StoreFullError('no room'));
  await rig.turn();
  expect([rig.settling?.keys, isDurable]).toEqual(['| 1', false]);
  rig.settling?.done();
  await durable;
  expect(rig.committed).toEqual([['1']]);
});

test('durable() never takes reports past older ones that wait for the writer', async () => {
  const rig = new Rig();
  rig.report('busy');
  const first = rig.queue.flush();
  await rig.turn();
  expect(rig.settling?.keys).toBe('| busy');
  for (let i = 0; i < 4_000; i++) rig.queue.report(op('old'));
  rig.report('new');
  const durable = rig.queue.durable();
  await rig.turn();
  expect(rig.staging).toBeNull();
  rig.settling?.done();
  await first;
  await rig.turn();
  expect(rig.settling?.keys).toMatch(/^\| old/);
  rig.settling?.done();
  await rig.turn();
  expect(rig.settling?.keys).toBe('| new');
  rig.settling?.done();
  await durable;
});

test('fail() rejects whoever waits, and what is asked for later', async () => {
  const rig = new Rig();
  const log = rig.save('a');
  await rig.turn();
  rig.save('b', log);
  rig.report('1');
  const flushed = expect(rig.queue.flush()).rejects.toThrow('gone');
  rig.queue.fail(new Error('gone'));
  await flushed;
  expect(log).toEqual(['a gone', 'b gone']);
  await expect(rig.queue.flush()).rejects.toThrow('gone');
  expect(() => rig.queue.assertRoom()).toThrow('gone');
});
