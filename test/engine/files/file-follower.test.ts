import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { FileFollower } from '../../../engine/files/file-follower.ts';
import type { FileFollowerOptions, Followed } from '../../../engine/files/file-follower.ts';
import { SimClock } from '../../support/sim-clock.ts';

let folder: string;
let follower: FileFollower | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-follow-'));
});

afterEach(async () => {
  await follower?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Followings extends Followed {
  readonly clock?: SimClock;
  readonly latestMs?: number;
  readonly onHint?: FileFollowerOptions['onHint'];
}

async function follow(options: Followings): Promise<{ hints: () => number; errors: string[] }> {
  let hints = 0;
  const errors: string[] = [];
  follower = new FileFollower({
    ...options,
    clock: options.clock ?? new SystemClock({ keepAlive: false }),
    onHint: () => {
      hints++;
      return options.onHint?.();
    },
    onError: (error) => errors.push(error.message),
  });
  await follower.start();
  return { hints: () => hints, errors };
}

const path = (name: string): string => join(folder, name);

async function isSeen(hints: () => number, change: () => void): Promise<void> {
  const before = hints();
  change();
  await vi.waitFor(() => expect(hints()).toBeGreaterThan(before), 5_000);
}

describe('FileFollower', () => {
  test('sees a file come, change, be replaced, go and come again', async () => {
    const file = path('routes.json');
    const { hints, errors } = await follow({ files: [file] });
    const replace = (text: string): void => {
      writeFileSync(`${file}.next`, text);
      renameSync(`${file}.next`, file);
    };
    await isSeen(hints, () => writeFileSync(file, '1'));
    await isSeen(hints, () => writeFileSync(file, '2'));
    await isSeen(hints, () => replace('3'));
    await isSeen(hints, () => replace('4'));
    await isSeen(hints, () => writeFileSync(file, '5'));
    await isSeen(hints, () => rmSync(file));
    await isSeen(hints, () => replace('6'));
    expect(errors).toEqual([]);
  });

  test('leaves alone what lies beside a file and below a folder, and hidden names in a tree', async () => {
    mkdirSync(path('policy/.git'), { recursive: true });
    mkdirSync(path('policy/lib'));
    mkdirSync(path('zones/old'), { recursive: true });
    const trees = [path('policy')];
    const folders = [path('zones')];
    const { hints } = await follow({ files: [path('a.json')], folders, trees });
    const main = follower;
    const beside = await follow({
      files: [path('b.json')],
      folders: [path('zones/old'), path('policy/.git')],
    });
    for (const name of ['b.json', 'zones/old/a.zone', 'policy/.git/HEAD'])
      await isSeen(beside.hints, () => writeFileSync(path(name), 'x'));
    await follower?.close();
    follower = main;
    await isSeen(hints, () => writeFileSync(path('a.json'), 'x'));
    expect(hints()).toBe(1);
    await isSeen(hints, () => writeFileSync(path('zones/a.zone'), 'x'));
    await isSeen(hints, () => writeFileSync(path('policy/lib/a.lua'), 'x'));
  });

  test('waits for a folder that is not there yet', async () => {
    const { hints } = await follow({ folders: [path('zones')] });
    await isSeen(hints, () => {
      mkdirSync(path('zones'));
      writeFileSync(path('zones/a.zone'), 'x');
    });
    await isSeen(hints, () => writeFileSync(path('zones/b.zone'), 'x'));
  });

  test('asks to look once after a pause, and in time when there is none', async () => {
    const clock = new SimClock();
    const { hints } = await follow({ clock, latestMs: 250 });
    follower?.hint();
    await clock.advance(99);
    expect(hints()).toBe(0);
    follower?.hint();
    await clock.advance(99);
    expect(hints()).toBe(0);
    follower?.hint();
    await clock.advance(51);
    expect(hints()).toBe(0);
    await clock.advance(1);
    expect(hints()).toBe(1);
    follower?.hint();
    await clock.advance(100);
    expect(hints()).toBe(2);
  });

  test('looks once at a time; a look that fails is told, and the next one is made', async () => {
    const clock = new SimClock();
    let end: (error: Error) => void = () => undefined;
    const looking = (): Promise<void> => new Promise((_, reject) => (end = reject));
    const { hints, errors } = await follow({ clock, onHint: looking });
    follower?.hint();
    await clock.advance(100);
    follower?.hint();
    await clock.advance(100);
    expect(hints()).toBe(1);
    end(new Error('cannot read'));
    await vi.waitFor(() => expect(hints()).toBe(2));
    expect(errors).toEqual(['cannot read']);
    end(new Error('again'));
  });

  test('close() waits for the look under way, and none follows', async () => {
    const clock = new SimClock();
    let end: () => void = () => undefined;
    const looking = (): Promise<void> => new Promise((resolve) => (end = resolve));
    const { hints } = await follow({ clock, onHint: looking });
    follower?.hint();
    await clock.advance(100);
    follower?.hint();
    let isClosed = false;
    const closing = follower?.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    end();
    await closing;
    follower?.hint();
    await clock.advance(1_000);
    expect(hints()).toBe(1);
    expect(clock.pendingCount).toBe(0);
  });
});
