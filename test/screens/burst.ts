/**
 * What a burst costs the window's main thread: 5,000 messages (or 5,000 changes of state, with the
 * queue screen open) a second for some seconds, traced. Says the longest task in CPU time, which a
 * busy machine does not stretch, and in wall time.
 *
 *   node test/screens/burst.ts [SECONDS] [ROWS STORED] [messages|changes|queues]
 */
import { buildRenderer } from '../../build/renderer.ts';
import { startFakeEngine } from '../support/fake-engine.ts';
import { chromiumPath, launchChromium } from './browser.ts';

const PER_TENTH = 500;
const seconds = Number(process.argv[2] ?? 3);
const rows = Number(process.argv[3] ?? 100_000);
const mode = process.argv[4] ?? 'messages';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

const DEFERRED = { state: 'deferred', code: 451, attempts: 2, lastText: '4.7.1 later' } as const;
const DELIVERED = { state: 'delivered', code: 250, attempts: 3, lastText: '2.0.0 OK' } as const;
const newest = (count: number): number[] => Array.from({ length: count }, (_, n) => rows - n);

const executable = chromiumPath();
if (executable === null) throw new Error('Cannot measure: no Chromium found, set CHROMIUM');
await buildRenderer();
const browser = await launchChromium(executable);
const engine = await startFakeEngine({ rows });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(engine.pageUrl);
await page.locator("[id^='mail-']").first().click();
if (mode === 'queues') {
  await page.keyboard.press('g');
  await page.keyboard.press('q');
  await page.getByRole('row', { name: /receipts:acme@example\.net/ }).click();
}
await page.waitForTimeout(1000);
await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
for (let tenth = 0; tenth < seconds * 10; tenth++) {
  if (mode === 'messages') engine.add(PER_TENTH, { state: 'delivered' });
  else engine.changeMany(newest(PER_TENTH), tenth % 2 === 0 ? DEFERRED : DELIVERED);
  await page.waitForTimeout(100);
}
if (mode === 'messages') {
  await page.locator(`#mail-${rows + seconds * 10 * PER_TENTH}`).waitFor({ timeout: 60_000 });
}
const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
const events = trace.traceEvents;
const mains = new Set(
  events
    .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
    .map(({ pid, tid }) => `${pid}:${tid}`),
);
const tasks = events.filter(
  ({ name, ph, pid, tid }) =>
    ph === 'X' && mains.has(`${pid}:${tid}`) && /RunTask|ThreadControllerImpl/.test(name),
);
const longest = (key: 'dur' | 'tdur'): string =>
  `${(Math.max(0, ...tasks.map((task) => task[key] ?? 0)) / 1000).toFixed(1)} ms`;
const heap = await page.evaluate(
  () =>
    (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
);
console.log(`${tasks.length} tasks; longest ${longest('tdur')} CPU, ${longest('dur')} wall`);
console.log(`heap ${(heap / 1e6).toFixed(1)} MB, ${await page.locator('*').count()} elements`);
await browser.close();
await engine[Symbol.asyncDispose]();
