/** What is photographed: a name, how many rows the engine holds, and how to get there by keyboard and mouse. */
import type { Page } from 'playwright-core';
import type { FakeEngine, FakeOptions } from '../support/fake-engine.ts';
import { FAKE_NOW_MS } from '../support/fake-mail.ts';

export interface Scene {
  readonly name: string;
  readonly rows: number;
  readonly status?: FakeOptions['status'];
  /** Cases of expectations, when their number matters. */
  readonly expected?: number;
  readonly go?: (page: Page, engine: FakeEngine | null) => Promise<void>;
}

const FAST_CLOCK: FakeOptions['status'] = {
  clock: {
    nowMs: FAKE_NOW_MS,
    realMs: FAKE_NOW_MS - 81 * 60_000,
    speed: 60,
    offsetMs: 81 * 60_000,
  },
};

/** As `postyard open` shows a file. */
const SHARED: FakeOptions['status'] = {
  listeners: [],
  shared: {
    file: 'orders-of-monday.postyard',
    formatVersion: 1,
    writtenBy: 'Postyard 0.1.0',
    exportedMs: FAKE_NOW_MS - 3_600_000,
    workspace: 'shop-staging',
    selection: '20 messages by number',
    policy: {
      main: 'policy/init.lua',
      sha256: 'a3f1c07d5be24e6f90b18d2c7754e1a90cc3f6b2d84e17a5590ce2b13d7f4a86',
      hasTexts: true,
      files: [
        {
          path: 'policy/init.lua',
          sha256: '5d41402abc4b2a76b9719d911017c592ae6f2b90d1c45f3e8a7706b4e29d0c13',
          sizeBytes: 2418,
        },
        {
          path: 'policy/queues.lua',
          sha256: '7d793037a0760186574b0282f2f435e7c1b0f46ad2e983b5c604fa1d77b8e52f',
          sizeBytes: 911,
        },
      ],
    },
  },
};

/** Up to this width the side bar is a rail and the maildirs are in a menu. */
const RAIL_BELOW = 1180;

async function openFirst(page: Page, index: number, tab: string): Promise<void> {
  await page.locator('[data-list="mail"] [role="row"][id^="mail-"]').nth(index).click();
  await page.getByRole('tab', { name: tab }).click();
  await page.waitForTimeout(200);
}

async function openTab(page: Page, tab: string, index = 5): Promise<void> {
  await page.locator('[data-list="mail"] [role="row"][id^="mail-"]').nth(index).click();
  await page.getByRole('tablist', { name: 'Details' }).waitFor();
  const found = page.locator('[data-pane="detail"]').getByRole('tab', { name: tab });
  if ((await found.count()) > 0) await found.click();
  else {
    await page.getByRole('button', { name: 'More tabs' }).click();
    await page.getByRole('menuitemradio', { name: tab }).click();
  }
  await page.waitForTimeout(300);
}

async function openLab(page: Page): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await page.locator('.cm-line').first().waitFor();
  await page.locator("[id^='captured-']").first().waitFor();
}

async function openTester(page: Page): Promise<void> {
  for (const key of ['g', 't']) await page.keyboard.press(key);
  await page.locator("[data-tester-field='to']:focus").waitFor();
}

async function openExpectations(page: Page): Promise<void> {
  for (const key of ['g', 'e']) await page.keyboard.press(key);
  await page.locator("[data-list='expectations']").waitFor();
  await page.waitForTimeout(300);
}

async function runExpectations(page: Page): Promise<void> {
  await openExpectations(page);
  await page.keyboard.press('R');
  await page.getByText(/ hold/).first().waitFor();
  await page.locator("[data-list='expectations']").focus();
  for (const key of ['j', 'j', 'j', 'j', 'j', 'Enter']) await page.keyboard.press(key);
  await page.waitForTimeout(300);
}

/** By the editor's own search, as somebody would. */
async function replaceInEditor(page: Page, from: string, to: string): Promise<void> {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+f');
  await page.keyboard.type(from);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.type(to);
}

export const SCENES: readonly Scene[] = [
  { name: 'first-start', rows: 0 },
  { name: 'mail-20', rows: 20 },
  {
    name: 'mail',
    rows: 1204,
    status: FAST_CLOCK,
    async go(page, engine) {
      await openFirst(page, 5, 'Journey');
      await page.keyboard.press('f');
      engine?.add(34);
      await page.waitForTimeout(300);
    },
  },
  { name: 'mail-100k', rows: 100_000 },
  {
    name: 'mail-100k-middle',
    rows: 100_000,
    async go(page) {
      await page.locator('[data-list="mail"]').evaluate((list) => {
        list.scrollTop = list.scrollHeight / 2;
      });
      await page.waitForTimeout(400);
    },
  },
  { name: 'message', rows: 1204, go: (page) => openTab(page, 'Message') },
  { name: 'attempts', rows: 1204, go: (page) => openTab(page, 'Attempts', 7) },
  { name: 'checks', rows: 1204, go: (page) => openTab(page, 'Checks') },
  { name: 'shared', rows: 20, status: SHARED, go: (page) => openTab(page, 'Journey') },
  {
    name: 'shared-facts',
    rows: 20,
    status: SHARED,
    async go(page) {
      await page.getByRole('button', { name: 'What is in this file' }).click();
      await page.getByRole('columnheader', { name: 'Goes to' }).waitFor();
    },
  },
  { name: 'source', rows: 1204, go: (page) => openTab(page, 'Source') },
  { name: 'headers', rows: 1204, go: (page) => openTab(page, 'Headers') },
  { name: 'parts', rows: 1204, go: (page) => openTab(page, 'Parts') },
  {
    name: 'detail-below',
    rows: 1204,
    async go(page) {
      await openTab(page, 'Journey', 0);
      await page.getByRole('button', { name: 'Details right or below' }).click();
    },
  },
  {
    name: 'selection',
    rows: 1204,
    async go(page) {
      for (const key of ['j', 'j', 'x', 'j', 'x', 'j', 'x']) await page.keyboard.press(key);
    },
  },
  {
    name: 'release',
    rows: 1204,
    async go(page) {
      await openTab(page, 'Message');
      await page.keyboard.press('R');
      const dialog = page.getByRole('dialog', { name: 'Release a message' });
      await dialog.getByLabel('To server').fill('sg-smarthost');
      await dialog.getByText('The route sg-smarthost').waitFor();
    },
  },
  {
    name: 'filter',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('/');
      await page.keyboard.type('route:sg-smarthost code:4xx st', { delay: 5 });
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'suppression',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('u');
      await page.getByRole('row', { name: /bounced\.before/ }).click();
      await page.keyboard.press('r');
      await page.getByText('Lua send rejects').waitFor();
    },
  },
  {
    name: 'suppression-presented',
    rows: 1204,
    async go(page) {
      for (const key of ['g', 'u', 'p']) await page.keyboard.press(key);
      await page.getByRole('dialog', { name: 'Suppression, presented' }).waitFor();
      for (const next of ['2 of 6', '3 of 6', '4 of 6']) {
        await page.keyboard.press('ArrowRight');
        await page.getByText(next).waitFor();
      }
    },
  },
  {
    name: 'queues',
    rows: 1204,
    status: FAST_CLOCK,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('q');
      await page.getByRole('row', { name: /receipts:acme@example\.net/ }).click();
      await page.waitForTimeout(300);
      await page.locator('[data-list="messages"]').focus();
      for (const key of ['j', 'ArrowRight', 'ArrowRight', 'ArrowRight'])
        await page.keyboard.press(key);
      await page.waitForTimeout(200);
    },
  },
  {
    name: 'routes',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('r');
      await page.locator('[data-list="routes"]').waitFor();
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'far-ends',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('r');
      await page.getByRole('tab', { name: 'Far ends' }).click();
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'far-end-form',
    rows: 1204,
    async go(page) {
      for (const key of ['g', 'f']) await page.keyboard.press(key);
      await page.getByRole('row', { name: /greylist/ }).waitFor();
      await page.locator("[data-list='far-ends']").focus();
      await page.keyboard.press('n');
      await page.getByRole('menuitem', { name: /rate-limited/ }).click();
      await page.getByRole('group', { name: 'Rule 1' }).waitFor();
      await page.waitForTimeout(400);
    },
  },
  { name: 'tester-empty', rows: 0, go: openTester },
  {
    name: 'tester',
    rows: 1204,
    async go(page) {
      await openTester(page);
      await page.keyboard.type('tomas@example.org');
      await page.getByLabel('MAIL FROM').fill('orders@shop.example.com');
      await page.getByLabel('Meta').fill('tenant=acme');
      await page.getByLabel('What if').selectOption('sg-smarthost');
      await page.getByRole('table', { name: 'What would happen' }).waitFor();
      await page.waitForTimeout(200);
    },
  },
  {
    name: 'tester-save',
    rows: 1204,
    async go(page) {
      await openTester(page);
      await page.keyboard.type('tomas@example.org, nobody@example.org');
      await page.keyboard.press('Enter');
      await page.getByRole('table', { name: 'What would happen' }).waitFor();
      await page.keyboard.press('Control+s');
      await page.getByRole('group', { name: 'Save as expectation' }).waitFor();
      await page.waitForTimeout(200);
    },
  },
  { name: 'expectations-empty', rows: 0, go: openExpectations },
  { name: 'expectations-20', rows: 20, expected: 20, go: runExpectations },
  { name: 'expectations-100k', rows: 20, expected: 100_000, go: runExpectations },
  {
    name: 'settings',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press(',');
      await page.getByRole('switch', { name: 'Accept any login' }).waitFor();
    },
  },
  {
    name: 'dns',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('d');
      await page.waitForTimeout(200);
      await page.keyboard.type('example.test');
      await page.keyboard.press('Enter');
      await page.getByText('mx1.example.test.').waitFor();
    },
  },
  {
    name: 'queues-closed',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('q');
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'log',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('g');
      await page.keyboard.press('o');
      await page.waitForTimeout(200);
      for (let i = 0; i < 5; i++) await page.keyboard.press('j');
      await page.waitForTimeout(200);
    },
  },
  {
    name: 'maildir',
    rows: 1204,
    async go(page) {
      if ((page.viewportSize()?.width ?? 0) > RAIL_BELOW) {
        await page.getByRole('treeitem', { name: 'example.com' }).click();
        await page.getByRole('treeitem', { name: 'ada' }).click();
      } else {
        await page.getByRole('button', { name: 'Maildirs' }).click();
        await page.getByRole('menuitem', { name: 'mail/example.com/ada' }).click();
      }
      await page.waitForTimeout(300);
      for (const key of ['j', 'j', 'j', 's']) await page.keyboard.press(key);
      await page.waitForTimeout(300);
    },
  },
  { name: 'lab-empty', rows: 20, go: (page) => openLab(page) },
  {
    name: 'lab',
    rows: 34,
    async go(page) {
      await openLab(page);
      await replaceInEditor(page, 'smarthost.example.net', 'smarthost.example.org');
      await page.locator('[data-list="lab"]').focus();
      for (const key of ['j', 'x', 'j', 'x', 'j', 'x', 'j', 'x']) await page.keyboard.press(key);
      await page.keyboard.press('Control+Enter');
      await page.getByText('different').first().waitFor();
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'lab-error',
    rows: 34,
    async go(page) {
      await openLab(page);
      await replaceInEditor(page, 'kumo.http.build_client', 'oops.build_client');
      await page.locator('.problem-text').waitFor();
      await page.getByRole('button', { name: /Run through/ }).click();
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'lab-webhook',
    rows: 34,
    async go(page) {
      await openLab(page);
      await page.getByRole('button', { name: 'Try a delivery in Lua' }).click();
      await page.getByText('1 different').waitFor();
      await page.getByRole('button', { name: 'Network 1', exact: true }).click();
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'palette',
    rows: 1204,
    async go(page) {
      await openTab(page, 'Journey');
      await page.keyboard.press('Control+k');
      await page.keyboard.type('re', { delay: 10 });
      await page.waitForTimeout(400);
    },
  },
  {
    name: 'keys',
    rows: 1204,
    async go(page) {
      await page.keyboard.press('?');
      await page.waitForTimeout(200);
    },
  },
  {
    name: 'menu',
    rows: 1204,
    async go(page) {
      await page.locator('[role="row"][id^="mail-"]').nth(3).click({ button: 'right' });
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'deleted',
    rows: 1204,
    async go(page) {
      for (const key of ['j', 'x', 'j', 'x', '#']) await page.keyboard.press(key);
      await page.waitForTimeout(400);
    },
  },
  {
    name: 'delete-all',
    rows: 1204,
    async go(page) {
      await page.getByRole('button', { name: 'Delete all that is listed' }).click();
      await page.getByRole('button', { name: 'Undo' }).waitFor();
      await page.waitForTimeout(400);
    },
  },
  {
    name: 'release',
    rows: 1204,
    async go(page) {
      for (const key of ['j', 'x', 'j', 'x', 'R']) await page.keyboard.press(key);
      await page.getByLabel('To server').fill('sg-smarthost');
      await page.getByText('The route sg-smarthost').waitFor();
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'policy-error',
    rows: 1204,
    status: {
      policy: {
        file: 'policy/init.lua',
        loadedMs: FAKE_NOW_MS - 1_265_000,
        error: {
          file: 'policy/init.lua',
          line: 28,
          message: "init.lua:28: attempt to index a nil value (global 'client')",
        },
        needsRestart: null,
        handlers: [],
      },
    },
    async go(page) {
      await page.getByRole('button', { name: /policy error/ }).click();
      await page.waitForTimeout(300);
    },
  },
  { name: 'leaves', rows: 1204, status: { openHosts: ['mx.partner.example.org'] } },
  {
    name: 'lost',
    rows: 1204,
    async go(page, engine) {
      await engine?.[Symbol.asyncDispose]();
      await page.waitForTimeout(1500);
    },
  },
  {
    name: 'rejected',
    rows: 1204,
    go: (page) => openTab(page, 'Journey', 4),
  },
];
