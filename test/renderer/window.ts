/**
 * The built window in a real browser against the fake engine, for tests. Where there is no Chromium
 * the tests are skipped and say so; they are never counted as passed.
 */
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

export interface OpenWindow extends AsyncDisposable {
  readonly page: Page;
  readonly engine: FakeEngine;
  /** What the page wrote to its console as an error; the preview's own frame aside. */
  readonly complaints: readonly string[];
}

export async function openWindow(
  options: FakeOptions & { context?: BrowserContextOptions } = {},
): Promise<OpenWindow> {
  if (!browser)
    throw new Error('Cannot open a window: no browser runs, expected describeInBrowser');
  const engine = await startFakeEngine(options);
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    timezoneId: 'UTC',
    ...options.context,
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
  await page.goto(engine.pageUrl);
  await page.getByRole('contentinfo', { name: 'Status' }).getByText('policy').waitFor();
  return {
    page,
    engine,
    complaints,
    async [Symbol.asyncDispose]() {
      await context.close();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** Strikes keys one after the other, as somebody without a mouse would. */
export async function strike(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}
