import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { EngineProcess } from '../../electron/engine-process.ts';

function scripted(source: string): { executable: string; args: string[]; env: NodeJS.ProcessEnv } {
  const file = join(mkdtempSync(join(tmpdir(), 'postyard-shell-')), 'engine.mjs');
  writeFileSync(file, source);
  return { executable: process.execPath, args: [file], env: process.env };
}

const READY = `process.stderr.write('ui listener on 127.0.0.1:4711\\ninitialization complete\\n');`;

test('EngineProcess is ready when both lines were read, and stops on SIGTERM', async () => {
  const onReady = vi.fn();
  const onExit = vi.fn();
  const engine = new EngineProcess(scripted(`${READY} setInterval(() => {}, 1000);`), {
    onReady,
    onExit,
    onLine: () => {},
  });
  engine.start();
  await vi.waitFor(() => expect(onReady).toHaveBeenCalledWith('http://127.0.0.1:4711'), {
    timeout: 10_000,
  });
  await engine.stop();
  expect(onExit).not.toHaveBeenCalled();
});

test('EngineProcess names why it ended and starts again after a growing wait', async () => {
  const exits: [string, number][] = [];
  const engine = new EngineProcess(
    scripted(`process.stderr.write('port taken\\n'); process.exitCode = 2;`),
    {
      onReady: () => {},
      onExit: (reason, wait) => exits.push([reason, wait]),
      onLine: () => {},
    },
  );
  engine.start();
  await vi.waitFor(() => expect(exits.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
  await engine.stop();
  expect(exits.slice(0, 2)).toEqual([
    ['ended with status 2: port taken', 500],
    ['ended with status 2: port taken', 1000],
  ]);
});

test('EngineProcess says when the engine cannot be started at all', async () => {
  const reasons: string[] = [];
  const engine = new EngineProcess(
    { executable: '/nowhere/node', args: [], env: {} },
    { onReady: () => {}, onExit: (reason) => reasons.push(reason), onLine: () => {} },
  );
  engine.start();
  await vi.waitFor(() => expect(reasons[0]).toContain('could not be started'), { timeout: 5_000 });
  await engine.stop();
});
