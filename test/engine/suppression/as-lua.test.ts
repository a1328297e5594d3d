/** The module that "as Lua" writes, run in strict mode, does what the engine's suppression does. */
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import type { Message } from '../../../engine/mail/message.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';
import { suppressionAsLua } from '../../../engine/suppression/as-lua.ts';
import { openSuppressionFile } from '../../../engine/suppression/suppression-file.ts';
import { Suppression } from '../../../engine/suppression/suppression.ts';
import type { AutoAdd } from '../../../engine/suppression/suppression-settings.ts';
import { TestPolicy, connectionMeta } from '../../support/policy.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const OFF = { bounce: false, oob: false, expiration: false, classes: [] };
const USE = `
local suppression = require 'suppression'
suppression.setup()
kumo.on('smtp_server_message_received', function(msg)
  suppression.check(msg)
end)`;
const MAILS = [
  { to: 'Bad@X.test', from: '"News" <n@Shop.test>' },
  { to: 'bad@x.test', from: 'n@other.test' },
  { to: 'every@x.test', from: 'a@one.test, b@two.test' },
  { to: 'every@x.test', from: 'unreadable <' },
  { to: 'good@x.test', from: 'n@shop.test' },
];

const folder = tempFolder();
afterAll(() => folder[Symbol.asyncDispose]());
let databases = 0;

async function load(
  mode: 'reject' | 'null' | 'bounce',
  autoAdd: AutoAdd = OFF,
): Promise<TestPolicy & { database: string }> {
  const { file, text } = suppressionAsLua(mode, autoAdd);
  const database = join(folder.path, `${databases++}.db`);
  vi.stubEnv('SUPPRESSION_DB', database);
  const policy = await TestPolicy.load(USE, { files: { [file]: text } });
  await policy.host.init();
  const db = openSuppressionFile(database);
  db.exec(`INSERT INTO suppression (recipient, sending_domain, origin, since_ms) VALUES
    ('bad@x.test', 'shop.test', 'bounce', ${Date.UTC(2026, 10, 21)}),
    ('every@x.test', '', 'hand', ${Date.UTC(2026, 10, 20)})`);
  db.close();
  return Object.assign(policy, { database });
}

function outcomeOf(message: Message, reply: string | null): unknown {
  const { queue, suppressed_reply: bounce } = message.meta;
  const isNull = queue === 'null';
  return { reply, queue: reply === null ? message.queueName() : null, bounce, isNull };
}

test.each(['reject', 'null', 'bounce'] as const)('mode %s decides alike', async (mode) => {
  await using policy = await load(mode);
  const clock = new SystemClock({ keepAlive: false });
  const own = new Suppression({
    file: policy.database,
    settings: { getSetting: () => JSON.stringify({ mode }), setSetting: () => undefined },
    mailClock: clock,
    clock,
    bodyOf: () => Promise.resolve(null),
    onTrouble: (text) => expect.unreachable(text),
  });
  try {
    for (const { to, from } of MAILS) {
      const make = (): Message =>
        policy.message({
          to,
          from: 'bounces@shop.test',
          data: `From: ${from}\r\nSubject: x\r\n\r\nhello\r\n`,
          meta: { campaign: 'autumn', tenant: 'shop' },
        });
      const [byLua, byEngine] = [make(), make()];
      const luaReply = await policy.host.events
        .smtpServerMessageReceived(byLua, connectionMeta(), null)
        .then(
          () => null,
          (error: { code: number; text: string }) => `${error.code} ${error.text}`,
        );
      const listed = await own.listed(byEngine, { elapsedMs: () => 0, add: () => undefined });
      const found = (listed?.entries ?? []).filter((entry) => entry !== null);
      const decision = own.apply(byEngine, listed?.mode ?? 'off', found);
      const reply =
        typeof decision === 'object' && decision.kind === 'reject'
          ? `${decision.code} ${decision.text}`
          : null;
      expect(outcomeOf(byLua, luaReply), `${to} from ${from}`).toEqual(outcomeOf(byEngine, reply));
    }
  } finally {
    await own.close();
  }
});

test('the bounce queue refuses with the reply of the entry', async () => {
  await using policy = await load('bounce');
  const message = policy.message({
    meta: { suppressed_reply: '5.7.1 recipient is suppressed (x)' },
  });
  const connection = await policy.host.events.construct(
    'make.suppression',
    'suppressed',
    null,
    null,
    null,
  );
  await expect(connection.send([message], 1, null)).rejects.toMatchObject({
    code: 550,
    text: '5.7.1 recipient is suppressed (x)',
  });
  connection.release();
});

test('failures list their recipients as the switches and classes say', async () => {
  const autoAdd = { bounce: true, oob: true, expiration: false, classes: ["Bad'Mailbox"] };
  await using policy = await load('reject', autoAdd);
  const record = (fields: JsonObject): JsonObject => ({
    ...{ type: 'Bounce', sender: 'n@bounces.test', recipient: 'Gone@X.test', meta: {} },
    headers: { From: '"N" <n@Shop.test>' },
    response: { code: 550, content: 'no such user' },
    bounce_classification: "Bad'Mailbox",
    ...fields,
  });
  const records = [
    record({}),
    record({ recipient: 'soft@x.test', response: { code: 450, content: 'later' } }),
    record({ recipient: 'spam@x.test', bounce_classification: 'Spam' }),
    record({ recipient: 'known@x.test', meta: { suppressed: 'x' } }),
    record({ recipient: 'old@x.test', type: 'Expiration' }),
    record({ recipient: 'far@x.test', type: 'OOB', headers: { From: 'daemon@far.test' } }),
  ];
  for (const one of records) {
    const message = policy.message({ meta: { log_record: one } });
    if (!(await policy.host.events.shouldEnqueueLogRecord(message, 'suppression'))) continue;
    const event = 'make.suppression.listing';
    const connection = await policy.host.events.construct(
      event,
      message.queueName(),
      null,
      null,
      null,
    );
    expect(await connection.send([message], 1, null)).toBe('listed');
    connection.release();
  }
  const db = openSuppressionFile(policy.database);
  const listed = db
    .prepare('SELECT recipient, sending_domain, origin, reason FROM suppression WHERE id > 2')
    .all();
  db.close();
  expect(listed.map((row) => Object.values(row))).toEqual([
    ['gone@x.test', 'shop.test', 'bounce', 'no such user'],
    ['far@x.test', 'bounces.test', 'oob', 'no such user'],
  ]);
});
