/**
 * `npm run bench -- [clock] [ingest] [delivery] [drain] [hold] [store]`: throughput beside a reference in the same run,
 * interleaved, because machines differ and are noisy. Numbers worth keeping go to
 * `docs/performance.md`.
 */
import { benchClock } from './clock.ts';
import { benchDelivery, benchDrain, benchHold } from './delivery.ts';
import { benchIngest } from './ingest.ts';
import { benchStore } from './store.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  ingest: benchIngest,
  clock: benchClock,
  delivery: benchDelivery,
  drain: benchDrain,
  hold: benchHold,
  store: benchStore,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(
    `No bench ${unknown.join(', ')}, expected some of: ${Object.keys(BENCHES).join(', ')}`,
  );
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(BENCHES))
    if (chosen.length === 0 || chosen.includes(name)) await run();
}
