/** Queues, Log and maildirs: what their keys and buttons ask of the engine, and what comes back. */
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

describeInBrowser('screens', () => {
  test('queues: the next due is shown, delivered now, suspended, resumed and bounced', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await page.locator('#mail-1204').waitFor();
    await strike(page, 'g', 'n');
    await page.getByRole('region', { name: 'Opened queue' }).getByText('wei.zhang').waitFor();
    const queue = 'receipts:acme@example.org!smarthost.example.net';
    await strike(page, 'D');
    await expect.poll(() => engine.sent.actions.at(-1)).toEqual({ verb: 'deliver-now', queue });
    await strike(page, 'j', 'd');
    await expect
      .poll(() => engine.sent.actions.at(-1))
      .toEqual({ verb: 'deliver-now', messageIds: ['queued-0'] });
    await strike(page, 's');
    await page.getByText(/^Suspended until/).waitFor();
    await strike(page, 'S');
    await expect.poll(() => page.getByText(/^Suspended until/).count()).toBe(0);
    await page.getByRole('row', { name: /acme@hooks/ }).click();
    await page.getByRole('button', { name: 'Bounce all…' }).click();
    await page.getByRole('menuitem', { name: 'cleaning up' }).click();
    await expect
      .poll(() => engine.sent.actions.at(-1))
      .toEqual({ verb: 'bounce', reason: 'cleaning up', queue: 'acme@hooks.example.com' });
    expect(window.complaints).toEqual([]);
  });

  test('rows of queues and routes have a menu, by the pointer and by the menu key', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await page.locator('#mail-1204').waitFor();
    await strike(page, 'g', 'q');
    await page.getByRole('row', { name: /acme@hooks/ }).click({ button: 'right' });
    const menu = page.getByRole('menu', { name: 'Queue', exact: true });
    await menu.getByRole('menuitem', { name: 'Resume' }).getByText('It is not suspended').waitFor();
    await menu.getByRole('menuitem', { name: 'Suspend', exact: true }).click();
    await expect
      .poll(() => engine.sent.actions.at(-1))
      .toMatchObject({ verb: 'suspend', queue: 'acme@hooks.example.com' });
    await strike(page, 'g', 'r');
    const routes = page.locator("[data-list='routes']");
    await routes.locator("[role='row'][id]").first().waitFor();
    await routes.focus();
    await strike(page, 'j', 'j');
    await routes.dispatchEvent('contextmenu');
    await page.getByRole('menu', { name: 'Route' }).waitFor();
    await strike(page, 'ArrowDown', 'Enter');
    await page
      .getByRole('row', { name: /sg-smarthost/ })
      .getByRole('switch', { checked: false })
      .waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('log: types and text filter, pausing holds back, a record opens its message', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    await page.locator('#mail-1204').waitFor();
    await strike(page, 'g', 'o');
    const records = page.locator("[data-list='log'] [id^='record-']");
    await records.first().waitFor();
    await page.getByRole('button', { name: /^Delivery/ }).click();
    await expect.poll(() => records.getByText('Delivery', { exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: /^Delivery/ }).click();
    await strike(page, 'p');
    engine.add(3, { state: 'delivered' });
    await page.getByText('3 waiting').waitFor();
    await strike(page, 'p');
    await page.locator('#record-1207').waitFor();
    await strike(page, '/');
    await page.keyboard.type('warehouse');
    await strike(page, 'Enter');
    await expect.poll(() => records.count()).toBe(1);
    await strike(page, 'j');
    await page.getByRole('region', { name: 'JSON' }).getByText('"Expiration"').waitFor();
    await strike(page, 'Enter');
    await page
      .getByRole('region', { name: 'Message', exact: true })
      .getByText('Pick list')
      .waitFor();
  });

  test('maildir: the tree opens one, flags change on disk and are undone', async () => {
    await using window = await openWindow({ rows: 1204 });
    const { page, engine } = window;
    const tree = page.getByRole('tree', { name: 'Maildirs' });
    await tree.focus();
    await strike(page, 'ArrowDown', 'ArrowRight', 'ArrowDown', 'Enter');
    await page.getByText('40 messages, 3 unread').waitFor();
    await strike(page, 'j', 'u');
    await page.getByText('40 messages, 2 unread').waitFor();
    expect(engine.sent.flags.at(-1)).toMatchObject({ path: 'mail/example.com/ada', add: 'S' });
    await strike(page, 'z');
    await page.getByText('40 messages, 3 unread').waitFor();
    await strike(page, 'j', 'Enter');
    await page.getByText('40 messages, 2 unread').waitFor();
    await page.getByRole('region', { name: 'Message', exact: true }).waitFor();
    await strike(page, 'Escape', 'Escape');
    await page.locator('#mail-1204').waitFor();
  });

  test('the policy’s error is shown at its line', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    const { policy } = engine.status;
    engine.setStatus({
      policy: {
        ...policy,
        error: { file: 'policy/init.lua', line: 28, message: 'attempt to index a nil value' },
      },
    });
    await page.getByRole('button', { name: 'policy error, init.lua:28' }).click();
    const dialog = page.getByRole('dialog', { name: 'Policy error' });
    await dialog.getByText('attempt to index a nil value').waitFor();
    await dialog.getByText('client:post(URL)').waitFor();
    await strike(page, 'Escape');
    await expect.poll(() => dialog.count()).toBe(0);
  });
});
