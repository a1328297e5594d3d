/**
 * `kill -9` under load, audited from the client's own log: every message the client saw
 * acknowledged must be in a maildir and in the API, once. Twice is allowed only for a message
 * whose attempt was in flight at a kill, and then it must say so.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptList, EngineStatus, RowPage } from '../../engine/api/protocol.ts';
import { loadSession } from './load-session.ts';
import { ServeProcess, eventually } from './serve-process.ts';

const DELIVERY_DEADLINE_MS = 900_000;

export interface KillAudit {
  readonly kills: number;
  readonly acknowledged: number;
  readonly lostOnDisk: readonly string[];
  readonly lostInApi: readonly string[];
  readonly twice: readonly string[];
  readonly twiceWithoutMark: readonly string[];
}

/**
 * @param options.kills how many times; @param options.acknowledgedMin before each kill at least this many
 * @param options.random in [0, 1), decides the instants
 */
export async function killUnderLoad(options: {
  kills: number;
  acknowledgedMin: number;
  random: () => number;
  onRound?: (round: number, acknowledged: number) => void;
}): Promise<KillAudit> {
  const acknowledged = new Set<string>();
  let workspace: string | undefined;
  for (let round = 0; round < options.kills; round++) {
    const engine = await ServeProcess.start(workspace === undefined ? {} : { workspace });
    workspace = engine.workspace;
    const before = acknowledged.size;
    const clients = Array.from({ length: 8 }, (_, k) =>
      hammer(engine.smtpPort, `r${round}k${k}`, acknowledged, options.random),
    );
    await eventually(
      `${options.acknowledgedMin} acknowledged messages`,
      () => acknowledged.size - before >= options.acknowledgedMin,
      120_000,
    );
    await new Promise((resolve) => setTimeout(resolve, options.random() * 400));
    await engine.kill();
    await Promise.all(clients);
    options.onRound?.(round, acknowledged.size);
  }
  await using engine = await ServeProcess.start(workspace === undefined ? {} : { workspace });
  // What the kills left undelivered is delivered first, however much it is.
  await eventually(
    'nothing waits any more',
    async () => (await engine.api<EngineStatus>('/status')).queued === 0,
    DELIVERY_DEADLINE_MS,
  );
  const onDisk = await eventually(
    'a maildir file for every acknowledged message',
    () => settled(engine.workspace, acknowledged),
    60_000,
  ).catch(() => countOnDisk(engine.workspace));
  const inApi = await countInApi(engine);
  const twice = [...onDisk].filter(([, count]) => count > 1).map(([mark]) => mark);
  return {
    kills: options.kills,
    acknowledged: acknowledged.size,
    lostOnDisk: [...acknowledged].filter((mark) => !onDisk.has(mark)),
    lostInApi: [...acknowledged].filter((mark) => !inApi.has(mark)),
    twice,
    twiceWithoutMark: await withoutMark(engine, twice, inApi),
  };
}

/** Sends until the connection dies; a mark counts as acknowledged when its 250 was read. */
function hammer(
  port: number,
  name: string,
  acknowledged: Set<string>,
  random: () => number,
): Promise<void> {
  const filler = `${'y'.repeat(76)}\r\n`;
  let sent = 0;
  return loadSession(port, {
    next: () => {
      const mark = `${name}n${sent++}`;
      const head = `Subject: ${mark}\r\nX-Mark: ${mark};\r\n\r\nbody\r\n`;
      const data = head + filler.repeat(Math.floor(random() * 300));
      return { mark, to: `${name.replace(/r\d+/, 'u')}@example.com`, data };
    },
    onAccepted: ({ mark }) => acknowledged.add(mark),
  });
}

function settled(workspace: string, acknowledged: ReadonlySet<string>): Map<string, number> | null {
  const counts = countOnDisk(workspace);
  return [...acknowledged].every((mark) => counts.has(mark)) ? counts : null;
}

function countOnDisk(workspace: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(join(workspace, 'mail'), { recursive: true, encoding: 'utf8' })) {
    if (!/\/(new|cur)\/[^/]+$/.test(name)) continue;
    const mark = /^X-Mark: (\S+);/m.exec(
      readFileSync(join(workspace, 'mail', name), 'latin1').slice(0, 4096),
    )?.[1];
    if (mark !== undefined) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  return counts;
}

/** Every mark the API knows (by subject), with its row. */
async function countInApi(engine: ServeProcess): Promise<Map<string, number>> {
  const marks = new Map<string, number>();
  let cursor: string | null = null;
  do {
    const page: RowPage = await engine.api(
      `/rows?limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    for (const row of page.rows) if (row.state !== 'aborted') marks.set(row.subject, row.seq);
    cursor = page.next;
  } while (cursor !== null);
  return marks;
}

/** Those whose attempts do not tell that one was interrupted. */
async function withoutMark(
  engine: ServeProcess,
  twice: readonly string[],
  rows: ReadonlyMap<string, number>,
): Promise<string[]> {
  const unmarked: string[] = [];
  for (const mark of twice) {
    const { attempts } = await engine.api<AttemptList>(`/rows/${rows.get(mark) ?? 0}/attempts`);
    if (!attempts.some((attempt) => attempt.outcome === 'interrupted')) unmarked.push(mark);
  }
  return unmarked;
}
