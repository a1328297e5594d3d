/** Routes: switched, ordered, edited and shown as Lua, by mouse and by key; the outgoing ledger. */
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, seriousFindings, strike } from './window.ts';

const routes = (page: Page): Locator => page.getByRole('grid', { name: 'Routes in match order' });
const names = async (page: Page): Promise<string[]> =>
  (await routes(page).locator("[role='row'][draggable='true'] .name .cut").allTextContents()).map(
    (text) => text.trim(),
  );
const rowOf = (page: Page, name: string): Locator =>
  routes(page).getByRole('row').filter({ hasText: name }).first();

describeInBrowser('routes', () => {
  test('by key: switch, move, undo, as Lua, and what is queued', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await strike(page, 'g', 'r');
    await expect.poll(() => names(page)).toHaveLength(8);
    await strike(page, 'ArrowDown', 'ArrowDown');
    const on = rowOf(page, 'sg-smarthost').getByRole('switch');
    expect(await on.getAttribute('aria-checked')).toBe('true');
    await page.keyboard.press('Space');
    await expect.poll(() => on.getAttribute('aria-checked')).toBe('false');
    await page.getByText('3 queued would go another way now').waitFor();
    await strike(page, 'm');
    await page.getByText('3 queued messages took the way').waitFor();
    await page.keyboard.press('Alt+ArrowUp');
    await expect.poll(async () => (await names(page))[0]).toBe('sg-smarthost');
    await strike(page, 'l');
    await page
      .getByRole('region', { name: 'Lua text' })
      .getByText("'smarthost.example.net'")
      .waitFor();
    await strike(page, 'Escape', '#');
    await expect.poll(() => names(page)).not.toContain('sg-smarthost');
    await strike(page, 'z');
    await expect.poll(async () => (await names(page))[0]).toBe('sg-smarthost');
    expect(window.complaints).toEqual([]);
  });

  test('by mouse: drag, what shadows what, and a route from the editor', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await page
      .getByRole('button', { name: /^Routes/ })
      .first()
      .click();
    await rowOf(page, 'acme-eu').getByText('shadowed').waitFor();
    await page.getByRole('button', { name: 'Move it above sg-smarthost' }).click();
    await expect.poll(async () => (await names(page))[1]).toBe('acme-eu');
    await rowOf(page, 'hooks-lua').dragTo(rowOf(page, 'suppressed-null'));
    await expect.poll(async () => (await names(page))[0]).toBe('hooks-lua');
    await page.getByRole('button', { name: 'New route' }).click();
    const form = page.getByRole('form', { name: 'New route' });
    await form.getByLabel('Name', { exact: true }).fill('Not A Name');
    await form.getByText('expected small letters').first().waitFor();
    await form.getByLabel('Name', { exact: true }).fill('to-nowhere');
    await form.getByRole('button', { name: 'Condition' }).click();
    await form.getByLabel('What to look at').selectOption('header');
    await form.getByLabel('Name of the header').fill('X-Nowhere');
    await form.getByLabel('Globs').fill('*');
    await form.getByLabel('Send to').selectOption('null');
    await form.getByText('Mail with header X-Nowhere * → null').waitFor();
    await form.getByLabel('Name', { exact: true }).press('Enter');
    await expect.poll(() => names(page)).toContain('to-nowhere');
    await rowOf(page, 'news-maildir').dblclick();
    const edited = page.getByRole('form', { name: 'Route news-maildir' });
    await expect
      .poll(() => edited.getByLabel('Maildir').inputValue())
      .toBe('mail/{{ domain_part }}/{{ local_part }}');
    await page.keyboard.press('Escape');
    await expect.poll(() => edited.count()).toBe(0);
    expect(window.complaints).toEqual([]);
  });

  test('a host is opened with a word about it, and closed', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await strike(page, 'g', 'r');
    await page.getByRole('tab', { name: 'Outgoing' }).click();
    const ledger = page.getByRole('grid', { name: 'Outgoing ledger' });
    await ledger.getByText('198.51.100.20:443').waitFor();
    await page.getByRole('button', { name: 'Open 198.51.100.20' }).click();
    await page.getByText('may leave this machine').first().waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Close 198.51.100.20' }).click();
    await expect
      .poll(() => page.getByRole('button', { name: 'Close 198.51.100.20' }).count())
      .toBe(0);
  });

  test('without routes: beginnings', async () => {
    await using window = await openWindow({ rows: 0 });
    const { page } = window;
    await strike(page, 'g', 'r');
    await page.getByRole('button', { name: 'A maildir for every user…' }).click();
    const form = page.getByRole('form', { name: 'New route' });
    await expect
      .poll(() => form.getByLabel('Name', { exact: true }).inputValue())
      .toBe('to-maildirs');
    await page.keyboard.press('Control+s');
    await expect.poll(() => names(page)).toEqual(['to-maildirs']);
  });

  test.each([
    ['dark', 1440, ['list', 'editor']],
    ['light', 1024, ['lua', 'outgoing']],
  ] as const)('axe finds nothing serious: %s, %i', async (colorScheme, width, steps) => {
    await using window = await openWindow({
      rows: 20,
      context: { colorScheme, reducedMotion: 'reduce', viewport: { width, height: 800 } },
    });
    const { page } = window;
    await strike(page, 'g', 'r', 'ArrowDown', 'ArrowDown');
    for (const step of steps) {
      if (step === 'editor') await strike(page, 'Enter');
      if (step === 'lua') await strike(page, 'l');
      if (step === 'outgoing') await page.getByRole('tab', { name: 'Outgoing' }).click();
      expect(await seriousFindings(page), step).toEqual([]);
    }
    expect(window.complaints).toEqual([]);
  });
});
