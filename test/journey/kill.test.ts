import { expect, test } from 'vitest';
import { SeededRandom } from '../../engine/base/random.ts';
import { killUnderLoad } from '../support/kill-audit.ts';

test('kill -9 under load loses nothing that was acknowledged', { timeout: 300_000 }, async () => {
  const random = new SeededRandom(20_261_125);
  const audit = await killUnderLoad({
    kills: 5,
    acknowledgedMin: 500,
    random: () => random.next(),
  });
  expect(audit.acknowledged).toBeGreaterThanOrEqual(2_500);
  expect({
    disk: audit.lostOnDisk,
    api: audit.lostInApi,
    unmarked: audit.twiceWithoutMark,
  }).toEqual({ disk: [], api: [], unmarked: [] });
});
