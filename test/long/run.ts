/**
 * `npm run long [-- --kills 200 --seed 1]`: what takes hours. Kills the engine at random instants
 * under load, each after at least 500 acknowledged messages, and audits the whole; then dry runs that
 * try to change the world (`--dry-runs 1000`). The log is kept.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { SeededRandom } from '../../engine/base/random.ts';
import { trials } from '../support/dry-run-trials.ts';
import { killUnderLoad } from '../support/kill-audit.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    acknowledged: { type: 'string', default: '500' },
    'dry-runs': { type: 'string', default: '1000' },
  },
});
const folder = join(import.meta.dirname, '../../dist/long');
mkdirSync(folder, { recursive: true });
const log = join(folder, 'kills.log');
const say = (line: string): void => {
  console.log(line);
  appendFileSync(log, `${line}\n`);
};

const seed = Number(values.seed);
const random = new SeededRandom(seed);
say(`kills ${values.kills}, seed ${seed}`);
const audit = await killUnderLoad({
  kills: Number(values.kills),
  acknowledgedMin: Number(values.acknowledged),
  random: () => random.next(),
  onRound: (round, acknowledged) => say(`kill ${round + 1}: ${acknowledged} acknowledged so far`),
});
say(
  `${audit.kills} kills, ${audit.acknowledged} acknowledged: ${audit.lostOnDisk.length} missing on disk, ${audit.lostInApi.length} missing in the API, ${audit.twice.length} delivered twice (${audit.twiceWithoutMark.length} of them not marked)`,
);
let changed = 0;
for await (const { seed: trial, before, after } of trials(seed, Number(values['dry-runs']))) {
  if (isDeepStrictEqual(before, after)) continue;
  changed++;
  say(`dry run with seed ${trial} changed something`);
}
say(`${values['dry-runs']} dry runs, ${changed} of them changed something`);
process.exitCode =
  audit.lostOnDisk.length + audit.lostInApi.length + audit.twiceWithoutMark.length + changed === 0
    ? 0
    : 1;
