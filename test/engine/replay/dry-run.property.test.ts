import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { handlingOf } from '../../../engine/replay/host-call-log.ts';
import { trials } from '../../support/dry-run-trials.ts';
import { TestPolicy } from '../../support/policy.ts';

const RUNS = 50;

test(`${RUNS} dry runs of policies that try to change the world change nothing`, async () => {
  const folders = (): string[] =>
    readdirSync(tmpdir()).filter((name) => /^postyard-dry-(?!test-)/.test(name));
  const left = new Set(folders());
  const called = new Set<string>();
  for await (const trial of trials(1, RUNS)) {
    const { seed, deeds, changes } = trial;
    expect(changes, `seed ${seed}, which did\n${deeds.join('\n')}`).toEqual([]);
    for (const name of trial.called) called.add(name);
  }
  expect(folders().filter((name) => !left.has(name))).toEqual([]);
  // Most of the deeds were reached; errors of earlier ones keep a few from it.
  expect(called.size).toBeGreaterThan(90);
}, 120_000);

test('every function that writes has a handling in dry runs', async () => {
  const refused: string[] = [];
  await using _ = await TestPolicy.load('', {
    isStrict: false,
    gate: (name, { effect }) => {
      if (handlingOf(name, effect) === 'refuse') refused.push(name);
      return null;
    },
  });
  expect(refused).toEqual([]);
});
