/** The Lab: by mouse and by keyboard, what it asks of the engine and what it shows of the answers. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeInBrowser, openWindow, strike } from './window.ts';

async function enterLab(page: Page): Promise<void> {
  await strike(page, 'g', 'l');
  await page.locator('.cm-line').first().waitFor();
  await page.locator("[id^='captured-']").first().waitFor();
}

/** The keys go to the editor. */
async function hasEditorFocus(page: Page): Promise<void> {
  const content = page.locator('.cm-content');
  await expect
    .poll(() => content.evaluate((element) => element.contains(document.activeElement)))
    .toBe(true);
}

const summary = (page: Page) => page.getByRole('region', { name: 'Results' }).locator('.summary');

describeInBrowser('lab', () => {
  test('a message is run from Mail, edited live, compared, saved and queued by keys', async () => {
    await using window = await openWindow({ rows: 34 });
    const { page, engine } = window;
    const { lab } = engine;
    await page.locator('#mail-34').waitFor();
    await strike(page, 'j', 'x', 'j', 'x', 'r');
    await summary(page).getByText('2 same').waitFor();
    expect(lab.asked.replays[0]).toMatchObject({
      messages: { seqs: [34, 33] },
      through: { kind: 'reception' },
    });
    // Typing over the smarthost runs the same two again.
    await page.locator('.cm-line').first().waitFor();
    await strike(page, 'e');
    await hasEditorFocus(page);
    await strike(page, 'Control+f');
    await page.locator('.cm-search input').first().waitFor();
    await page.keyboard.type('smarthost.example.net');
    await strike(page, 'Enter', 'Escape');
    await page.keyboard.type('smarthost.example.org');
    await summary(page).getByText('1 different').waitFor();
    await page.getByText('1 line changed').waitFor();
    expect(lab.asked.replays.at(-1)?.files?.['init.lua']).toContain('smarthost.example.org');
    const differences = page.getByRole('table', { name: 'Differences' }).first();
    await differences.getByText('meta.routing_domain').first().waitFor();
    await strike(page, 'Control+s');
    await expect.poll(() => lab.saved.get('init.lua')).toContain('smarthost.example.org');
    await expect.poll(() => page.getByText('1 line changed').count()).toBe(0);
    // Against the first run, from the menu.
    await strike(page, 'Escape', 'c', 'ArrowDown', 'Enter');
    await page.getByRole('button', { name: /^Compare with… reception/ }).waitFor();
    await page.getByRole('button', { name: 'Replay for real…' }).click();
    await strike(page, 'Enter');
    await expect.poll(() => lab.asked.forReal.length).toBe(1);
    await page.getByText('2 selected').waitFor();
    await page.locator('#mail-36').waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('a delivery in Lua: the example, an answer for it, and an error at its line', async () => {
    await using window = await openWindow({ rows: 34 });
    const { page, engine } = window;
    const { lab } = engine;
    await page.locator('#mail-34').waitFor();
    await page.getByRole('button', { name: /^Lab/ }).click();
    await page.getByRole('button', { name: 'Try a delivery in Lua' }).click();
    await summary(page).getByText('1 different').waitFor();
    expect(lab.asked.replays.at(-1)).toMatchObject({
      through: { kind: 'constructor', name: 'make.webhook_example' },
      stubs: [{ kind: 'http', match: 'POST http://127.0.0.1:8080/mail' }],
    });
    await page.getByRole('button', { name: 'Network 1', exact: true }).click();
    await page.getByText('POST http://127.0.0.1:8080/mail → 200').waitFor();
    // Without the answer the script raises, and the call offers one.
    await page.getByRole('button', { name: 'Network 1 chosen answer' }).click();
    await page.getByRole('menuitem', { name: /^Edit the chosen answers/ }).click();
    await page.getByRole('button', { name: 'Remove answer 1' }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.locator('#captured-33').dblclick();
    await summary(page).getByText('1 raised').waitFor();
    await page.getByRole('button', { name: 'answer it' }).click();
    await page.getByRole('region', { name: 'Answers' }).getByLabel('Asked').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByText('34 of 34 chosen').waitFor();
    await page.locator('.cm-content').click();
    await strike(page, 'Control+End');
    await page.keyboard.type('oops');
    await page.locator('.problem-text').getByText('attempt to index a nil value').waitFor();
    await page.getByRole('button', { name: /^1 problem/ }).waitFor();
    await strike(page, 'Control+s');
    await page.getByText(/^Not saved/).waitFor();
    expect(lab.saved.get('init.lua')).not.toContain('oops');
    expect(window.complaints).toEqual([]);
  });

  test('completion and hover know the engine; a source link of the Journey leads here', async () => {
    await using window = await openWindow({ rows: 34 });
    const { page } = window;
    await page.locator('#mail-34').waitFor();
    await enterLab(page);
    await page.locator('.cm-content').click();
    await strike(page, 'Control+End');
    await page.keyboard.type('msg:set_me');
    await page.locator('.cm-tooltip-autocomplete').getByText('set_meta').first().waitFor();
    await strike(page, 'Enter');
    const written = page.locator('.cm-line', { hasText: 'msg:set_meta' }).last();
    await written.hover({ position: { x: 60, y: 10 } });
    await page.locator('.docs').getByText('msg:set_meta(key, value)').waitFor();
    await strike(page, 'Escape', 'Escape');
    await strike(page, 'g', 'm');
    await page.locator('#mail-34').click();
    await page.getByRole('tab', { name: 'Journey' }).click();
    await page
      .getByRole('button', { name: /^init\.lua:\d+$/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Edit in the Lab' }).click();
    await hasEditorFocus(page);
    expect(window.complaints).toEqual([]);
  });
});
