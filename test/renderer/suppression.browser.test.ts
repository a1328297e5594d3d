/** Suppression by mouse and keyboard: the list, the mode, the switches, the demo on the projector. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

describeInBrowser('suppression', () => {
  test('by keyboard: add, select, remove, undo, filter, copy', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    const rows = page.locator('[data-entry]');
    const said = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
    await strike(page, 'g', 'u');
    await expect.poll(() => rows.count()).toBe(18);
    await strike(page, 'n');
    await page.keyboard.type('nobody');
    await strike(page, 'Enter');
    await page.getByRole('alert').getByText('expected an address').waitFor();
    await page.keyboard.type('@example.org');
    await strike(page, 'Tab');
    await page.keyboard.type('shop.example.com');
    await strike(page, 'Enter');
    await said('Suppressed nobody@example.org');
    expect(engine.suppression.sent.at(-1)).toMatchObject({
      body: { entries: [{ recipient: 'nobody@example.org', sendingDomain: 'shop.example.com' }] },
    });
    await strike(page, 'Escape', 'j', 'x', 'j', 'x');
    await page.getByText('2 selected').waitFor();
    await strike(page, 'y');
    await said('Copied 2 addresses');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      'nobody@example.org\nbounced.before@example.net',
    );
    await strike(page, '#');
    await said('Removed 2 entries');
    await expect.poll(() => rows.count()).toBe(17);
    await strike(page, 'z');
    await expect.poll(() => rows.count()).toBe(19);
    await strike(page, '/');
    await page.keyboard.type('bounced');
    await strike(page, 'Enter');
    await expect.poll(() => rows.count()).toBe(1);
    await strike(page, 'j', 'Enter');
    await page.getByRole('region', { name: 'Message', exact: true }).waitFor();
    // The browser itself reports the answer to the wrong address.
    expect(window.complaints.filter((text) => !text.includes('400'))).toEqual([]);
  });

  test('by mouse: mode, switches, classes, import and export', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await page.getByRole('button', { name: /^Suppression/ }).click();
    const modes = page.getByRole('radiogroup', { name: 'Mode in use' });
    await modes.getByRole('radio', { name: /^Reject 550/ }).click();
    await expect
      .poll(() => modes.getByRole('radio', { name: /^Reject/ }).getAttribute('aria-checked'))
      .toBe('true');
    await strike(page, 'ArrowRight');
    await expect.poll(() => engine.suppression.status.mode).toBe('null');
    await page.getByRole('switch', { name: 'Add by itself on OOB' }).click();
    await expect.poll(() => engine.suppression.status.autoAdd.oob).toBe(true);
    await page.getByRole('button', { name: 'all classes' }).click();
    await page.keyboard.type('InvalidRecipient, BadDomain');
    await strike(page, 'Enter');
    await page.getByRole('button', { name: 'InvalidRecipient, BadDomain' }).waitFor();

    const menu = page.getByRole('button', { name: 'Import, export' });
    await menu.click();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('menuitem', { name: /^Import/ }).click(),
    ]);
    const text = 'one@example.org\ntwo@example.org\n';
    await chooser.setFiles({ name: 'more.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await page.getByText('Imported 2 entries').waitFor();
    expect(engine.suppression.sent.at(-1)).toMatchObject({
      path: '/import',
      body: { format: 'csv', label: 'more.csv', text },
    });
    await menu.click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: /as CSV/ }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('suppression.csv');
    expect(await readFile(await download.path(), 'utf8')).toMatch(/^one@example\.org\r\n/);
    expect(window.complaints).toEqual([]);
  });

  test('the demo: three ways side by side, proof, and back to a clean state', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await strike(page, 'g', 'u', 'r');
    const table = page.getByRole('table', { name: 'One message, three ways' });
    await table.getByText('Lua send rejects').waitFor();
    const cells = table.getByRole('row', { name: /^Records/ }).getByRole('cell');
    expect(await cells.allInnerTexts()).toEqual([
      expect.stringMatching(/^Rejection\s+550$/),
      expect.stringMatching(/^Reception\s+250$/),
      expect.stringMatching(/^Reception\s+250\s+Bounce\s+550$/),
    ]);
    await page.getByRole('button', { name: 'Remove and send again' }).click();
    await page.getByText('to mail/example.net/bounced.before').waitFor();
    await page.getByRole('button', { name: 'Take the demo back' }).click();
    await expect.poll(() => engine.suppression.sent.at(-1)?.path).toBe('/demo/reset');
    await expect.poll(() => table.getByText('Lua send rejects').count()).toBe(0);

    await strike(page, 'p');
    const stage = page.getByRole('dialog', { name: 'Suppression, presented' });
    await stage.getByText('One message to a suppressed recipient').waitFor();
    for (const title of ['Reject 550', 'Null queue', 'Bounce queue', 'Three ways', 'Removed']) {
      await strike(page, ' ');
      await stage.getByRole('heading', { name: title }).waitFor();
    }
    await strike(page, 'ArrowLeft');
    await stage.getByRole('heading', { name: 'Three ways' }).waitFor();
    await strike(page, 'Escape');
    await expect.poll(() => stage.count()).toBe(0);
    await expect.poll(() => engine.suppression.sent.at(-1)?.path).toBe('/demo/reset');
    expect(window.complaints).toEqual([]);
  });

  test('a newcomer is told what the list is for; a long list is drawn in part', async () => {
    await using empty = await openWindow({ rows: 20, suppressed: 0 });
    await strike(empty.page, 'g', 'u');
    await empty.page.getByText('Nobody is suppressed.').waitFor();
    await empty.page.getByText('Suppress a recipient…').click();
    await empty.page.getByRole('textbox', { name: 'Recipient', exact: true }).waitFor();

    await using long = await openWindow({ rows: 20, suppressed: 1200 });
    const { page } = long;
    await strike(page, 'g', 'u', 'j', 'End');
    await expect.poll(() => page.locator('[data-entry]').count()).toBeLessThan(60);
    const list = page.locator("[data-list='suppression']");
    await expect
      .poll(
        async () => {
          await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
          return list.getByText('reader.1199').count();
        },
        { timeout: 20_000 },
      )
      .toBe(1);
  });
});
