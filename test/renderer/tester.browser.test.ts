/** Tester and expectations by keyboard and mouse: what is asked of the engine, and what is shown. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

const table = (page: Page) => page.getByRole('table', { name: 'What would happen' });
const cells = (page: Page, label: string) =>
  table(page).getByRole('row', { name: label }).getByRole('cell').allInnerTexts();

describeInBrowser('tester', () => {
  test('by keyboard: explain, what if, a mistake, a saved case', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await strike(page, 'g', 't');
    await page.locator("[data-tester-field='to']:focus").waitFor();
    await page.keyboard.type('tomas@example.org');
    await strike(page, 'Tab');
    await page.keyboard.type('no colon');
    await page.getByText('“no colon”: expected Name: value').waitFor();
    await strike(page, 'Control+Enter');
    await page.getByText('Explain: A field is not as expected').waitFor();
    await strike(page, 'Control+a');
    await page.keyboard.type('Subject: Hello');
    await strike(page, 'Control+Enter');
    await page.getByText('Queued for smarthost.example.net').waitFor();
    expect(engine.tester.asked.explain.at(-1)).toEqual({
      from: 'sender@shop.example',
      to: ['tomas@example.org'],
      headers: [{ name: 'Subject', value: 'Hello' }],
    });
    await strike(page, 'Escape', 'w');
    await page.getByRole('menuitemradio', { name: /sg-smarthost were off/ }).waitFor();
    await strike(page, 'ArrowDown', 'ArrowDown', 'Enter');
    await table(page).getByText('7 differ').waitFor();
    expect(await cells(page, 'Queue')).toEqual([
      'receipts:acme@example.org!smarthost.example.net',
      'receipts:acme@example.org',
    ]);
    expect(engine.tester.asked.explain.at(-1)?.whatIf).toEqual({
      routes: { 'sg-smarthost': false },
    });
    await page.getByText('Route sg-smarthost decided it').waitFor();
    await page.getByRole('button', { name: 'if route sg-smarthost were off' }).click();
    await page.getByText('The recipient’s domain').waitFor();
    await strike(page, 'Control+s');
    await page.getByRole('group', { name: 'Save as expectation' }).waitFor();
    await page.keyboard.type('tomas by the smarthost');
    await strike(page, 'Enter');
    await page.getByText('Saved in expectations/routing.json').waitFor();
    expect(engine.tester.saved).toMatchObject([
      {
        file: 'routing.json',
        name: 'tomas by the smarthost',
        message: { to: ['tomas@example.org'] },
      },
    ]);
    expect(window.complaints).toEqual([]);
  });

  test('by mouse: a captured message, its recipients, and expected from now on', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    await page.locator('#mail-18').click({ button: 'right' });
    await page.getByRole('menuitem', { name: /Explain in the tester/ }).click();
    await expect.poll(() => engine.tester.asked.explain.at(-1)?.row).toBe(18);
    await page.getByRole('form', { name: 'Message to test' }).getByText('message 18').waitFor();
    await page.getByLabel('RCPT TO').fill('ada@example.com, nobody@example.com');
    await page.getByRole('button', { name: /^Explain/ }).click();
    await page.getByRole('button', { name: 'nobody@example.com' }).click();
    await page.getByText('Refused: 550 5.1.1 no such user').waitFor();
    await page.getByRole('button', { name: 'Forget the message, keep the envelope' }).click();
    await page.getByRole('button', { name: /^Explain/ }).click();
    await expect.poll(() => engine.tester.asked.explain.at(-1)?.row).toBe(undefined);
    await page.getByRole('button', { name: /^Mail/ }).first().click();
    await page.locator('#mail-17').click({ button: 'right' });
    await page.getByRole('menuitem', { name: /Expect the same from now on/ }).click();
    const save = page.getByRole('group', { name: 'Save as expectation' });
    await save.getByLabel('Name').fill('what 17 did');
    await save.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => engine.tester.saved.at(-1)?.message.row).toBe(17);
    expect(window.complaints).toEqual([]);
  });
});

describeInBrowser('expectations', () => {
  test('by keyboard: run all, only what fails, a table with its rows, into the tester', async () => {
    await using window = await openWindow({ rows: 20 });
    const { page, engine } = window;
    const rows = page.getByRole('grid', { name: 'Expectations' }).getByRole('row');
    await strike(page, 'g', 'e');
    await page.getByText('23 cases, not run yet').waitFor();
    expect(await rows.count()).toBe(1 + 24);
    await page.getByText('old/partners.json').first().waitFor();
    await strike(page, 'R');
    await page.getByText('3 fail').waitFor();
    await strike(page, 'f');
    await expect.poll(() => rows.count()).toBe(1 + 3 + 1);
    await strike(page, 'j', 'Enter');
    const beside = page.getByRole('region', { name: /^Case every tenant/ });
    const parameters = beside.getByRole('table', { name: 'Parameters' });
    await expect
      .poll(() => parameters.getByRole('columnheader').allInnerTexts())
      .toEqual(['user', 'tenant']);
    expect(await parameters.getByRole('row').count()).toBe(1 + 4);
    await beside.getByRole('table', { name: 'What was found instead' }).first().waitFor();
    await strike(page, 't');
    await page.getByText('Queued for smarthost.example.net').waitFor();
    await expect.poll(() => engine.tester.asked.explain.at(-1)?.to).toEqual(['ada@example.org']);
    expect(window.complaints).toEqual([]);
  });

  test('by mouse: one case, the filter, nothing expected yet', async () => {
    await using window = await openWindow({ rows: 20, expected: 2_000 });
    const { page, engine } = window;
    await page
      .getByRole('button', { name: /^Routes/ })
      .first()
      .click();
    await page.getByRole('tab', { name: /^Expectations 2,000/ }).click();
    await page.getByRole('row', { name: /receipt 0 to ada/ }).click();
    await page
      .getByRole('region', { name: 'Case receipt 0 to ada' })
      .getByRole('button', { name: /^Run/ })
      .click();
    await page.getByText('1 hold').waitFor();
    expect(engine.tester.asked.runs).toEqual([{ file: 'routing.json', case: 'receipt 0 to ada' }]);
    await page.getByLabel('Filter expectations').fill('receipt 1999');
    await expect
      .poll(() => page.getByRole('grid', { name: 'Expectations' }).getByRole('row').count())
      .toBe(2);
    await using empty = await openWindow({ rows: 0 });
    await strike(empty.page, 'g', 'e');
    await empty.page.getByText('Nothing is expected yet').waitFor();
    await empty.page.getByRole('button', { name: 'Open the tester' }).click();
    await empty.page.locator("[data-tester-field='to']:focus").waitFor();
    expect(window.complaints).toEqual([]);
  });
});
