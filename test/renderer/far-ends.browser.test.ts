/** Far ends by keyboard: the list, a new one, a mistake, what was received, remove and undo. */
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

describeInBrowser('far ends', () => {
  test('the filter is of the tab, and says where there is nothing to filter', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page } = window;
    const rows = page.getByRole('grid', { name: 'Far ends' }).getByRole('row');
    const field = page.locator('#filter');
    await strike(page, 'g', 'f');
    await expect.poll(() => rows.count()).toBe(4);
    const name = await page.locator('#far-end-1 .name .cut').innerText();
    expect(await field.getAttribute('placeholder')).toBe('Filter far ends');
    await field.fill(name.toUpperCase());
    await expect.poll(() => rows.count()).toBe(2);
    await field.fill('no such far end');
    await page.getByText('No far end matches the filter.').waitFor();
    await page.getByRole('tab', { name: 'Tester' }).click();
    await expect.poll(() => field.isDisabled()).toBe(true);
    expect(await field.getAttribute('placeholder')).toBe('Nothing to filter here');
    expect(window.complaints).toEqual([]);
  });

  test('make one, send to it, look at what it received, remove it and take that back', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    const rows = page.getByRole('grid', { name: 'Far ends' }).getByRole('row');
    const said = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();
    await strike(page, 'g', 'r');
    await page.getByRole('tab', { name: 'Far ends' }).click();
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole('grid', { name: 'Far ends' }).focus();
    await strike(page, 'n');
    await page.getByRole('menuitem', { name: /mailbox-full/ }).click();
    const form = page.getByRole('form', { name: 'New far end' });
    await form.getByText('at RCPT for over.quota*; else accepts').waitFor();
    const rule = form.getByRole('group', { name: 'Rule 1' });
    await rule.getByText('Refuses; default 550').waitFor();
    await rule.getByRole('button', { name: /more$/ }).click();
    await rule.getByLabel('code', { exact: true }).fill('99');
    await form.getByRole('alert').getByText('rules[0].code').waitFor();
    await rule.getByLabel('code', { exact: true }).fill('452');
    await expect.poll(() => form.getByRole('alert').count()).toBe(0);
    await form.getByRole('button', { name: 'JSON' }).click();
    const text = page.getByLabel('The far end as JSON');
    const good = await text.inputValue();
    expect(good).toContain('"code": 452');
    await text.fill(good.replace('"at": "rcpt"', '"at": "nowhere"'));
    await page.getByRole('alert').getByText('rules[0].at').waitFor();
    await text.fill(good);
    await form.getByRole('button', { name: 'Form' }).click();
    await expect.poll(() => rule.getByLabel('code', { exact: true }).inputValue()).toBe('452');
    await strike(page, 'Control+s');
    await said('Saved the far end mailbox-full');
    await expect.poll(() => rows.count()).toBe(5);
    const address = await page
      .getByText(/^127\.0\.0\.1:\d+$/)
      .first()
      .textContent();
    const port = Number(address?.split(':')[1]);
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
    const mail = { from: 'a@shop.test', subject: 'A parcel', text: 'x' };
    await transport.sendMail({ ...mail, to: 'ada@dest.test' });
    await expect(transport.sendMail({ ...mail, to: 'over.quota@dest.test' })).rejects.toThrow(
      '452',
    );
    engine.emit({ type: 'far-ends' });
    await page.getByRole('button', { name: /ada@dest\.test A parcel/ }).click();
    await page.getByText('RCPT TO:<ada@dest.test>').waitFor();
    await page.getByRole('grid', { name: 'Far ends' }).focus();
    await strike(page, 'Escape', '0');
    await said(/remembers nothing/);
    await page.getByRole('grid', { name: 'Far ends' }).focus();
    await strike(page, '#');
    await said('Removed the far end mailbox-full');
    await expect.poll(() => rows.count()).toBe(4);
    await strike(page, 'z');
    await expect.poll(() => rows.count()).toBe(5);
    // The browser itself reports the answer to the mistake.
    expect(window.complaints.filter((complaint) => !complaint.includes('400'))).toEqual([]);
  });
});
