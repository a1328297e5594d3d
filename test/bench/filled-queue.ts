/** A workspace whose store holds many waiting messages, for the benches of queue and delivery. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../engine/base/clock.ts';
import { SqliteStore } from '../../engine/store/sqlite-store.ts';
import { workspaceLayout } from '../../engine/workspace/layout.ts';
import { MailMaker, TickingClock, eml } from '../support/store-fixtures.ts';

const AT_ONCE = 500;

export interface FilledQueue {
  readonly count: number;
  /** Queue and recipient's domain. */
  readonly domain: string;
  readonly bodyBytes: number;
  /** From now; the engine must not begin before it is measured. */
  readonly dueInMs: number;
  /** How long ago they came in; default: now. */
  readonly ageMs?: number;
}

/** @returns the workspace's folder */
export async function fillQueue({
  count,
  domain,
  bodyBytes,
  dueInMs,
  ageMs = 0,
}: FilledQueue): Promise<string> {
  const workspace = mkdtempSync(join(tmpdir(), 'postyard-bench-'));
  const { storeFolder } = workspaceLayout(workspace);
  mkdirSync(storeFolder, { recursive: true });
  const clock = new SystemClock();
  const store = await SqliteStore.open({ folder: storeFolder, clock });
  const maker = new MailMaker(new TickingClock(clock.now() - ageMs - count));
  const body = eml('Waiting', 'x'.repeat(Math.max(1, bodyBytes - 150)));
  for (let made = 0; made < count; made += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - made) }, (_, i) => {
        const to = [`user${made + i}@${domain}`];
        const transaction = maker.transaction({ to, body, queue: domain });
        for (const { message } of transaction.messages) message.due = clock.now() + dueInMs;
        return store.saveTransaction(transaction);
      }),
    );
  }
  await store.close();
  return workspace;
}
