/** The status bar offers the restart that a saved policy needs, and tells its warnings. */
import { expect, it } from 'vitest';
import { describeInBrowser, openWindow } from './window.ts';

const NEEDS = 'init sets up something else since the start: spool data changed (path)';

describeInBrowser('restart', () => {
  it('is offered when it is needed, by mouse and by keyboard', async () => {
    await using opened = await openWindow({
      status: {
        policy: {
          file: 'policy/init.lua',
          loadedMs: 0,
          error: null,
          needsRestart: NEEDS,
          handlers: [],
        },
        warnings: ['the policy hung in get_queue_config for 10 s'],
      },
    });
    const { page, engine, complaints } = opened;
    const offer = page.getByRole('button', { name: `Restart to apply: ${NEEDS}` });
    await offer.waitFor();
    if (process.env['SHOT']) await page.screenshot({ path: process.env['SHOT'] });
    await page.getByRole('button', { name: '1 warning' }).click();
    await page.getByText('the policy hung in get_queue_config').waitFor();
    await offer.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Restarting: nothing that was accepted is lost').waitFor();
    expect(engine.sent.restarts).toBe(1);
    expect(complaints).toEqual([]);
  });
});
