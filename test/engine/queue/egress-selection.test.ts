import { describe, expect, it } from 'vitest';
import { EgressSelection } from '../../../engine/queue/egress-selection.ts';

function trace(weights: Record<string, number>, count: number): string {
  const entries = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  const selection = new EgressSelection('p', entries);
  return Array.from({ length: count }, () => selection.pick(selection.entries)?.name).join(' ');
}

describe('EgressSelection.pick()', () => {
  it.each([
    [{ a: 1, b: 1 }, 'b a b a b a'],
    [{ a: 2, b: 1 }, 'b a a b a a b'],
    [{ a: 1, b: 2 }, 'b b a b b a b'],
    [{ one: 2, two: 1 }, 'two one one two one'],
    [{ only: 5 }, 'only only'],
    [{ a: 1, none: 0, b: 1 }, 'b a b'],
  ])('%o gives %s', (weights, expected) => {
    expect(trace(weights, expected.split(' ').length)).toBe(expected);
  });

  it('has nothing to pick from an empty pool or one of zero weights', () => {
    expect(trace({}, 1)).toBe('');
    expect(trace({ a: 0 }, 1)).toBe('');
  });

  it('shares its position with picks from a filtered list, and a lone entry leaves it alone', () => {
    const entries = ['a', 'b', 'c'].map((name) => ({ name, weight: 1 }));
    const selection = new EgressSelection('p', entries);
    const without = (name: string): typeof entries => entries.filter((e) => e.name !== name);
    expect(selection.pick(entries)?.name).toBe('b');
    expect(selection.pick([{ name: 'c', weight: 1 }])?.name).toBe('c');
    expect(selection.pick(without('b'))?.name).toBe('a');
    expect(selection.pick(entries)?.name).toBe('b');
  });

  it('knows whether a refreshed pool is the same', () => {
    const selection = new EgressSelection('p', [{ name: 'a', weight: 1 }]);
    expect(
      selection.isFor('p', [
        { name: 'a', weight: 1 },
        { name: 'z', weight: 0 },
      ]),
    ).toBe(true);
    expect(selection.isFor('p', [{ name: 'a', weight: 2 }])).toBe(false);
    expect(selection.isFor('q', [{ name: 'a', weight: 1 }])).toBe(false);
  });
});
