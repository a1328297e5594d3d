/** The system's Chromium, for pictures and browser tests; null where there is none. */
import { chromium, type Browser } from 'playwright-core';

export { findChromium as chromiumPath } from '../support/tools.ts';

export async function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
