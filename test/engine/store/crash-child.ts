/**
 * A process that writes to a store until it is killed. It says on standard output what it is about
 * to ask (`?`) and what it knows to be durable (`!`): `save ID`, `begin ID`, `end ID`, `done ID`.
 * Lines are written synchronously, so what was acknowledged is known to whoever killed it; nothing
 * here may touch `process.stdout`, which would make the pipe refuse lines when it is full.
 */
import { writeSync } from 'node:fs';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import { MailMaker } from '../../support/store-fixtures.ts';

const [folder = '', seed = '1'] = process.argv.slice(2);
const clock = new SystemClock();
const random = new SeededRandom(Number(seed));
const mail = new MailMaker(clock);
const store = await SqliteStore.open({ folder, clock });

function say(what: '?' | '!', verb: string, message: Message): void {
  writeSync(1, `${what} ${verb} ${message.id}\n`);
}

async function journey(): Promise<void> {
  const size = random.next() < 0.02 ? 300_000 : 200 + random.next() * 4_000;
  const transaction = mail.transaction({
    to: [`u${Math.floor(random.next() * 50)}@example.com`],
    bodyText: 'x'.repeat(size),
    prefix: 'Received: here\r\n',
  });
  const message = transaction.messages[0]?.message as Message;
  say('?', 'save', message);
  await store.saveTransaction(transaction);
  say('!', 'save', message);
  const fate = random.next();
  if (fate < 0.3) return;
  say('?', 'begin', message);
  const nowMs = clock.now();
  const attemptId = store.beginAttempt({
    ...{ message, rowSeqs: message.rowSeqs, numAttempts: 0, dueMs: null, startedMs: nowMs },
    ...{ startedRealMs: nowMs, nextDueMs: nowMs + 60_000, protocol: 'smtp', site: 'mx' },
    ...{ pool: null, source: null },
  });
  await store.flush();
  say('!', 'begin', message);
  if (fate < 0.5) return;
  const isDelivered = fate < 0.8;
  say('?', isDelivered ? 'done' : 'end', message);
  store.endAttempt({
    ...{
      attemptId,
      endedMs: nowMs,
      durationMs: 1,
      outcome: isDelivered ? 'delivered' : 'deferred',
    },
    ...{ code: isDelivered ? 250 : 451, text: 'x', peer: null, details: {}, transcript: [] },
    ...{ events: [], nextDueMs: isDelivered ? null : nowMs + 120_000 },
  });
  store.addRecord({
    ...{ type: isDelivered ? 'Delivery' : 'TransientFailure', timeMs: nowMs, json: '{}' },
    ...{ messageId: message.id, rowSeqs: message.rowSeqs, code: 250, text: 'x', attemptId },
    state: isDelivered ? 'delivered' : 'deferred',
  });
  if (isDelivered) store.removeFromQueue(message);
  await store.flush();
  say('!', isDelivered ? 'done' : 'end', message);
}

async function client(): Promise<void> {
  for (;;) await journey();
}

await Promise.all(Array.from({ length: 8 }, client));
