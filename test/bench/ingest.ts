/**
 * Durable ingest (acknowledged = on disk) next to `smtp-sink`, which throws everything away. The
 * engine runs as users run it: trace and transcript on, deliveries into maildirs going on.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';
import { freePort, startSink } from './sink.ts';

const ROUNDS = 5;
const MODES = [
  {
    name: 'a connection per message, 10 sessions',
    args: ['-s', '10'],
    messages: 3_000,
    bytes: 2_048,
    wanted: 0.2,
  },
  {
    name: 'persistent, 10 sessions',
    args: ['-s', '10', '-d'],
    messages: 8_000,
    bytes: 2_048,
    wanted: 0.15,
  },
  {
    name: 'persistent, 50 sessions',
    args: ['-s', '50', '-d'],
    messages: 12_000,
    bytes: 2_048,
    wanted: 0.2,
  },
  {
    name: 'persistent, 10 sessions, 50 KB',
    args: ['-s', '10', '-d'],
    messages: 2_500,
    bytes: 51_200,
    wanted: null,
  },
] as const;

export async function benchIngest(): Promise<void> {
  const source = findTool('smtp-source');
  const sinkTool = findTool('smtp-sink');
  if (source === null || sinkTool === null) {
    console.log('skipped: ingest, smtp-source and smtp-sink are not installed (Debian: postfix)');
    return;
  }
  const sinkPort = await freePort();
  const sink = startSink(sinkTool, sinkPort);
  await using engine = await ServeProcess.start();
  let sent = 0;
  const rate = (port: number, mode: (typeof MODES)[number]): number => {
    const args = [
      ...mode.args,
      '-m',
      String(mode.messages),
      '-l',
      String(mode.bytes),
      '-f',
      'a@bench.test',
      '-t',
      'user@example.com',
      `127.0.0.1:${port}`,
    ];
    const began = performance.now();
    const run = spawnSync(source, args, { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`smtp-source ${args.join(' ')}: ${run.stderr}`);
    if (port === engine.smtpPort) sent += mode.messages;
    return mode.messages / ((performance.now() - began) / 1000);
  };
  // What the round before left behind must not slow the reference down.
  const idle = (): Promise<EngineStatus> =>
    eventually(
      'all mail delivered',
      async () => {
        const now = await engine.api<EngineStatus>('/status');
        return now.queued === 0 ? now : null;
      },
      120_000,
    );
  try {
    // The engine compiles what it runs often; `smtp-sink` came compiled.
    for (const mode of MODES) rate(engine.smtpPort, mode);
    console.log(
      'ingest'.padEnd(42),
      'ours/s'.padStart(8),
      'sink/s'.padStart(8),
      'ratio'.padStart(6),
      'wanted'.padStart(7),
    );
    for (const mode of MODES) {
      const rounds: { ours: number; reference: number; ratio: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await idle();
        const reference = rate(sinkPort, mode);
        const ours = rate(engine.smtpPort, mode);
        rounds.push({ ours, reference, ratio: ours / reference });
      }
      rounds.sort((a, b) => a.ratio - b.ratio);
      const { ours, reference, ratio } = rounds[Math.floor(ROUNDS / 2)] as (typeof rounds)[0];
      console.log(
        mode.name.padEnd(42),
        ours.toFixed(0).padStart(8),
        reference.toFixed(0).padStart(8),
        ratio.toFixed(2).padStart(6),
        String(mode.wanted ?? '').padStart(7),
      );
      if (mode.wanted !== null && ratio < mode.wanted) process.exitCode = 1;
    }
    const status = await idle();
    const files = readdirSync(join(engine.workspace, 'mail/example.com/user/new')).length;
    console.log(
      `sent ${sent} = stored ${status.mailCount} = maildir files ${files}; ${status.flushCount} flushes (${(sent / status.flushCount).toFixed(1)} messages each)`,
    );
    if (status.mailCount !== sent || files !== sent) process.exitCode = 1;
  } finally {
    sink.kill();
  }
}
