/** Mail by keyboard alone, first start, follow and pin, delete and undo, the preview's isolation. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

const rows = (page: Page) => page.locator("[data-list='mail'] [role='row'][id^='mail-']");
const detail = (page: Page) => page.getByRole('region', { name: 'Message', exact: true });
const current = (page: Page) => page.locator("[data-list='mail'] [data-current='true']");

describeInBrowser('mail', () => {
  test('the token leaves the address and the first message takes the place of the waiting', async () => {
    await using window = await openWindow({ rows: 0 });
    const { page } = window;
    expect(page.url()).not.toContain('token');
    await page.getByText('127.0.0.1:1025', { exact: true }).waitFor();
    await page.getByRole('tab', { name: 'Django' }).click();
    await page.getByText('EMAIL_PORT').waitFor();
    await page.getByRole('button', { name: /Send a test message/ }).focus();
    await page.keyboard.press('Enter');
    await detail(page).getByText('A test message from Postyard').waitFor();
    expect(await rows(page).count()).toBe(1);
    expect(window.complaints).toEqual([]);
  });

  test('keys move, open, walk through tabs and step back', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).first().waitFor();
    await strike(page, 'j', 'j', 'ArrowDown', 'k');
    expect(await current(page).getAttribute('id')).toBe('mail-1203');
    await strike(page, 'Enter');
    await detail(page).getByText('Receipt for order 20430').first().waitFor();
    await strike(page, ']');
    await page.getByRole('tab', { name: 'Journey', selected: true }).waitFor();
    await page.getByText('smtp_server_message_received').waitFor();
    await strike(page, 'j');
    await detail(page).getByText('Confirm your new address').first().waitFor();
    await strike(page, 'Escape');
    await expect.poll(() => detail(page).count()).toBe(0);
    await strike(page, 'End');
    await expect.poll(() => current(page).getAttribute('id')).toBe('mail-1');
    await strike(page, 'Home');
    await expect.poll(() => current(page).getAttribute('id')).toBe('mail-1204');
  });

  test('a filter takes the cursor off a row that it takes out', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    const list = page.locator("[data-list='mail']");
    await rows(page).first().waitFor();
    await strike(page, 'j', 'j', 'x');
    expect(await list.getAttribute('aria-activedescendant')).toBe('mail-1203');
    await page.getByRole('combobox', { name: 'Filter mail' }).fill('state:rejected');
    await expect.poll(() => rows(page).first().getAttribute('id')).toBe('mail-1200');
    await expect.poll(() => list.getAttribute('aria-activedescendant')).toBeNull();
    await expect.poll(() => page.getByText('1 selected').count()).toBe(0);
    await list.focus();
    await strike(page, 'j');
    expect(await list.getAttribute('aria-activedescendant')).toBe('mail-1200');
    // Out of sight is not drawn, and is not said to be.
    await list.evaluate((element) => (element.scrollTop = 100_000));
    await expect.poll(() => list.getAttribute('aria-activedescendant')).toBeNull();
    expect(window.complaints).toEqual([]);
  });

  test('new mail comes in at the top while following, and is counted while pinned', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await rows(page).first().waitFor();
    engine.add(1);
    await page.locator('#mail-1205').waitFor();
    await page.locator("[data-list='mail']").hover();
    await page.mouse.wheel(0, 600);
    await page.getByRole('button', { name: 'Follow', exact: false, pressed: false }).waitFor();
    const seen = await rows(page).first().getAttribute('id');
    engine.add(34);
    await page.getByText('34 new').waitFor();
    expect(await rows(page).first().getAttribute('id')).toBe(seen);
    await strike(page, 'f');
    await page.locator('#mail-1239').waitFor();
    expect(await page.getByText('34 new').count()).toBe(0);
  });

  test('the checks of a message name links, clients and what is missing', async () => {
    await using window = await openWindow({ rows: 3 });
    const { page } = window;
    await rows(page).first().waitFor();
    await strike(page, 'j', 'Enter');
    await page.getByRole('tab', { name: 'Checks' }).click();
    await page.getByRole('tab', { name: 'Checks', selected: true }).waitFor();
    const checks = page.getByRole('region', { name: 'Checks' });
    await checks.getByText('Date is missing').waitFor();
    await checks.getByText('https://shop.example.com/orders/20418', { exact: true }).waitFor();
    await checks.getByRole('link', { name: '@media (prefers-color-scheme)' }).waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('all that is listed is deleted at once and comes back', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).first().waitFor();
    await page.getByRole('button', { name: 'Delete all that is listed' }).click();
    await page.getByText('Deleted 1,204 messages').waitFor();
    await expect.poll(() => rows(page).count()).toBe(0);
    await strike(page, 'z');
    await page.getByText('1,204 messages').first().waitFor();
  });

  test('selected rows are deleted at once and come back with z', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).first().waitFor();
    await strike(page, 'j', 'x', 'j', 'x');
    await page.getByText('2 selected').waitFor();
    await strike(page, '#');
    await page.getByText('Deleted 2 messages').waitFor();
    await page.getByText('1,202 messages').waitFor();
    expect(await page.locator('#mail-1204').count()).toBe(0);
    expect(await current(page).getAttribute('id')).toBe('mail-1202');
    await strike(page, 'z');
    await page.locator('#mail-1204').waitFor();
    await page.getByText('1,204 messages').waitFor();
  });

  test('shift extends a selection and ctrl adds to it', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).nth(2).click();
    await rows(page)
      .nth(5)
      .click({ modifiers: ['Shift'] });
    await page.getByText('4 selected').waitFor();
    await rows(page)
      .nth(8)
      .click({ modifiers: ['Control'] });
    await page.getByText('5 selected').waitFor();
    await strike(page, 'Escape');
    expect(await page.getByText('5 selected').count()).toBe(0);
  });

  test('the filter completes keys and values, filters, and becomes a view', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).first().waitFor();
    await strike(page, '/');
    await page.keyboard.type('sta');
    await page.getByRole('option', { name: /state:/ }).waitFor();
    await strike(page, 'Tab');
    await expect.poll(() => page.locator(':focus').inputValue()).toBe('state:');
    await page.keyboard.type('exp');
    await page.getByRole('option', { name: 'state:expired' }).waitFor();
    await strike(page, 'Tab');
    await expect.poll(() => rows(page).count()).toBe(1);
    await strike(page, 'Control+d');
    await page.keyboard.type('Too old');
    await strike(page, 'Enter');
    await page.getByRole('button', { name: /Too old/ }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: /Too old/ }).click();
    await expect.poll(() => rows(page).count()).toBe(1);
  });

  test('an invalid filter says why where the count was, and nothing moves', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await page.locator('#mail-1204').waitFor();
    const why = 'Cannot filter: found "state:nowhere", expected a state';
    await page.route(/\/rows\?.*nowhere/, (route) =>
      route.fulfill({ status: 400, json: { error: { code: 'invalid', message: why } } }),
    );
    const topOf = () =>
      page.locator("[data-list='mail']").evaluate((it) => it.getBoundingClientRect().top);
    const top = await topOf();
    await strike(page, '/');
    await page.keyboard.type('state:nowhere');
    await page.getByRole('alert').getByText(why).waitFor();
    expect(await topOf()).toBe(top);
    expect(await page.getByText(/ match$/).count()).toBe(0);
    expect(await page.getByText(/ of 1,204/).count()).toBe(0);
  });

  test('what only said something leaves with its screen', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await page.locator('#mail-1204').waitFor();
    await strike(page, 'j', 'y', 'c');
    const said = page.getByText('Copied a curl command');
    await said.waitFor();
    await strike(page, 'g', 'q');
    await page.getByRole('region', { name: 'Scheduled queues' }).waitFor();
    expect(await said.count()).toBe(0);
  });

  test('Tab passes through the filter, and completes what was begun in it', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await page.locator('#mail-1204').waitFor();
    const field = page.locator('#filter');
    await field.focus();
    await page.getByRole('option', { name: 'state:' }).waitFor();
    await strike(page, 'Tab');
    expect(await field.inputValue()).toBe('');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(false);
    await field.focus();
    await strike(page, 'ArrowDown', 'Tab');
    await expect.poll(() => field.inputValue()).toBe('state:');
    await page.keyboard.type('del');
    await strike(page, 'Tab');
    await expect.poll(() => field.inputValue()).toMatch(/^state:delivered ?$/);
    await strike(page, 'Tab');
    expect((await field.inputValue()).trim()).toBe('state:delivered');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(false);
  });

  test('the preview runs no script and may not reach the page', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await rows(page).nth(5).click();
    const frame = page.locator("iframe[title='Message']");
    await frame.contentFrame().getByText('Thank you for your order').waitFor();
    const sandbox = (await frame.getAttribute('sandbox')) ?? '';
    expect(sandbox).not.toMatch(/allow-scripts|allow-same-origin/);
    expect(await page.title()).toBe('shop-staging · Postyard');
    await page
      .getByRole('group', { name: /colour scheme/ })
      .getByTitle('Dark')
      .click();
    await expect.poll(() => engine.sent.links.at(-1)?.theme).toBe('dark');
    expect(await page.getByRole('button', { name: 'Loopback only' }).isDisabled()).toBe(true);
  });

  test('palette, context menu and copying use the same actions', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await rows(page).nth(5).click();
    await strike(page, 'Control+k');
    await page.keyboard.type('copy rec');
    await strike(page, 'Enter');
    await page.getByText('Copied the recipient').waitFor();
    const copied = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
    expect(await copied()).toBe('ada@example.com');
    await strike(page, 'y', 'c');
    await page.getByText('Copied a curl command').waitFor();
    expect(await copied()).toContain("--mail-rcpt 'ada@example.com'");
    await rows(page).nth(2).click({ button: 'right' });
    const menu = page.getByRole('menu');
    await menu.getByRole('menuitem', { name: /Deliver now.*Not queued any more/ }).waitFor();
    await strike(page, 'Escape');
    await expect.poll(() => menu.count()).toBe(0);
    await strike(page, '?');
    await page.getByRole('dialog', { name: 'All keys' }).waitFor();
  });

  test('the palette begins with what can run, and goes to a screen by its name', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page } = window;
    await page.locator('#mail-1204').waitFor();
    await strike(page, 'Control+k');
    const first = page.locator('#palette-0');
    await first.waitFor();
    expect(await first.getAttribute('aria-disabled')).toBe('false');
    await page.keyboard.type('queue');
    await strike(page, 'Enter');
    await page.getByRole('region', { name: 'Scheduled queues' }).waitFor();
  });

  test('a row that changes changes in place, with its open details', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await rows(page).first().click();
    await page.getByText(/^Deferred: 451/).waitFor();
    engine.change(1204, { state: 'delivered', code: 250, attempts: 1, lastText: '2.0.0 OK' });
    await page.locator('#mail-1204').getByRole('img', { name: 'delivered' }).waitFor();
    await page.getByText('Delivered on the first attempt').waitFor();
  });
});
