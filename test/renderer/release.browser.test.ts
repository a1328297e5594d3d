/** A message and a selection are released by keyboard alone; a host that is not open is said, and opened. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, seriousFindings, strike } from './window.ts';

const rows = (page: Page) => page.locator("[data-list='mail'] [role='row'][id^='mail-']");

describeInBrowser('release', () => {
  test('one message, a closed host, a selection through a route', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await rows(page).first().waitFor();
    await strike(page, 'j', 'j', 'R');
    const one = page.getByRole('dialog', { name: 'Release a message' });
    const to = one.getByLabel('To server');
    await expect.poll(() => to.evaluate((field) => field === document.activeElement)).toBe(true);
    await strike(page, 'Enter');
    expect(await one.count(), 'nothing to release to').toBe(1);
    await page.keyboard.type('smtp.example.com:587');
    await page.keyboard.press('Enter');
    await one.getByRole('alert').getByText('smtp.example.com is not open').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await expect.poll(() => rows(page).first().getAttribute('id')).toBe('mail-20');
    await one.getByRole('button', { name: 'Open smtp.example.com and release' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Released 1 copy to smtp.example.com:587').waitFor();
    await expect.poll(() => one.count()).toBe(0);
    await expect.poll(() => rows(page).first().getAttribute('id')).toBe('mail-21');

    // The last place is there again; a selection is released through a route, to one recipient.
    await strike(page, 'x', 'j', 'x', 'R');
    const two = page.getByRole('dialog', { name: 'Release 2 messages' });
    expect(await two.getByLabel('To server').inputValue()).toBe('smtp.example.com:587');
    await page.keyboard.type('sg-smarthost');
    await two.getByText('The route sg-smarthost: smarthost.example.net').waitFor();
    await strike(page, 'Tab');
    await page.keyboard.type('team@inbox.test');
    await page.keyboard.press('Enter');
    await page.getByText('Released 2 copies to sg-smarthost').waitFor();
    await expect.poll(() => rows(page).first().textContent()).toContain('team@inbox.test');
    await strike(page, 'R', 'Escape');
    await expect.poll(() => two.count()).toBe(0);
    const isBack = await page.evaluate(() => document.activeElement?.closest("[data-list='mail']"));
    expect(isBack).not.toBeNull();
    expect(window.complaints).toEqual([expect.stringContaining('409')]);
  });
});
