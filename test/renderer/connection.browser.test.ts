/** Losing the engine, finding it again, a token that is not taken, and an engine gone silent. */
import { expect, test } from 'vitest';
import { startFakeEngine } from '../support/fake-engine.ts';
import { describeInBrowser, openWindow } from './window.ts';

describeInBrowser('connection', () => {
  test('a lost connection is said, tried again, and what was missed is made up for', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await page.locator('#mail-20').waitFor();
    engine.dropConnections();
    await page.getByText(/connection to the engine is lost/).waitFor();
    engine.add(2);
    await page.locator('#mail-22').waitFor();
    await expect.poll(() => page.getByText(/connection to the engine is lost/).count()).toBe(0);
  });

  test('an engine that was started anew is read anew', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await page.locator('#mail-20').waitFor();
    for (let i = 0; i < 5; i++) engine.add(1);
    await page.locator('#mail-25').waitFor();
    const port = Number(new URL(engine.url).port);
    await engine[Symbol.asyncDispose]();
    await page.getByText(/connection to the engine is lost/).waitFor();
    await using _again = await startFakeEngine({ rows: 3, port });
    await page.locator('#mail-3').waitFor({ timeout: 20_000 });
    await expect.poll(() => page.locator('#mail-25').count()).toBe(0);
  }, 60_000);

  test('without a good token the window asks for one', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await page.evaluate(() => localStorage.setItem('postyard:token', 'wrong'));
    await page.reload();
    await page.getByText(/needs the engine’s token/).waitFor();
    await page.getByLabel('Address or token').fill(engine.pageUrl);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.locator('#mail-20').waitFor();
  });

  test('an engine that has stopped answering is called so', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await page.locator('#mail-20').waitFor();
    await page.clock.install();
    engine.goSilent(true);
    await page.clock.fastForward(20_000);
    await page.clock.fastForward(30_000);
    await page.getByText('The engine does not answer').waitFor();
    engine.goSilent(false);
    engine.setStatus({});
    await expect.poll(() => page.getByText('The engine does not answer').count()).toBe(0);
  }, 60_000);
});
