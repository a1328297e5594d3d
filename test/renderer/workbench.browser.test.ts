/**
 * The workbench on a real engine: routes, tester, expectations, far ends, queues with the clock,
 * Lab and suppression in one sitting, once by mouse, with axe on every screen, and once by keyboard
 * alone. Nothing may be written to the console as an error.
 */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { QueueList, RouteList, SuppressionStatus } from '../../engine/api/protocol.ts';
import { rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { describeInBrowser, openPage, seriousFindings, strike } from './window.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('tenant', 'acme')
end)
`;
const VIEWPORT = { width: 1440, height: 800 };

const startEngine = (): Promise<ServeProcess> => ServeProcess.start({ policy: POLICY });
const pageUrl = (engine: ServeProcess): string => `${engine.url}/#token=${engine.token}`;
const routeNames = async (engine: ServeProcess): Promise<string[]> =>
  (await engine.api<RouteList>('/routes')).routes.map(({ route }) => route.name);
const depthOf = async (engine: ServeProcess, queue: string): Promise<number> =>
  (await engine.api<QueueList>('/queues')).scheduled.find(({ name }) => name === queue)?.depth ?? 0;
const looksFine = async (page: Page, screen: string): Promise<void> =>
  expect(await seriousFindings(page), screen).toEqual([]);

describeInBrowser('the workbench on a real engine', () => {
  test('by mouse', { timeout: 120_000 }, async () => {
    await using engine = await startEngine();
    await using opened = await openPage(pageUrl(engine), {
      viewport: VIEWPORT,
      colorScheme: 'dark',
    });
    const { page, complaints } = opened;
    const side = (name: string) =>
      page.getByRole('button', { name: new RegExp(`^${name}`) }).first();
    const tab = (name: string) => page.getByRole('tab', { name: new RegExp(`^${name}`) });

    // Far ends: one from a scenario, switched off and on.
    await side('Routes').click();
    await tab('Far ends').click();
    await page.getByRole('button', { name: /^New far end/ }).click();
    await page.getByRole('menuitem', { name: /^greylist/ }).click();
    const farEnd = page.getByRole('form', { name: 'New far end' });
    await farEnd.getByText(/for 5m to each new triplet/).waitFor();
    await farEnd.getByRole('button', { name: /^Save/ }).click();
    await page.getByText('Saved the far end greylist').waitFor();
    const isOn = page.getByRole('switch', { name: 'greylist on' });
    await isOn.click();
    await page.getByText('Off: connections are refused').waitFor();
    await isOn.click();
    await looksFine(page, 'far ends');

    // A route to it.
    await tab('Routes').click();
    await page.getByRole('button', { name: /^New route/ }).click();
    const route = page.getByRole('form', { name: 'New route' });
    await route.getByLabel('Name', { exact: true }).fill('to-greylist');
    await route.getByRole('button', { name: 'Condition' }).click();
    await route.getByLabel('What to look at').selectOption('domain');
    await route.getByLabel('Globs').fill('partner.test');
    await route.getByLabel('Send to').selectOption('farEnd');
    await route.getByLabel('Far end', { exact: true }).selectOption('greylist');
    await route.getByText(/Mail with domain partner\.test/).waitFor();
    await route.getByRole('button', { name: /^Save/ }).click();
    await expect.poll(() => routeNames(engine)).toEqual(['to-greylist']);
    await page.getByRole('row', { name: /to-greylist/ }).click();
    await looksFine(page, 'routes');

    // The tester beside the same without the route; kept as an expectation, which holds.
    await tab('Tester').click();
    await page.getByLabel('RCPT TO').fill('ada@partner.test');
    await page.getByRole('button', { name: /^Explain/ }).click();
    const fate = page.getByRole('table', { name: 'What would happen' });
    await fate.getByText('to-greylist').waitFor();
    await page.getByLabel('What if').selectOption('to-greylist');
    await fate.getByText(/^\d+ differ$/).waitFor();
    await page.getByRole('button', { name: /^Save as expectation/ }).click();
    const save = page.getByRole('group', { name: 'Save as expectation' });
    await save.getByLabel('Name').fill('partners are greylisted');
    await looksFine(page, 'tester');
    await save.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved in expectations/routing.json').waitFor();
    await tab('Expectations').click();
    await page.getByRole('button', { name: /^Run all/ }).click();
    await page.getByText('1 hold').waitFor();
    await page.getByRole('row', { name: /partners are greylisted/ }).click();
    await looksFine(page, 'expectations');

    // Mail that waits, and the clock that does not.
    await sendMail(engine, 'ada@partner.test');
    const row = await rowTo(engine, 'ada@partner.test', 'deferred');
    await side('Queues').click();
    await page
      .getByRole('row', { name: /^.*partner\.test/ })
      .first()
      .click();
    await page.getByText('Choose a message to see why it waits').waitFor();
    await looksFine(page, 'queues');
    await page.getByRole('button', { name: /^Jump there/ }).click();
    await rowTo(engine, 'ada@partner.test', 'delivered');
    await page.getByRole('button', { name: 'Back to real time' }).click();
    await page
      .getByRole('region', { name: 'Clock' })
      .getByText('real time', { exact: true })
      .waitFor();

    // The Lab runs it again.
    await side('Lab').click();
    await page.locator(`#captured-${row.seq}`).click();
    await page
      .getByRole('button', { name: /^Run(?! through| all| on)/ })
      .first()
      .click();
    await page
      .getByRole('region', { name: 'Results' })
      .getByText(/1 (same|different)/)
      .first()
      .waitFor();
    await looksFine(page, 'lab');

    // Suppression: three ways, and back.
    await side('Suppression').click();
    await page.getByRole('button', { name: /^Run all three/ }).click();
    const ways = page.getByRole('table', { name: 'One message, three ways' });
    await ways.getByText('Lua send rejects').waitFor({ timeout: 30_000 });
    await looksFine(page, 'suppression');
    await page.getByRole('button', { name: 'Take the demo back' }).click();
    await expect.poll(() => ways.getByText('Lua send rejects').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('by keyboard alone', { timeout: 120_000 }, async () => {
    await using engine = await startEngine();
    await using opened = await openPage(pageUrl(engine), {
      viewport: VIEWPORT,
      colorScheme: 'light',
    });
    const { page, complaints } = opened;
    const focused = (selector: string) => page.locator(`${selector}:focus`).waitFor();

    await strike(page, 'g', 'f');
    await focused("[data-list='far-ends']");
    await strike(page, 'n');
    await page.getByRole('menuitem', { name: /^flaky/ }).waitFor();
    await strike(page, 'ArrowDown', 'ArrowDown', 'Enter');
    await page
      .getByRole('form', { name: 'New far end' })
      .getByText(/2 times per recipient/)
      .waitFor();
    await strike(page, 'Control+s');
    await page.getByText('Saved the far end flaky').waitFor();
    await focused("[data-list='far-ends']");
    await strike(page, 'Space');
    await page.getByText('Off: connections are refused').waitFor();
    await strike(page, 'Space');
    await expect.poll(() => page.getByText('Off: connections are refused').count()).toBe(0);

    await strike(page, 'g', 'r', 'n');
    const route = page.getByRole('form', { name: 'New route' });
    await route.getByLabel('Name', { exact: true }).waitFor();
    await page.keyboard.type('to-flaky');
    // Note, then the button that adds a condition.
    await strike(page, 'Tab', 'Tab', 'Enter');
    await route.getByLabel('What to look at').waitFor();
    await strike(page, 'Shift+Tab', 'Shift+Tab', 'Shift+Tab');
    await page.keyboard.type('domain');
    await strike(page, 'Tab');
    await page.keyboard.type('flaky.test');
    await strike(page, 'Tab', 'Tab', 'Tab');
    await page.keyboard.type('Far end');
    await strike(page, 'Tab');
    await page.keyboard.type('flaky');
    await route.getByText(/Mail with domain flaky\.test/).waitFor();
    await strike(page, 'Control+s');
    await expect.poll(() => routeNames(engine)).toContain('to-flaky');
    await focused("[data-list='routes']");
    await strike(page, 'Space');
    await expect
      .poll(async () => (await engine.api<RouteList>('/routes')).routes.at(-1)?.route.enabled)
      .toBe(false);
    await strike(page, 'Space', 'l');
    await page.getByRole('region', { name: 'Lua text' }).getByText('flaky').first().waitFor();
    await strike(page, 'Escape');

    await strike(page, 'g', 't');
    await focused("[data-tester-field='to']");
    await page.keyboard.type('bob@flaky.test');
    await strike(page, 'Enter');
    const fate = page.getByRole('table', { name: 'What would happen' });
    await fate.getByText('to-flaky').waitFor();
    await strike(page, 'Escape', 'w');
    await page.getByRole('menuitemradio', { name: /to-flaky were off/ }).waitFor();
    await strike(page, 'End', 'Enter');
    await fate.getByText('if route to-flaky were off').waitFor();
    await strike(page, 'Control+s');
    await page.getByRole('group', { name: 'Save as expectation' }).waitFor();
    await page.keyboard.type('flaky by route');
    await strike(page, 'Enter');
    await page.getByText('Saved in expectations/').waitFor();
    await strike(page, 'Escape', 'g', 'e');
    await focused("[data-list='expectations']");
    await strike(page, 'R');
    await page.getByText('1 hold').waitFor();
    await strike(page, 'j', 'Enter');
    await page.getByRole('region', { name: 'Case flaky by route' }).waitFor();

    await sendMail(engine, 'bob@flaky.test');
    const row = await rowTo(engine, 'bob@flaky.test', 'deferred');
    await strike(page, 'g', 'q');
    await page
      .getByRole('row', { name: /flaky\.test/ })
      .first()
      .waitFor();
    await strike(page, 'Space');
    await page
      .getByRole('button', { name: /^Clock \d/ })
      .getByText('frozen')
      .waitFor();
    await strike(page, 'Space');
    // Again while the attempt before is under way does nothing but say so.
    await expect
      .poll(
        async () => {
          await strike(page, '.');
          return (await rowTo(engine, 'bob@flaky.test')).state;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe('delivered');
    await expect.poll(() => depthOf(engine, 'flaky.test')).toBe(0);

    await strike(page, 'g', 'l');
    await page.locator(`#captured-${row.seq}`).waitFor();
    await focused("[data-list='lab']");
    await strike(page, 'j', 'x', 'Control+Enter');
    await page
      .getByRole('region', { name: 'Results' })
      .getByText(/1 (same|different)/)
      .first()
      .waitFor();

    await strike(page, 'g', 'u', 'n');
    await page.getByRole('textbox', { name: 'Recipient', exact: true }).waitFor();
    await page.keyboard.type('gone@flaky.test');
    await strike(page, 'Enter');
    await page.getByText('Suppressed gone@flaky.test').waitFor();
    await expect
      .poll(async () => (await engine.api<SuppressionStatus>('/suppression/settings')).count)
      .toBe(1);
    await strike(page, 'Escape', 'j', '#');
    await page.getByText('Removed 1 entry').waitFor();
    await strike(page, 'z');
    await expect
      .poll(async () => (await engine.api<SuppressionStatus>('/suppression/settings')).count)
      .toBe(1);
    expect(complaints).toEqual([]);
  });
});
