/**
 * `npm run long [-- --kills 200 --toggle 30000 --dry-runs 1000 --seed 1]`: what takes minutes to
 * hours. Named parts run alone, without a name all of them do:
 *
 * - `--kills N`: ends the engine at random instants under load, each after at least 500 acknowledged
 *   messages, and audits the whole;
 * - `--toggle [N]`: switches routes while N messages come in and 100,000 wait, and audits each one;
 * - `--dry-runs N`: policies that try to change the world.
 *
 * The log is kept in `dist/long/`.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../engine/base/random.ts';
import { trials } from '../support/dry-run-trials.ts';
import { killUnderLoad } from '../support/kill-audit.ts';
import { toggleUnderLoad } from '../support/toggle-audit.ts';

const WAITING = 100_000;
const SESSIONS = 300;
/** Between two switches. */
const PAUSE_MS_MAX = 250;
const TOGGLE_DEADLINE_MS = 600_000;

// `--toggle` alone takes its usual number.
const args = process.argv
  .slice(2)
  .flatMap((word, index, all) =>
    word === '--toggle' && !/^\d+$/.test(all[index + 1] ?? '') ? ['--toggle=30000'] : [word],
  );
const { values } = parseArgs({
  args,
  options: {
    kills: { type: 'string' },
    toggle: { type: 'string' },
    'dry-runs': { type: 'string' },
    seed: { type: 'string', default: '1' },
    acknowledged: { type: 'string', default: '500' },
  },
});
const folder = join(import.meta.dirname, '../../dist/long');
mkdirSync(folder, { recursive: true });
const seed = Number(values.seed);

const PARTS = {
  async kills(count: number, say: (line: string) => void): Promise<boolean> {
    const random = new SeededRandom(seed);
    const audit = await killUnderLoad({
      kills: count,
      acknowledgedMin: Number(values.acknowledged),
      random: () => random.next(),
      onRound: (round, acknowledged) =>
        say(`kill ${round + 1}: ${acknowledged} acknowledged so far`),
    });
    say(
      `${audit.kills} kills, ${audit.acknowledged} acknowledged: ${audit.lostOnDisk.length} missing on disk, ${audit.lostInApi.length} missing in the API, ${audit.twice.length} delivered twice (${audit.twiceWithoutMark.length} of them not marked)`,
    );
    return audit.lostOnDisk.length + audit.lostInApi.length + audit.twiceWithoutMark.length === 0;
  },

  async toggle(count: number, say: (line: string) => void): Promise<boolean> {
    const random = new SeededRandom(seed);
    const audit = await toggleUnderLoad({
      ...{ waiting: WAITING, messages: count, sessions: SESSIONS },
      ...{ pauseMsMax: PAUSE_MS_MAX, deadlineMs: TOGGLE_DEADLINE_MS },
      ...{ random: () => random.next(), say },
    });
    const { wrong, lost, twice, refused, miscounted, toggleMs } = audit;
    say(
      `${audit.accepted} accepted at ${audit.acceptedPerSecond.toFixed(0)}/s and delivered at ${audit.deliveredPerSecond.toFixed(0)}/s while ${audit.stillWaiting} waited; ${audit.toggles} switches, each ${toggleMs.median.toFixed(0)} ms (worst ${toggleMs.worst.toFixed(0)} ms); the route of ${audit.certain} is certain`,
    );
    say(
      `${wrong.length} went another way, ${lost.length} lost, ${twice.length} twice, ${refused.length} refused, ${miscounted.length} numbers do not agree`,
    );
    const trouble = [...wrong, ...miscounted, ...[...lost, ...twice, ...refused].map(String)];
    for (const line of trouble.slice(0, 20)) say(`  ${line}`);
    return trouble.length === 0 && audit.stillWaiting === WAITING;
  },

  async 'dry-runs'(count: number, say: (line: string) => void): Promise<boolean> {
    const called = new Set<string>();
    let changedCount = 0;
    let doneCount = 0;
    for await (const trial of trials(seed, count)) {
      for (const name of trial.called) called.add(name);
      if (++doneCount % 100 === 0) say(`${doneCount} dry runs`);
      if (trial.changes.length === 0) continue;
      changedCount++;
      say(`the dry run with seed ${trial.seed} changed something; its deeds were`);
      for (const line of [...trial.deeds, 'and the changes', ...trial.changes]) say(`  ${line}`);
    }
    say(`${count} dry runs called ${called.size} functions; ${changedCount} changed something`);
    return changedCount === 0;
  },
};
const USUAL = { kills: 200, toggle: 30_000, 'dry-runs': 1_000 };

const names = Object.keys(PARTS) as (keyof typeof PARTS)[];
const chosen = names.filter((name) => values[name] !== undefined);
for (const name of chosen.length > 0 ? chosen : names) {
  const log = join(folder, `${name}.log`);
  const say = (line: string): void => {
    console.log(line);
    appendFileSync(log, `${line}\n`);
  };
  const count = Number(values[name] ?? USUAL[name]);
  say(`${name} ${count}, seed ${seed}`);
  if (!(await PARTS[name](count, say))) process.exitCode = 1;
}
