/** Settings and the DNS panel: by key, with what is refused under its setting. */
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, seriousFindings, strike } from './window.ts';

describeInBrowser('settings', () => {
  test('a setting changes at once; a refused one says why; the filter narrows', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await strike(page, 'g', ',');
    const capture = page.getByRole('switch', { name: 'Capture what would leave' });
    await capture.click();
    await expect.poll(() => capture.getAttribute('aria-checked')).toBe('false');
    const hosts = page.getByRole('textbox', { name: 'Open hosts' });
    await hosts.fill('no!');
    await strike(page, 'Enter');
    await page.getByRole('alert').getByText('Cannot open host').waitFor();
    await hosts.fill('bad host!!');
    await strike(page, 'Enter');
    await page.getByRole('alert').getByText('found "bad host!!"').waitFor();
    await hosts.fill('smtp.example.com, *.example.net');
    await strike(page, 'Enter');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    // What the environment sets is said and cannot be changed.
    await page.getByText('Set by POSTYARD_KEEP_DAYS in the environment').waitFor();
    const fixed = page.locator('[inert]').filter({ has: page.locator('input') });
    expect(await fixed.count()).toBe(1);
    await strike(page, 'Escape', '/');
    await page.keyboard.type('keep at');
    await expect.poll(() => hosts.count()).toBe(0);
    await page.getByRole('textbox', { name: 'Keep at most' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Retention' }).count()).toBe(1);
    expect(await page.getByRole('heading', { name: 'Outgoing' }).count()).toBe(0);
    expect(await page.getByRole('heading', { name: 'Listeners' }).count()).toBe(0);
  });

  test('DNS says who answered, which records, and what the guard refused', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    await strike(page, 'g', 'd');
    await expect.poll(() => page.locator(':focus').getAttribute('id')).toBe('dns-name');
    await page.keyboard.type('example.test');
    await strike(page, 'Enter');
    const answer = page.getByRole('status', { name: 'Answer' });
    await answer.getByText('mx1.example.test.').waitFor();
    await answer.getByRole('button', { name: 'zones/example.zone' }).waitFor();
    await page.getByText('broken.zone:3: found A localhost').waitFor();
    await page.locator('#dns-name').fill('example.com');
    await page.getByRole('button', { name: 'TXT', exact: true }).click();
    await answer.getByText('guard: example.com is not open').first().waitFor();
  });

  test.each(['dark', 'light'] as const)('axe finds nothing serious: %s', async (colorScheme) => {
    await using window = await openWindow({
      rows: 20,
      context: { colorScheme, reducedMotion: 'reduce' },
    });
    const { page } = window;
    await strike(page, 'g', 'd');
    await page.keyboard.type('example.test');
    await strike(page, 'Enter');
    await page.getByText('mx1.example.test.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(window.complaints).toEqual([]);
  });
});
