/** The epoch monitor: what counts as a change, and when it looks. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EpochMonitor } from '../../../engine/policy/epoch-monitor.ts';
import { PolicyWorld } from '../../../engine/policy/policy-world.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

it('EpochMonitor sees files that come, change and go, every ten seconds', async () => {
  await using folder = tempFolder();
  const clock = new SimClock();
  const world = new PolicyWorld({ isStrict: true });
  world.monitorGlobs = [join(folder.path, '**/*.{lua,toml}')];
  let changes = 0;
  const monitor = new EpochMonitor(world, clock, () => changes++);
  monitor.start();
  // Reading files takes real time: the next look is set when the last one is over.
  const look = async (): Promise<number> => {
    await clock.advance(9_999);
    const before = changes;
    await clock.advance(1);
    await expect.poll(() => clock.pendingCount).toBeGreaterThan(0);
    expect(changes - before).toBeLessThanOrEqual(1);
    return changes;
  };
  expect(await look(), 'nothing is there').toBe(0);
  const file = join(folder.path, 'init.lua');
  writeFileSync(file, '-- one');
  expect(await look(), 'the first file').toBe(1);
  expect(await look(), 'the same').toBe(1);
  writeFileSync(file, '-- two');
  writeFileSync(join(folder.path, 'notes.txt'), 'not watched');
  expect(await look(), 'changed').toBe(2);
  rmSync(file);
  expect(await look(), 'gone').toBe(3);
  monitor.close();
  writeFileSync(file, '-- three');
  await clock.advance(60_000);
  expect(changes).toBe(3);
});
