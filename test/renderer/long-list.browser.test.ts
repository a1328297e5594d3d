/** The list at a million rows and under a burst: bounded memory, no gaps, nothing lost. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

const rows = (page: Page) => page.locator("[data-list='mail'] [role='row'][id^='mail-']");

async function seqs(page: Page): Promise<number[]> {
  const ids = await rows(page).evaluateAll((elements) => elements.map(({ id }) => id));
  return ids.map((id) => Number(id.replace('mail-', '')));
}

function isRun(numbers: readonly number[]): boolean {
  return numbers.every((seq, index) => index === 0 || seq === (numbers[index - 1] ?? 0) - 1);
}

describeInBrowser('a long list', () => {
  test('a million rows: the scroll bar reaches every place and both ends are exact', async () => {
    await using window = await openWindow({ rows: 1_000_000 });
    const { page } = window;
    await rows(page).first().waitFor();
    const list = page.locator("[data-list='mail']");
    for (const share of [0.5, 0.123, 0.9, 0.501]) {
      await list.evaluate((element, at) => {
        element.scrollTop = (element.scrollHeight - element.clientHeight) * at;
      }, share);
      const wanted = 1_000_000 * (1 - share);
      await expect
        .poll(async () => Math.abs(((await seqs(page))[0] ?? 0) - wanted))
        .toBeLessThan(200);
      const shown = await seqs(page);
      expect(isRun(shown)).toBe(true);
      expect(shown.length).toBeGreaterThan(20);
      expect(shown.length).toBeLessThan(60);
    }
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await expect.poll(async () => (await seqs(page)).at(-1)).toBe(1);
    await strike(page, 'Home');
    await expect.poll(async () => (await seqs(page))[0]).toBe(1_000_000);
  }, 60_000);

  test('scrolling by wheel shows every row in order and never a blank frame', async () => {
    await using window = await openWindow({ rows: 100_000 });
    const { page } = window;
    await rows(page).first().waitFor();
    await page.locator("[data-list='mail']").hover();
    await page.evaluate(() => {
      const frames: number[] = [];
      Object.assign(globalThis, { frames });
      const look = (): void => {
        frames.push(document.querySelectorAll("[data-list='mail'] [id^='mail-']").length);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 1400);
    await expect.poll(async () => (await seqs(page))[0]).toBe(100_000 - (40 * 1400) / 28);
    expect(isRun(await seqs(page))).toBe(true);
    const fewest = await page.evaluate(() =>
      Math.min(...(globalThis as unknown as { frames: number[] }).frames),
    );
    expect(fewest).toBeGreaterThan(20);
  }, 60_000);

  test('a burst of 5,000 messages a second is taken in whole', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await rows(page).first().waitFor();
    await page.evaluate(() => {
      const tasks: number[] = [];
      Object.assign(globalThis, { tasks });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
      }).observe({ type: 'longtask' });
    });
    for (let tenth = 0; tenth < 20; tenth++) {
      engine.add(500, { state: 'delivered' });
      await page.waitForTimeout(100);
    }
    await page.getByText('11,204 messages').waitFor();
    await expect.poll(async () => (await seqs(page))[0]).toBe(11_204);
    expect(isRun(await seqs(page))).toBe(true);
    expect(await page.locator('*').count()).toBeLessThan(2500);
    const longest = await page.evaluate(() =>
      Math.max(0, ...(globalThis as unknown as { tasks: number[] }).tasks),
    );
    console.log(`longest task during the burst: ${longest === 0 ? 'under 50' : longest} ms`);
    expect(window.complaints).toEqual([]);
  }, 60_000);
});
