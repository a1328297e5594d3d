/** What becomes of a message, with the real list in its own thread. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { Suppression } from '../../../engine/suppression/suppression.ts';
import type { Mode } from '../../../engine/suppression/suppression-settings.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import { eventually } from '../../support/serve-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const clock = new SystemClock();
const ids = spoolIds(clock);

interface Rig extends AsyncDisposable {
  readonly suppression: Suppression;
  readonly file: string;
  readonly troubles: string[];
  readonly settings: Map<string, string>;
  decide(message: Message, mode?: Mode): Promise<unknown>;
  readonly calls: { args: readonly string[]; returned?: readonly string[] }[];
}

function open(settings = new Map<string, string>()): Rig {
  const folder = tempFolder();
  const file = join(folder.path, 'suppression.db');
  const troubles: string[] = [];
  const calls: Rig['calls'] = [];
  const suppression = new Suppression({
    file,
    settings: {
      getSetting: (key) => settings.get(key),
      setSetting: (key, value) => void settings.set(key, value),
    },
    mailClock: clock,
    clock,
    bodyOf: () => Promise.resolve(null),
    onTrouble: (text) => troubles.push(text),
  });
  return {
    suppression,
    file,
    troubles,
    settings,
    calls,
    async decide(message, mode) {
      if (mode !== undefined) suppression.change({ mode });
      const listed = await suppression.listed(message, {
        elapsedMs: () => 0,
        add: (call) => calls.push(call),
      });
      const entries = (listed?.entries ?? []).filter((entry) => entry !== null);
      return listed === null ? null : suppression.apply(message, listed.mode, entries);
    },
    async [Symbol.asyncDispose]() {
      await suppression.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function mail(to: string, more: { from?: string; meta?: Message['meta'] } = {}): Message {
  const from = more.from ?? 'news@shop.test';
  return makeMessage(ids, {
    from,
    to: [to],
    meta: more.meta ?? {},
    body: `From: <${from}>\r\nMessage-ID: <1@shop.test>\r\n\r\nhello\r\n`,
  });
}

async function list(rig: Rig, recipient: string, sendingDomain = ''): Promise<void> {
  const entry = { recipient, sendingDomain, reason: '', origin: 'hand', source: '' } as const;
  await rig.suppression.list.ask('add', {
    entries: [{ ...entry, sinceMs: Date.UTC(2026, 10, 21), recordSeq: null, rowSeq: null }],
    whenListed: 'keep',
  });
}

test('each mode does its own to a listed recipient, and nothing to others', async () => {
  await using rig = open();
  await list(rig, 'bad@x.test', 'shop.test');
  expect(await rig.decide(mail('bad@x.test'))).toBeNull();
  expect(await rig.decide(mail('Bad@X.test'), 'reject')).toEqual({
    kind: 'reject',
    code: 550,
    text: '5.7.1 recipient is suppressed (by hand 2026-11-21)',
    state: 'suppressed',
  });
  expect(await rig.decide(mail('bad@x.test', { from: 'x@other.test' }))).toBeNull();
  expect(await rig.decide(mail('good@x.test'))).toBeNull();

  const discarded = mail('bad@x.test');
  expect(await rig.decide(discarded, 'null')).toEqual({ kind: 'discard', state: 'suppressed' });
  expect(discarded.queueName()).toBe('null');

  const bounced = mail('bad@x.test', { meta: { campaign: 'autumn', tenant: 'shop' } });
  expect(await rig.decide(bounced, 'bounce')).toBe('keep');
  expect(bounced.queueName()).toBe('autumn:shop@suppressed');
  expect(bounced.meta).toMatchObject({
    campaign: 'autumn',
    suppressed: 'bad@x.test from shop.test: by hand, since 2026-11-21',
    suppressed_reply: '5.7.1 recipient is suppressed (by hand 2026-11-21)',
  });
  expect(rig.calls.map(({ args, returned }) => [...args, ...(returned ?? [])].join(' | '))).toEqual(
    [
      'Bad@X.test | shop.test | bad@x.test from shop.test: by hand, since 2026-11-21 | reject',
      'bad@x.test | other.test | not listed',
      'good@x.test | shop.test | not listed',
      'bad@x.test | shop.test | bad@x.test from shop.test: by hand, since 2026-11-21 | null',
      'bad@x.test | shop.test | bad@x.test from shop.test: by hand, since 2026-11-21 | bounce',
    ],
  );
  const { entries } = await rig.suppression.list.ask('page', { cursor: null, limit: 1, text: '' });
  expect(entries[0]?.hits).toBe(3);
});

test('mode and switches survive, and a policy that marked a message is left alone', async () => {
  const settings = new Map<string, string>();
  await using rig = open(settings);
  rig.suppression.change({
    mode: 'null',
    autoAdd: { bounce: true, oob: false, expiration: false, classes: ['X'] },
  });
  await using again = open(settings);
  expect(again.suppression.settings).toMatchObject({ mode: 'null', autoAdd: { classes: ['X'] } });
  await list(again, 'bad@x.test');
  expect(await again.decide(mail('bad@x.test', { meta: { suppressed: 'by us' } }))).toBeNull();
});

test('what a policy writes into the file counts for the next message', async () => {
  await using rig = open();
  expect(await rig.decide(mail('late@x.test'), 'reject')).toBeNull();
  const policy = new DatabaseSync(rig.file);
  policy.exec("INSERT INTO suppression (recipient, sending_domain) VALUES ('LATE@x.test', 'shop.test')"); // prettier-ignore
  expect(await rig.decide(mail('late@x.test'))).toMatchObject({ kind: 'reject' });
  policy.exec('DELETE FROM suppression');
  policy.close();
  expect(await rig.decide(mail('late@x.test'))).toBeNull();
  await eventually('the count follows', () => rig.suppression.state.version > 0);
});

test('many look-ups at once get their own answers', async () => {
  await using rig = open();
  await list(rig, 'user7@x.test');
  const found = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      rig.suppression.list.lookUp({ recipient: `user${n}@x.test`, sendingDomain: '' }),
    ),
  );
  expect(found.flatMap((entry, n) => (entry === null ? [] : [n]))).toEqual([7]);
});

test('a list that was removed is made anew; one that cannot be read stops no mail', async () => {
  await using rig = open();
  await list(rig, 'bad@x.test');
  for (const end of ['', '-wal', '-shm']) rmSync(`${rig.file}${end}`, { force: true });
  expect(await rig.decide(mail('bad@x.test'), 'reject')).toBeNull();
  await rig.suppression.close();
  expect(await rig.decide(mail('bad@x.test'))).toBeNull();
  expect(rig.troubles).toHaveLength(1);
});

test('removals are undone once', async () => {
  await using rig = open();
  await list(rig, 'a@x.test');
  const keys = [{ recipient: 'a@x.test', sendingDomain: '' }];
  const { undo, removed } = await rig.suppression.list.ask('remove', { ids: [], keys });
  expect(removed).toHaveLength(1);
  expect(await rig.suppression.list.ask('undo', undo)).toBe(1);
  expect(await rig.suppression.list.ask('undo', undo)).toBeNull();
});

test('a failure lists its recipient for the domain of its From header', async () => {
  await using rig = open();
  const written = (message: Message) => ({
    message,
    recordSeq: 12,
    rowSeqs: [34],
    sender: message.sender.email,
    record: {
      type: 'Bounce',
      recipient: message.recipients[0]!.email,
      response: {
        code: 550,
        enhanced_code: { class: 5, subject: 1, detail: 1 },
        content: 'no such user',
      },
      bounce_classification: 'Uncategorized',
      reception_protocol: 'ESMTP',
    },
  });
  rig.suppression.recorded(written(mail('off@x.test')));
  rig.suppression.change({ autoAdd: { bounce: true, oob: false, expiration: false, classes: [] } });
  rig.suppression.recorded(written(mail('gone@x.test')));
  rig.suppression.recorded(written(mail('known@x.test', { meta: { suppressed: 'yes' } })));
  const page = await eventually('the entry', async () => {
    const read = await rig.suppression.list.ask('page', { cursor: null, limit: 9, text: '' });
    return read.matching > 0 ? read : null;
  });
  expect(page.entries).toMatchObject([
    {
      ...{ recipient: 'gone@x.test', sendingDomain: 'shop.test', origin: 'bounce' },
      ...{ source: '550 5.1.1', reason: 'no such user', recordSeq: 12, rowSeq: 34 },
    },
  ]);
});
