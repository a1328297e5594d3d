/** What a far end decides and says: rules, memory, magic addresses, texts. */
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import { describeScenario } from '../../../engine/farends/describe-scenario.ts';
import { FarEndMemory } from '../../../engine/farends/far-end-memory.ts';
import { formatFarEndReply } from '../../../engine/farends/far-end-reply.ts';
import { farEndSchema } from '../../../engine/farends/far-end-schema.ts';
import { matchesGlob } from '../../../engine/farends/glob.ts';
import { magicRule } from '../../../engine/farends/magic-addresses.ts';
import { Scenario } from '../../../engine/farends/scenario.ts';
import type { Asked } from '../../../engine/farends/scenario.ts';
import { TestFarEnd } from '../../support/far-end.ts';
import { SimClock } from '../../support/sim-clock.ts';

function scenario(
  rules: readonly object[],
  seed = 1,
): { ask: (asked?: Partial<Asked>) => string; clock: SimClock } {
  const clock = new SimClock();
  const spec = farEndSchema.parse({ name: 'test', rules });
  const made = new Scenario(spec, new FarEndMemory(), clock, new SeededRandom(seed));
  const ask = (asked: Partial<Asked> = {}): string => {
    const { deed } = made.decide({
      stage: 'rcpt',
      ip: '127.0.0.1',
      connectionId: 'one',
      sender: 'from@shop.test',
      recipients: ['to@dest.test'],
      ...asked,
    });
    if (deed.kind === 'proceed') return deed.text?.join('|') ?? 'ok';
    return deed.kind === 'reply' ? formatFarEndReply(deed.reply).toString().trimEnd() : deed.kind;
  };
  return { ask, clock };
}

test('the first rule that applies decides; rules for others are passed over', () => {
  const { ask } = scenario([
    { do: 'accept', at: 'rcpt', to: 'vip*' },
    { do: 'reject', at: 'rcpt', to: 'over.quota*', code: 452, enhanced: '4.2.2', text: 'Full' },
    { do: 'reject', at: 'rcpt', from: '<>', text: 'No bounces for {to}' },
  ]);
  expect(ask({ recipients: ['vip.over@dest.test'] })).toBe('ok');
  expect(ask({ recipients: ['over.quota7@dest.test'] })).toBe('452 4.2.2 Full');
  expect(ask({ sender: '' })).toBe('550 5.1.1 No bounces for to@dest.test');
  expect(ask()).toBe('ok');
});

test('a greylist is about the triplet, in mail time', async () => {
  const { ask, clock } = scenario([{ do: 'greylist', at: 'rcpt', delay: '5m', remember: '1d' }]);
  const asks = (): string[] =>
    [ask(), ask({ sender: 'b@shop.test' })].map((text) => text.slice(0, 3));
  expect(asks()).toEqual(['451', '451']);
  await clock.advance(4 * 60_000);
  expect(ask({ recipients: ['new@dest.test'] }).slice(0, 3)).toBe('451');
  await clock.advance(60_000);
  expect(asks()).toEqual(['ok', 'ok']);
  expect(ask({ recipients: ['new@dest.test'] }).slice(0, 3)).toBe('451');
  await clock.advance(2 * 86_400_000);
  expect(asks()).toEqual(['451', '451']);
});

test('fail-first counts for whom it says', () => {
  const perConnection = scenario([{ do: 'fail-first', at: 'rcpt', per: 'connection', code: 450 }]);
  const ids = ['one', 'one', 'two', 'one', 'two'];
  expect(ids.map((connectionId) => perConnection.ask({ connectionId }).slice(0, 3))).toEqual([
    '450',
    'ok',
    '450',
    'ok',
    'ok',
  ]);
  const perRecipient = scenario([{ do: 'fail-first', at: 'rcpt', count: 2 }]);
  expect([1, 2, 3].map(() => perRecipient.ask().slice(0, 3))).toEqual(['451', '451', 'ok']);
  expect(perRecipient.ask({ recipients: ['b@dest.test'] }).slice(0, 3)).toBe('451');
});

test('a rate lets so many through in its window', async () => {
  const { ask, clock } = scenario([{ do: 'rate-limit', at: 'rcpt', max: 2, window: '10s' }]);
  const three = (): string[] => [1, 2, 3].map(() => ask().slice(0, 3));
  expect(three()).toEqual(['ok', 'ok', '421']);
  await clock.advance(9_999);
  expect(three()).toEqual(['421', '421', '421']);
  await clock.advance(1);
  expect(three()).toEqual(['ok', 'ok', '421']);
});

test('chance is seeded: the same seed, the same luck', () => {
  const run = (seed: number): string => {
    const { ask } = scenario([{ do: 'reject', at: 'rcpt', chance: 0.5 }], seed);
    return Array.from({ length: 40 }, () => (ask() === 'ok' ? '.' : 'x')).join('');
  };
  expect(run(7)).toBe(run(7));
  expect(run(7)).not.toBe(run(8));
  expect(run(7).replaceAll('.', '').length).toBeGreaterThan(8);
  expect(run(7).replaceAll('.', '').length).toBeLessThan(32);
});

test('memory is bounded; the oldest key is forgotten', () => {
  const memory = new FarEndMemory();
  for (let i = 0; i < 10_001; i++) memory.countBefore(`key ${i}`);
  expect(memory.size).toBe(10_000);
  expect(memory.countBefore('key 1')).toBe(1);
  expect(memory.countBefore('key 0')).toBe(0);
});

test('replies may have several lines and any script; nothing can split them', () => {
  const lines = ['Größe überschritten', 'evil\r\n250 ok'];
  expect(formatFarEndReply({ code: 552, enhanced: '5.3.4', lines }).toString()).toBe(
    '552-5.3.4 Größe überschritten\r\n552 5.3.4 evil  250 ok\r\n',
  );
  expect(formatFarEndReply({ code: 554, enhanced: '', lines: [] }).toString()).toBe('554 \r\n');
});

test('a reply like that of a large receiver is filled in', () => {
  const { ask } = scenario([{ do: 'reject', at: 'rcpt', like: 'google/no-such-user' }]);
  const lines = ask().split('\r\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]).toBe('550-5.1.1 typing errors or spaces in to@dest.test. More at');
  expect(lines[2]).toMatch(/^550 5\.1\.1 https:\/\/\S+NoSuchUser [0-9a-f]{12} - gsmtp$/);
});

test.each([
  ['rcpt', 'bounce+550+no+such+user+here@any.test', 'reject 550 no such user here'],
  ['rcpt', 'bounce+451+4.3.0+%4Eo+luck%0d%0a250+ok@any.test', 'reject 451 4.3.0 No luck 250 ok'],
  ['rcpt', 'bounce+250+fine@any.test', null],
  ['rcpt', 'bounce@simulator.amazonses.com', 'reject 550 5.1.1 user unknown'],
  ['rcpt', 'bounce+run7@simulator.amazonses.com', 'reject 550 5.1.1 user unknown'],
  ['rcpt', 'success@simulator.amazonses.com', 'accept'],
  ['rcpt', 'bounce@example.com', null],
  ['rcpt', 'my-tempfail-7@any.test', 'reject 400 tempfail requested'],
  ['rcpt', 'permfail@any.test', 'reject 500 permfail requested'],
  ['rcpt', '450-x@any.test', 'reject 450 you said 450-x@any.test'],
  ['rcpt', '250-permanent@any.test', 'accept'],
  ['dot', 'user.temperror@any.test', 'reject 451 4.3.0 temporary error as requested'],
  ['dot', 'permerror@any.test', 'reject 550 5.3.0 permanent error as requested'],
  ['dot', 'a452@any.test', 'reject 452 4.3.0 error as requested'],
  ['rcpt', 'a452@any.test', null],
  ['rcpt', 'rcptto452@any.test', 'reject 452 4.3.0 error as requested'],
  ['dot', 'rcptto452@any.test', null],
  ['mail', 'mailfrom550@any.test', 'reject 550 5.3.0 error as requested'],
  ['mail', 'a550@any.test', null],
  ['dot', 'timeout@any.test', 'hang'],
  ['dot', 'ada@any.test', null],
] as const)('magic at %s: %s', (stage, address, wanted) => {
  const rule = magicRule(stage, address);
  const words = rule?.do === 'reject' ? [rule.do, rule.code, rule.enhanced, rule.text] : [rule?.do];
  expect(rule === null ? null : words.filter((word) => word !== '').join(' ')).toBe(wanted);
});

test('globs', () => {
  expect(matchesGlob('over.quota*', 'Over.Quota.7@dest.test')).toBe(true);
  expect(matchesGlob('*@dest.test', 'a@dest.test')).toBe(true);
  expect(matchesGlob('?@*.test', 'ab@dest.test')).toBe(false);
  expect(matchesGlob(`${'*a'.repeat(30)}b`, 'a'.repeat(5_000))).toBe(false);
});

test('a scenario in one sentence', () => {
  const sentence = (spec: object): string =>
    describeScenario(farEndSchema.parse({ name: 'test', ...spec }));
  expect(sentence({})).toBe('Accepts everything');
  expect(sentence({ rules: [{ do: 'greylist', at: 'rcpt' }] })).toBe(
    '451 4.7.1 for 5m to each new triplet at RCPT; else accepts',
  );
  expect(
    sentence({
      tls: 'expired',
      without: ['SIZE'],
      rules: [{ do: 'disconnect', at: 'content', afterBytes: 8192, chance: 0.67 }],
    }),
  ).toBe(
    'disconnects while the message arrives 67 % of the time, after 8192 bytes; else accepts · TLS with an expired certificate · without SIZE',
  );
});

test('a plain client sees the lines; what it sent can be looked at', async () => {
  await using far = await TestFarEnd.start({
    rules: [{ do: 'accept', at: 'dot', text: ['Danke schön', 'als {id}'] }],
  });
  const heard = await talk(far.port, [
    'EHLO client.test',
    'MAIL FROM:<Ada@shop.test> BODY=8BITMIME',
    'RCPT TO:<"odd local"@dest.test>',
    'RCPT TO:<b@dest.test>',
    'DATA',
    'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n folded\r\nMessage-ID: <1@shop.test>\r\n\r\n..dot\r\n.',
    'QUIT',
  ]);
  expect(heard[0]).toBe('220 test.far-end.test ESMTP');
  expect(heard).toContain('250-PIPELINING');
  expect(heard.at(-3)).toBe('250-2.0.0 Danke schön');
  const id = /^250 2\.0\.0 als (\w+)$/.exec(heard.at(-2) ?? '')?.[1] ?? '';
  expect(heard.at(-1)).toBe('221 2.0.0 Bye');
  const mail = far.farEnd.captured.find(id);
  expect(mail).toMatchObject({
    sender: 'Ada@shop.test',
    recipients: ['b@dest.test'],
    ehlo: 'client.test',
    tls: null,
    subject: '=?utf-8?Q?Gr=C3=BC=C3=9Fe?= folded',
    messageId: '<1@shop.test>',
  });
  expect((await far.farEnd.captured.source(id))?.toString()).toMatch(/\r\n\r\n\.dot\r\n$/);
  expect(mail?.transcript.map(({ who, text }) => `${who} ${text}`)).toContain(
    'client EHLO client.test',
  );
});

/** One command after the other, each after the reply to the one before; every line that came. */
function talk(port: number, commands: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    const lines: string[] = [];
    let rest = '';
    let sent = 0;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      rest += text;
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        lines.push(line);
        const command = commands[sent];
        if (line[3] === ' ' && command !== undefined) {
          sent++;
          socket.write(`${command}\r\n`);
        }
      }
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(lines));
  });
}
