import { afterEach, expect, test } from 'vitest';
import { RequestWorker } from '../../../engine/base/request-worker.ts';

const SCRIPT = `
  import { parentPort, workerData } from 'node:worker_threads';
  parentPort.on('message', ({ id, name, params }) => {
    if (name === 'end') process.exit(3);
    if (name === 'throw') parentPort.postMessage({ id, error: new Error(params), extra: 'thrown' });
    if (name === 'later') setTimeout(() => parentPort.postMessage({ id, result: params }), 20);
    if (name === 'now') parentPort.postMessage({ id, result: [workerData, params], extra: 'now' });
  });
`;

const extras: unknown[] = [];
const opened: RequestWorker[] = [];

function openWorker(): RequestWorker {
  const worker = new RequestWorker({
    script: new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`),
    data: 'its data',
    name: 'test',
    trouble: 'Cannot ask the test',
    onAnswer: (answer) => extras.push('extra' in answer ? answer.extra : null),
  });
  opened.push(worker);
  return worker;
}

afterEach(async () => {
  extras.length = 0;
  await Promise.all(opened.splice(0).map((worker) => worker.close()));
});

test('ask() answers each request by its number, whatever the order', async () => {
  const worker = openWorker();
  expect(worker.isRunning).toBe(false);
  const order: unknown[] = [];
  const later = worker.ask('later', 1).then((result) => order.push(result));
  const now = worker.ask('now', 2).then((result) => order.push(result));
  await Promise.all([later, now]);
  expect(order).toEqual([['its data', 2], 1]);
  expect(extras).toEqual(['now', null]);
  expect(worker.isRunning).toBe(true);
});

test('ask() throws what the thread threw', async () => {
  await expect(openWorker().ask('throw', 'not today')).rejects.toThrow('not today');
});

test('a thread that ends refuses what it was asked, and the next request begins another', async () => {
  const worker = openWorker();
  const asked = [worker.ask('later', 1), worker.ask('end', null), worker.ask('later', 2)];
  for (const { status, reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[]) {
    expect(status).toBe('rejected');
    expect(reason).toEqual(new Error('Cannot ask the test: its thread ended with code 3'));
  }
  expect(worker.isRunning).toBe(false);
  expect(await worker.ask('now', 3)).toEqual(['its data', 3]);
});

test('close() refuses what is not answered and what comes after', async () => {
  const worker = openWorker();
  const waiting = worker.ask('later', 1);
  const refused = expect(waiting).rejects.toThrow('Cannot ask the test: its thread ended');
  await worker.close();
  await refused;
  await expect(worker.ask('now', 1)).rejects.toThrow('Cannot ask the test: it is closed');
});
