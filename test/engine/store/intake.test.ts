/** What the intake acknowledged is there after any end of the process; nothing else is. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import fc from 'fast-check';
import { SeededRandom } from '../../../engine/base/random.ts';
import { INTAKE_CALLS, Intake, readIntake } from '../../../engine/store/intake.ts';
import type { IntakeCalls, IntakeOptions } from '../../../engine/store/intake.ts';
import { decodeFrames, encodeFrame } from '../../../engine/store/intake-frames.ts';
import type { IntakeFrame } from '../../../engine/store/intake-frames.ts';
import { StoreFullError } from '../../../engine/store/store.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-intake-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(options: Partial<IntakeOptions> = {}): Intake {
  return new Intake(folder, {
    ...{ settled: 0, fullBytes: null, freeDiskBytesMin: 0, usedBytes: () => 0 },
    random: new SeededRandom(1),
    ...options,
  });
}

function frame(number: number, text: string | Buffer = `bytes ${number}`): IntakeFrame {
  const ops = new Uint8Array(Buffer.from(`ops ${number}`));
  return { number, ops, bytes: new Uint8Array(Buffer.from(text)) };
}

function texts(frames: readonly IntakeFrame[]): string[] {
  return frames.map(({ ops, bytes }) => `${String(Buffer.from(ops))}, ${bytes.byteLength}`);
}

function numbers(settled: number): number[] {
  return readIntake(folder, settled).map(({ number }) => number);
}

const MIB = Buffer.alloc(1024 * 1024, 'x');

test('readIntake() gives what was appended and is newer than what is settled', async () => {
  const intake = open();
  for (const number of [3, 4, 7]) await intake.append(frame(number));
  expect(texts(readIntake(folder, 0))).toEqual(['ops 3, 7', 'ops 4, 7', 'ops 7, 7']);
  expect(numbers(3)).toEqual([4, 7]);
  expect(intake.flushCount).toBe(3);
  expect(readIntake(join(folder, 'nowhere'), 0)).toEqual([]);
});

test('a file is begun anew only when all that it holds is in the tables', async () => {
  const intake = open();
  for (let number = 1; number <= 10; number++) await intake.append(frame(number, MIB));
  // The first file is full with four; the second one is free, then full as well.
  expect(numbers(0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  intake.settled(3);
  await intake.append(frame(11, MIB));
  expect(numbers(3)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  intake.settled(4);
  await intake.append(frame(12, MIB));
  expect(numbers(4)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  expect(statSync(join(folder, 'intake-0')).size).toBeLessThan(5 * MIB.byteLength);
  intake.settled(12);
  await intake.close();
  expect(statSync(join(folder, 'intake-0')).size).toBe(0);
});

test('what is not settled stays when the intake is closed, and a later process goes on', async () => {
  const first = open();
  await first.append(frame(1));
  await first.close();
  expect(numbers(0)).toEqual([1]);
  const second = open({ settled: 1, random: new SeededRandom(2) });
  await second.append(frame(2));
  expect(numbers(1)).toEqual([2]);
});

test('a file that ends anywhere holds the frames that are whole', async () => {
  const intake = open();
  const lengths = [0];
  for (let number = 1; number <= 3; number++) {
    await intake.append(frame(number));
    lengths.push(statSync(join(folder, 'intake-0')).size);
  }
  const whole = readFileSync(join(folder, 'intake-0'));
  for (let size = 0; size <= whole.byteLength; size++) {
    const count = lengths.filter((length) => length <= size).length - 1;
    expect(decodeFrames(whole.subarray(0, size)), `${size} bytes`).toHaveLength(count);
  }
});

test('a changed byte ends what is believed, wherever it is', async () => {
  const intake = open();
  for (let number = 1; number <= 3; number++) await intake.append(frame(number));
  const whole = readFileSync(join(folder, 'intake-0'));
  const frameBytes = whole.byteLength / 3;
  fc.assert(
    fc.property(fc.nat(whole.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      const frames = decodeFrames(damaged);
      expect(frames.length).toBeLessThanOrEqual(Math.floor(at / frameBytes));
      expect(texts(frames)).toEqual(texts(decodeFrames(whole)).slice(0, frames.length));
    }),
    { seed: 1 },
  );
});

test('mail that looks like a frame is none, wherever an older one is cut', async () => {
  const intake = open();
  const forged = Buffer.concat(encodeFrame(frame(99), new Uint8Array(8)));
  const tail = Buffer.concat(Array.from({ length: 40 }, () => forged));
  await intake.append(frame(1, tail));
  for (let number = 2; number <= 8; number++) await intake.append(frame(number, MIB));
  intake.settled(8);
  for (let length = 0; length < forged.byteLength; length++) {
    const next = open({ settled: 8, random: new SeededRandom(length + 5) });
    await next.append(frame(100, Buffer.alloc(length)));
    expect(numbers(8), `after ${length} bytes`).toEqual([100]);
    await next.close();
  }
});

test('append() says that there is no room, and the next frame takes the same place', async () => {
  let failure: Error | null = null;
  const calls: IntakeCalls = {
    write: async (file, pieces, position) => {
      await INTAKE_CALLS.write(file, failure ? pieces.slice(0, 2) : pieces, position);
      if (failure) throw failure;
    },
  };
  const intake = open({ calls });
  await intake.append(frame(1));
  failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  await expect(intake.append(frame(2))).rejects.toThrow(StoreFullError);
  failure = Object.assign(new Error('i/o error'), { code: 'EIO' });
  await expect(intake.append(frame(3))).rejects.toThrow('i/o error');
  expect(numbers(0)).toEqual([1]);
  failure = null;
  await intake.append(frame(4, 'x'));
  expect(numbers(0)).toEqual([1, 4]);
});

test('append() keeps to the bound that was set, and leaves room on the disk', async () => {
  let usedBytes = 50;
  const bounded = open({ fullBytes: 100, usedBytes: () => usedBytes });
  await expect(bounded.append(frame(1))).resolves.toBeUndefined();
  usedBytes = 99;
  await expect(bounded.append(frame(2))).rejects.toThrow('99 bytes are in use, the bound is 100');
  const full = open({ freeDiskBytesMin: Number.MAX_SAFE_INTEGER });
  await expect(full.append(frame(3))).rejects.toThrow(/are free on the disk, expected at least/);
});

test('write() puts the pieces one after the other, at a position', async () => {
  const path = join(folder, 'plain');
  writeFileSync(path, '');
  const file = openSync(path, 'r+');
  await INTAKE_CALLS.write(file, [Buffer.from('one'), Buffer.from('two')], 2);
  closeSync(file);
  expect(readFileSync(path).toString('latin1')).toBe('\0\0onetwo');
});
