import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WalFlush } from '../../../engine/store/wal-flush.ts';

function open(): { readonly flush: WalFlush<number>; readonly told: number[][] } {
  const folder = mkdtempSync(join(tmpdir(), 'wal-flush-'));
  const file = join(folder, 'x-wal');
  writeFileSync(file, 'frames');
  const told: number[][] = [];
  const flush = new WalFlush<number>(folder, file, {
    onDurable: (commits) => void told.push([...commits]),
    onFailed: (error) => {
      throw error;
    },
  });
  return { flush, told };
}

it('commits made while the disk is busy share the next flush, each is told once and in order', async () => {
  const { flush, told } = open();
  for (const commit of [1, 2, 3]) flush.committed(commit);
  expect(told).toEqual([]);
  await expect.poll(() => told).toEqual([[1], [2, 3]]);
  flush.committed(4);
  await expect.poll(() => told.at(-1)).toEqual([4]);
  flush.close();
  expect(told).toHaveLength(3);
});

it('close() tells at once of everything, the flush under way included', () => {
  const { flush, told } = open();
  for (const commit of [1, 2]) flush.committed(commit);
  flush.close();
  expect(told).toEqual([[1, 2]]);
});
