/**
 * The built window in a real browser, for tests: against the fake engine or a real one. Where there is no Chromium
 * the tests are skipped and say so; they are never counted as passed.
 */
import AxeBuilder from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { buildRenderer } from '../../build/renderer.ts';
import { chromiumPath, launchChromium } from '../screens/browser.ts';
import { startFakeEngine, type FakeEngine, type FakeOptions } from '../support/fake-engine.ts';

const executable = chromiumPath();

/** `describe`, or a loud skip when there is no browser. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (executable === null) {
    console.warn(`skipped: no Chromium found for "${name}"; set CHROMIUM to its path`);
    describe.skip(`${name} (no Chromium)`, tests);
    return;
  }
  // A browser on a busy machine takes its time.
  vi.setConfig({ testTimeout: 60_000 });
  describe(name, () => {
    beforeAll(async () => {
      await buildRenderer();
      browser = await launchChromium(executable);
    }, 120_000);
    afterAll(async () => {
      await browser?.close();
    });
    tests();
  });
}

let browser: Browser | null = null;

interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page wrote to its console as an error; the preview's own frame aside. */
  readonly complaints: readonly string[];
}

interface OpenWindow extends OpenPage {
  readonly engine: FakeEngine;
}

export async function openWindow(
  options: FakeOptions & { context?: BrowserContextOptions } = {},
): Promise<OpenWindow> {
  const engine = await startFakeEngine(options);
  const opened = await openPage(engine.pageUrl, options.context);
  return {
    ...opened,
    engine,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** @param pageUrl with its token: of the fake engine, or what `postyard open --print` says */
export async function openPage(
  pageUrl: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  if (!browser)
    throw new Error('Cannot open a window: no browser runs, expected describeInBrowser');
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    timezoneId: 'UTC',
    ...options,
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const isPreview = `${message.text()} ${message.location().url}`.includes('/links/preview');
    if (message.type() === 'error' && !isPreview) complaints.push(message.text());
  });
  await page.goto(pageUrl);
  await page.getByRole('contentinfo', { name: 'Status' }).getByText('policy').waitFor();
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

/** What axe finds serious on the page, in words; the mail's own content is not ours to judge. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // One frame and one kind of result: a third of the time, and the same findings.
  const { violations } = await new AxeBuilder({ page })
    .exclude('iframe')
    .options({ resultTypes: ['violations'] })
    .setLegacyMode(true)
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n   ')}`);
}

/** Strikes keys one after the other, as somebody without a mouse would. */
export async function strike(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}
