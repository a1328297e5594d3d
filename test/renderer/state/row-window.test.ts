/** The run of rows in memory: where it stands, what it loads next, and that nothing jumps. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecipientRow } from '../../../engine/api/protocol.ts';
import {
  EMPTY_WINDOW,
  nextStep,
  seqNear,
  windowAt,
  windowAtTop,
  withArrivals,
  withChanges,
  withNewer,
  withOlder,
  type RowWindow,
} from '../../../renderer/state/row-window.ts';
import { emptyRow } from '../../support/fake-mail.ts';

/** Rows from one number down to another. */
function rows(from: number, to: number): RecipientRow[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, index) =>
    emptyRow(from - index, 0),
  );
}

const seqs = (window: RowWindow): number[] => window.rows.map(({ seq }) => seq);

test('nextStep() walks near by and jumps far away', () => {
  const window = { offset: 1000, rows: rows(9000, 8801), isTop: false, isEnd: false };
  expect(nextStep(window, 1180, 1210)).toEqual({ kind: 'older', at: 8800 });
  expect(nextStep(window, 1010, 1040)).toEqual({ kind: 'newer', newerThan: 9000 });
  expect(nextStep(window, 5000, 5030)).toEqual({ kind: 'seek', index: 5000 });
  expect(nextStep(window, 300, 330)).toEqual({ kind: 'seek', index: 300 });
  expect(nextStep(window, 0, 30)).toEqual({ kind: 'top' });
  expect(nextStep({ ...window, rows: rows(9000, 8001) }, 1400, 1430)).toBeNull();
  expect(nextStep(EMPTY_WINDOW, 0, 30)).toBeNull();
});

test('withOlder() lets go of the top and keeps the place of every row', () => {
  let window = windowAtTop(rows(10_000, 9801), false);
  for (let bottom = 9800; bottom > 5000; bottom -= 200) {
    const { window: next, shift } = withOlder(window, rows(bottom, bottom - 199), false, 10_000);
    expect(shift).toBe(0);
    window = next;
  }
  expect(window.rows.length).toBe(2000);
  expect(window.isTop).toBe(false);
  expect(window.offset).toBe(10_000 - (window.rows[0]?.seq ?? 0));
});

test('a run that touches an end stands there exactly, and says how far the view must move', () => {
  const lost = { offset: 700, rows: rows(500, 301), isTop: false, isEnd: false };
  const end = withOlder(lost, rows(300, 1), true, 1000);
  expect(end).toMatchObject({ shift: -200, window: { offset: 500, isEnd: true } });
  const top = withNewer(lost, rows(700, 501), true);
  expect(top).toMatchObject({ shift: -500, window: { offset: 0, isTop: true } });
  const deeper = withNewer({ ...lost, offset: 100 }, rows(700, 501), false);
  expect(deeper).toMatchObject({ shift: 300, window: { offset: 200, isTop: false } });
  expect(windowAt(900, rows(50, 1), true, 1000)).toMatchObject({
    shift: 50,
    window: { offset: 950 },
  });
});

test('withArrivals() takes new rows in above, once, and stays bounded', () => {
  const window = withArrivals(windowAtTop(rows(10, 1), true), [
    emptyRow(10, 0),
    emptyRow(11, 0),
    emptyRow(12, 0),
  ]);
  expect(seqs(window).slice(0, 3)).toEqual([12, 11, 10]);
  const burst = withArrivals(window, rows(9000, 13).reverse());
  expect(burst.rows.length).toBe(2000);
  expect(burst.rows[0]?.seq).toBe(9000);
  expect(burst.isEnd).toBe(false);
});

test('withChanges() changes rows in place and drops deleted ones', () => {
  const window = windowAtTop(rows(5, 1), true);
  const [second] = window.rows.slice(1);
  if (!second) throw new Error('no row');
  const changed = withChanges(window, [
    { ...second, state: 'delivered' },
    { ...second, seq: 99, state: 'bounced' },
    { ...second, seq: 2, isDeleted: true },
  ]);
  expect(seqs(changed)).toEqual([5, 4, 3, 1]);
  expect(changed.rows[1]?.state).toBe('delivered');
  expect(withChanges(window, [{ ...second, seq: 99 }])).toBe(window);
});

test('whatever is loaded in whatever order, a run is whole, in order and bounded', () => {
  const steps = fc.array(fc.record({ first: fc.integer({ min: 0, max: 4970 }) }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, (wants) => {
      const count = 5000;
      let window = windowAtTop(rows(count, count - 199), false);
      for (const { first } of wants) {
        for (let step = nextStep(window, first, first + 29), n = 0; step && n < 60; n++) {
          window = load(window, step, count);
          step = nextStep(window, first, first + 29);
        }
        const place = window.rows.findIndex((_, index) => window.offset + index === first);
        expect(window.rows[place]?.seq).toBe(count - first);
        expect(
          window.rows.every(({ seq }, index) => seq === (window.rows[0]?.seq ?? 0) - index),
        ).toBe(true);
        expect(window.rows.length).toBeLessThanOrEqual(2000);
      }
    }),
    { numRuns: 60, seed: 7 },
  );
});

/** What the engine would answer, for rows without gaps. */
function load(
  window: RowWindow,
  step: NonNullable<ReturnType<typeof nextStep>>,
  count: number,
): RowWindow {
  switch (step.kind) {
    case 'top':
      return windowAtTop(rows(count, count - 199), false);
    case 'older':
      return withOlder(window, rows(step.at, Math.max(1, step.at - 199)), step.at <= 200, count)
        .window;
    case 'newer': {
      const from = Math.min(count, step.newerThan + 200);
      return withNewer(window, rows(from, step.newerThan + 1), from - step.newerThan < 200).window;
    }
    case 'seek': {
      const from = Math.max(0, step.index - 60);
      const at = seqNear(from, count, count, 1);
      return windowAt(from, rows(at, Math.max(1, at - 199)), at <= 200, count).window;
    }
  }
}
