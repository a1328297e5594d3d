/**
 * Two messages are chosen, shared, and opened in a second Postyard that knows nothing of the first:
 * every tab is there, and nothing that could change anything.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { describeInBrowser, openPage, seriousFindings, strike } from './window.ts';

const root = join(import.meta.dirname, '../..');
const rows = (page: Page) => page.locator("[data-list='mail'] [role='row'][id^='mail-']");
const tab = (page: Page, name: string) => page.getByRole('tab', { name: new RegExp(`^${name}`) });

let engine: ServeProcess;
let folder: string;

describeInBrowser('a shared file', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postyard-share-'));
    engine = await ServeProcess.start();
    for (const to of ['ada@example.com', 'bob@example.com', 'eve@example.com']) {
      await sendMail(engine, to);
      await rowTo(engine, to, 'delivered');
    }
  }, 90_000);
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('goes from one window to another', { timeout: 120_000 }, async () => {
    const file = join(folder, 'two.postyard');
    await using from = await openPage(`${engine.url}/#token=${engine.token}`);
    await rows(from.page).nth(2).waitFor();
    await strike(from.page, 'j', 'x', 'j', 'x');
    const download = from.page.waitForEvent('download');
    await from.page.getByRole('button', { name: 'Share', exact: true }).click();
    await (await download).saveAs(file);
    await from.page.getByText(/credentials are masked/).waitFor();
    expect((await download).suggestedFilename()).toMatch(/\.postyard$/);

    await using reader = await openReader(file);
    await using to = await openPage(reader.url, { colorScheme: 'dark' });
    const { page } = to;
    await page.getByRole('note', { name: 'Shared file' }).getByText('Read only').waitFor();
    await expect.poll(() => rows(page).count()).toBe(2);
    await strike(page, 'j', 'Enter');
    await tab(page, 'Journey').click();
    await page.getByText('Reception').first().waitFor();
    await page.getByText('RCPT').first().waitFor();
    if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-journey.png` });
    for (const name of ['Message', 'Attempts', 'Source', 'Headers', 'Parts'])
      await tab(page, name).click();
    expect(await tab(page, 'Lua').count()).toBe(0);
    for (const id of ['delete', 'deliver-now', 'send-test', 'follow', 'share-messages'])
      expect(await page.locator(`[data-action='${id}']`).count(), id).toBe(0);
    await page.getByRole('button', { name: 'What is in this file' }).click();
    const facts = page.getByRole('dialog', { name: 'What is in this file' });
    await facts.getByText('2 chosen messages').waitFor();
    await facts.getByText('There were none.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-facts.png` });
    await strike(page, 'Escape', '#', 'd');
    await strike(page, 'g', 'o');
    await page.getByText('Delivery').first().waitFor();
    await page.getByRole('button', { name: /^Mail/ }).click();
    await page.getByRole('combobox', { name: 'Filter mail' }).fill('rcpt:bob');
    await expect.poll(() => rows(page).count()).toBe(1);
    expect(to.complaints).toEqual([]);
    expect(readdirSync(folder)).toEqual(['two.postyard']);

    // From a running engine's window: in one of its own.
    const chooser = from.page.waitForEvent('filechooser');
    const popup = from.page.waitForEvent('popup');
    await strike(from.page, 'Control+k');
    await from.page.keyboard.type('open a shared');
    await strike(from.page, 'Enter');
    await (await chooser).setFiles(file);
    const opened = await popup;
    await opened.getByText('Read only').waitFor();
    await expect.poll(() => rows(opened).count()).toBe(2);
    expect(from.complaints).toEqual([]);
  });
});

/** `postyard open FILE` as its reader would start it. */
async function openReader(file: string): Promise<AsyncDisposable & { readonly url: string }> {
  const child = spawn(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'engine/main.ts'), 'open', file, '--print'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /Window +(\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then((code) => reject(new Error(`postyard open ended with status ${code}`)));
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
    },
  };
}
