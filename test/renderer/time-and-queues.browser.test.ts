/** The clock and the queues by keyboard and mouse. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

const clock = (page: Page) => page.getByRole('region', { name: 'Clock' });
const chip = (page: Page) => page.getByRole('button', { name: /^Clock \d/ });

async function openQueue(page: Page): Promise<void> {
  await strike(page, 'g', 'q');
  await page.getByRole('row', { name: /receipts:acme@example\.net/ }).click();
  await page.getByText('Choose a message to see why it waits').waitFor();
}

describeInBrowser('time', () => {
  test('keys freeze, run, jump and go back to real time', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await strike(page, 'g', 'q');
    await clock(page).getByText('real time').waitFor();
    await strike(page, 'Space');
    await chip(page).getByText('frozen').waitFor();
    await strike(page, 'Space');
    await chip(page).getByText('×1').waitFor();
    await clock(page).getByRole('button', { name: '×60', exact: true }).click();
    await chip(page).getByText('×60').waitFor();
    await strike(page, '.');
    await clock(page).getByText('ahead of real time').waitFor();
    await clock(page).getByRole('button', { name: 'Back to real time' }).click();
    await page.getByRole('menuitem', { name: /shift what is due/ }).click();
    await page.getByText('The clock is real time again').waitFor();
    await clock(page).getByText('real time', { exact: true }).waitFor();
    expect(engine.sent.clock).toEqual([
      { speed: 0 },
      { speed: 1 },
      { speed: 60 },
      { jumpToNextDue: true, dontWait: true },
      { reset: 'shift' },
    ]);
    expect(window.complaints).toEqual([]);
  });

  test('the chip in the title bar has the same, and a forward can be stopped', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await chip(page).click();
    await page.getByRole('menuitem', { name: /Take the clock forward/ }).click();
    await strike(page, '5');
    await expect.poll(() => engine.sent.clock.at(-1)?.forwardMs).toBe(7 * 86_400_000);
    await strike(page, 'g', 'q');
    await clock(page).getByText('7 d').waitFor();
    engine.setClock({ forward: { untilMs: engine.nowMs + 3_600_000 } });
    await clock(page).getByText('Going forward to').waitFor();
    await clock(page).getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => engine.sent.clock.at(-1)).toEqual({ stop: true });
  });
});

describeInBrowser('queues', () => {
  test('a message says why it waits; its due time changes and comes back', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await openQueue(page);
    await page.locator("[data-list='messages']").focus();
    await strike(page, 'j');
    await page.getByText('Why it waits').waitFor();
    await strike(page, 'w', '4');
    await page.getByText('Did set-due').waitFor();
    expect(engine.sent.actions.at(-1)).toMatchObject({ verb: 'set-due', inMs: 3_600_000 });
    await strike(page, 'z');
    await expect.poll(() => engine.sent.actions.at(-1)).toEqual({ verb: 'set-due', changes: [] });
    expect(window.complaints).toEqual([]);
  });

  test('rebind asks where to, refuses nonsense, and Esc leaves it', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await openQueue(page);
    await page.getByRole('button', { name: /^Rebind/ }).click();
    await strike(page, '2');
    const dialog = page.getByRole('dialog', { name: 'Rebind with the routing domain' });
    await dialog.waitFor();
    await page.keyboard.type('two words');
    await dialog.getByText('A name has no spaces').waitFor();
    await strike(page, 'Enter', 'Escape');
    await expect.poll(() => dialog.count()).toBe(0);
    expect(engine.sent.actions).toEqual([]);
    await strike(page, 'm', '2');
    await page.keyboard.type('smarthost.test');
    await strike(page, 'Enter');
    await page.getByText('Did rebind').waitFor();
    expect(engine.sent.actions.at(-1)).toMatchObject({
      verb: 'rebind',
      data: { routing_domain: 'smarthost.test' },
      queue: expect.stringContaining('example.net'),
    });
  });
});
