/**
 * Pictures of the window: every scene at two sizes and in both themes, against the fake engine or a
 * running one. Says what the page wrote to its console as an error, and fails when it did.
 *
 *   node test/screens/run.ts [--out DIR] [--only NAME,NAME] [--theme dark|light] [--size 1440x900]
 *   node test/screens/run.ts --url 'http://127.0.0.1:4100/#token=…'
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { buildRenderer } from '../../build/renderer.ts';
import { startFakeEngine } from '../support/fake-engine.ts';
import { chromiumPath, launchChromium } from './browser.ts';
import { SCENES, type Scene } from './scenes.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(import.meta.dirname, '../../dist/screens') },
    only: { type: 'string' },
    theme: { type: 'string' },
    size: { type: 'string' },
    url: { type: 'string' },
  },
});

const themes = values.theme === undefined ? ['dark', 'light'] : [values.theme];
const sizes = values.size === undefined ? ['1440x900', '1024x700'] : [values.size];
const only = values.only?.split(',');

async function photograph(
  browser: Browser,
  scene: Scene,
  theme: string,
  size: string,
): Promise<string[]> {
  const [width = 1440, height = 900] = size.split('x').map(Number);
  const engine =
    values.url === undefined
      ? await startFakeEngine({
          rows: scene.rows,
          ...(scene.status && { status: scene.status }),
          ...(scene.expected !== undefined && { expected: scene.expected }),
        })
      : null;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme === 'dark' ? 'dark' : 'light',
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // What the preview's own frame was refused is the point of that frame.
    const isPreview = `${message.text()} ${message.location().url}`.includes('/links/preview');
    if (message.type() === 'error' && !isPreview) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  try {
    await page.goto(values.url ?? engine?.pageUrl ?? '');
    await page.getByRole('contentinfo', { name: 'Status' }).waitFor();
    await page.waitForTimeout(400);
    await scene.go?.(page, engine);
    await page.screenshot({ path: join(values.out, `${scene.name}-${theme}-${width}.png`) });
  } catch (cause) {
    complaints.push(cause instanceof Error ? cause.message : String(cause));
  } finally {
    await context.close();
    await engine?.[Symbol.asyncDispose]();
  }
  // A scene without an engine is expected to hear that the connection was refused.
  return scene.name === 'lost' ? [] : complaints;
}

const executable = chromiumPath();
if (executable === null) {
  console.error('No pictures: no Chromium found, set CHROMIUM to its path');
  process.exitCode = 3;
} else {
  await buildRenderer();
  mkdirSync(values.out, { recursive: true });
  const browser = await launchChromium(executable);
  for (const scene of SCENES) {
    if (only && !only.includes(scene.name)) continue;
    for (const theme of themes) {
      for (const size of sizes) {
        const complaints = await photograph(browser, scene, theme, size);
        console.log(`${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${scene.name} ${theme} ${size}`);
        for (const complaint of complaints) console.log(`     ${complaint}`);
        if (complaints.length > 0) process.exitCode = 1;
      }
    }
  }
  await browser.close();
}
