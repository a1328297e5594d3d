import { expect, it, vi } from 'vitest';
import { growHeapSlowly } from '../../../engine/base/heap.ts';

const flags = vi.hoisted(() => [] as string[]);
vi.mock('node:v8', () => ({ setFlagsFromString: (flag: string) => flags.push(flag) }));

it('growHeapSlowly() lasts until nobody wants it any more, and says nothing twice', () => {
  const [one, other] = [{}, {}];
  growHeapSlowly(one, false);
  growHeapSlowly(one, true);
  growHeapSlowly(one, true);
  growHeapSlowly(other, true);
  growHeapSlowly(one, false);
  expect(flags).toEqual(['--heap-growing-percent=30']);
  growHeapSlowly(other, false);
  expect(flags).toEqual(['--heap-growing-percent=30', '--heap-growing-percent=0']);
});
