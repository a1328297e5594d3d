/** Cursor and selection of a list, by key. */
import { expect, test } from 'vitest';
import { ListCursor } from '../../../renderer/state/list-cursor.svelte.ts';

function cursorOver(keys: string[]): ListCursor<string> {
  return new ListCursor<string>({
    count: () => keys.length,
    keyAt: (index) => keys[index] ?? null,
    indexOf: (key) => keys.indexOf(key),
    between: (left, right) => {
      const [low = 0, high = 0] = [keys.indexOf(left), keys.indexOf(right)].sort((a, b) => a - b);
      return keys.slice(low, high + 1);
    },
  });
}

test('move() begins at the first row and stops at the ends', async () => {
  const cursor = cursorOver(['a', 'b', 'c']);
  await cursor.move(1);
  expect(cursor.current).toBe('a');
  await cursor.move(-1);
  expect(cursor.current).toBe('a');
  await cursor.move(20);
  expect(cursor.current).toBe('c');
});

test('extending selects from the anchor, forth and back', async () => {
  const cursor = cursorOver(['a', 'b', 'c', 'd', 'e']);
  cursor.put('c');
  await cursor.move(2, 'extend');
  expect([...cursor.selected]).toEqual(['c', 'd', 'e']);
  await cursor.move(-3, 'extend');
  expect([...cursor.selected]).toEqual(['b', 'c']);
});

test('chosen is the selection, else the row under the cursor', () => {
  const cursor = cursorOver(['a', 'b', 'c']);
  expect(cursor.chosen).toEqual([]);
  cursor.put('b');
  expect(cursor.chosen).toEqual(['b']);
  cursor.toggle('a');
  cursor.toggle('c');
  expect(cursor.chosen).toEqual(['a', 'c']);
});

test('when its row leaves, the cursor goes to the one that took its place', () => {
  const keys = ['a', 'b', 'c', 'd'];
  const cursor = cursorOver(keys);
  cursor.put('b');
  keys.splice(0, 2);
  cursor.stepOff(1);
  expect(cursor.current).toBe('c');
  keys.splice(0, 2);
  cursor.stepOff(0);
  expect(cursor.current).toBeNull();
});

test('of a list that became another one, only what it still holds is kept', async () => {
  const keys = ['a', 'b', 'c', 'd'];
  const cursor = cursorOver(keys);
  cursor.toggle('a');
  cursor.toggle('d');
  cursor.put('c');
  keys.splice(2, 1);
  keys.splice(0, 1);
  cursor.keepHeld();
  expect(cursor.current).toBeNull();
  expect(cursor.chosen).toEqual(['d']);
  await cursor.move(1);
  expect(cursor.current).toBe('b');
});
