/**
 * `kill -9` while the store is written to: what was acknowledged is there afterwards, once, in the
 * state that was acknowledged. More rounds: POSTYARD_KILL_ROUNDS=200.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import type { SpoolId } from '../../../engine/base/ids.ts';
import { allWaiting, StoreFolder } from './open-store.ts';

const ROUNDS = Number(process.env['POSTYARD_KILL_ROUNDS'] ?? 3);
const SEED = Number(process.env['POSTYARD_KILL_SEED'] ?? 20_260_314);

/** How far a message had come: asked for, and known to be durable. */
interface Known {
  asked: Set<string>;
  acked: Set<string>;
}

/** Runs the child, kills it after so many lines, and adds what it said to `messages`. */
async function crash(
  folder: string,
  seed: number,
  lineCount: number,
  messages: Map<SpoolId, Known>,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-child.ts'), folder, String(seed)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = new Promise((resolve) => child.once('close', resolve));
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [mark, verb = '', id] = line.split(' ') as [string, string, SpoolId];
    const known = messages.get(id) ?? { asked: new Set(), acked: new Set() };
    messages.set(id, known);
    (mark === '?' ? known.asked : known.acked).add(verb);
    if (++lines === lineCount) child.kill('SIGKILL');
  }
  await closed;
  expect(lines, `the child ended before it was killed, seed ${seed}`).toBeGreaterThanOrEqual(
    lineCount,
  );
}

test(
  'after kill -9 every acknowledged message is there once, in its state',
  { timeout: 20_000 + ROUNDS * 20_000 },
  async () => {
    await using place = await StoreFolder.create();
    const random = new SeededRandom(SEED);
    const messages = new Map<SpoolId, Known>();
    for (let round = 1; round <= ROUNDS; round++) {
      const lineCount = 20 + Math.floor(random.next() * 1_500);
      await crash(place.folder, SEED + round, lineCount, messages);
      const store = await place.open();
      expect(store.wasClosed).toBe(false);
      const waiting = await allWaiting(store);
      const byId = new Map(waiting.map((message) => [message.id, message]));
      expect(byId.size, 'each waits once').toBe(waiting.length);
      const wrong: string[] = [];
      for (const [id, { asked, acked }] of messages) {
        const is = byId.get(id);
        const say = (text: string): unknown => wrong.push(`${id} ${[...acked].join()}: ${text}`);
        if (acked.has('save') && !asked.has('done') && !is) say('does not wait any more');
        if (acked.has('done') && is) say('waits, though it is done');
        if (is && !asked.has('save')) say('was never asked for');
        if (!is) continue;
        if (acked.has('begin') && is.numAttempts !== 1) say(`has ${is.numAttempts} attempts`);
        if (acked.has('begin') && is.due === null) say('has no due time');
        const mayBeOver = asked.has('end') || asked.has('done');
        const isFirstLook = acked.has('begin') && !mayBeOver;
        if (isFirstLook && !is.attemptWasInFlight) say('was in flight');
        if (acked.has('end') && is.attemptWasInFlight) say('was not in flight');
      }
      expect(wrong, `seed ${SEED}, round ${round}`).toEqual([]);
      for (const { id } of waiting.slice(-20)) {
        const loaded = await store.load({ id });
        expect(Buffer.from(loaded?.data ?? []).toString('latin1')).toMatch(
          /^Received: here\r\nFrom: [^]*\r\n\r\nx+$/,
        );
      }
      expect(place.troubles).toEqual([]);
      await store.close();
    }
    expect(
      [...messages.values()].filter((known) => known.acked.has('done')).length,
    ).toBeGreaterThan(0);
  },
);
