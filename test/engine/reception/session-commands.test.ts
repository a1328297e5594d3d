/** What a client sees without a policy: replies, their order, Rejection records. */
import { describe, expect, test } from 'vitest';
import { ReceptionWorld, until } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

const MESSAGE = 'Subject: golden\n\nhello\n';
const CAPABILITIES =
  '250-PIPELINING | 250-ENHANCEDSTATUSCODES | 250-8BITMIME | 250-SMTPUTF8 | 250 STARTTLS';

describe('a session', () => {
  test('greets, answers every verb and says goodbye', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    expect(smtp.banner).toEqual(['220 mx.golden.test golden']);
    expect(
      await smtp.sayAll(
        'EHLO Client.golden.test',
        'HELO plain.golden.test',
        'NOOP',
        'NOOP with words',
        'VRFY someone',
        'FROBNICATE',
        'rset',
        'XCLIENT ADDR=192.0.2.1',
        'quit',
      ),
    ).toEqual([
      `250-mx.golden.test Aloha client.golden.test | ${CAPABILITIES}`,
      '250 Hello plain.golden.test!',
      '250 the goggles do nothing',
      '501 Syntax error in command or arguments',
      '502 5.5.1 Command unimplemented',
      '502 5.5.1 Command unimplemented',
      '250 Reset state',
      '550 insufficient authorization',
      '221 So long, and thanks for all the fish!',
    ]);
    expect(await smtp.reply()).toEqual(['!closed']);
    expect(world.log.summary()).toEqual([
      'Rejection 501 Syntax error in command or arguments | NOOP with words |  -> ',
      'Rejection 502 5.5.1 Command unimplemented | VRFY someone |  -> ',
      'Rejection 502 5.5.1 Command unimplemented | FROBNICATE |  -> ',
      'Rejection 550 insufficient authorization | - |  -> ',
    ]);
    expect(world.log.records[1]?.peerAddress).toEqual({
      name: 'plain.golden.test',
      addr: '127.0.0.1',
    });
    expect(world.counts.rejections).toBe(4);
  });

  test('keeps the order of MAIL, RCPT and DATA, and lets EHLO in between', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    expect(
      await smtp.sayAll(
        'RCPT TO:<a@dest.test>',
        'DATA',
        'MAIL FROM:<a@shop.test>',
        'MAIL FROM:<b@shop.test>',
        'DATA',
        'RSET',
        'RCPT TO:<a@dest.test>',
        'MAIL FROM:<b@shop.test>',
        'RCPT TO:<c@dest.test>',
        'HELO again.test',
        'RCPT TO:<d@dest.test>',
        'DATA',
      ),
    ).toEqual([
      '503 5.5.0 MAIL FROM must be issued first',
      '503 5.5.0 MAIL FROM must be issued first',
      '250 OK <a@shop.test>',
      '503 5.5.0 MAIL FROM already issued; you must RSET first',
      '503 5.5.0 RCPT TO must be issued first',
      '250 Reset state',
      '503 5.5.0 MAIL FROM must be issued first',
      '250 OK <b@shop.test>',
      '250 OK <c@dest.test>',
      '250 Hello again.test!',
      '250 OK <d@dest.test>',
      '354 Send body; end with CRLF.CRLF',
    ]);
    const [reply] = await smtp.body(MESSAGE);
    expect(reply).toMatch(/^250 OK ids=[\da-f]{32} [\da-f]{32}$/);
    expect(await smtp.say('DATA')).toEqual(['503 5.5.0 MAIL FROM must be issued first']);
    expect(world.log.summary()).toEqual([
      'Rejection 503 5.5.0 MAIL FROM must be issued first | RCPT TO:<a@dest.test> |  -> ',
      'Rejection 503 5.5.0 MAIL FROM must be issued first | DATA |  -> ',
      'Rejection 503 5.5.0 MAIL FROM already issued; you must RSET first | MAIL FROM:<b@shop.test> | a@shop.test -> ',
      'Rejection 503 5.5.0 RCPT TO must be issued first | DATA | a@shop.test -> ',
      'Rejection 503 5.5.0 MAIL FROM must be issued first | RCPT TO:<a@dest.test> |  -> ',
      'Reception 250 | - | b@shop.test -> c@dest.test',
      'Reception 250 | - | b@shop.test -> d@dest.test',
      'Rejection 503 5.5.0 MAIL FROM must be issued first | DATA |  -> ',
    ]);
  });

  test('names addresses in their normal form, Postmaster and the null sender too', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    expect(
      await smtp.sayAll(
        'MAIL FROM:<"john smith"@Shop.TEST>',
        'RCPT TO:<Mixed.Case@DEST.Test>',
        'RCPT TO:<six@[IPv6:2001:db8::1]>',
        'RCPT TO:<Postmaster>',
        'RCPT TO:<@a.test,@b.test:route@dest.test>',
        'RCPT TO:<>',
        'RSET',
        'MAIL FROM:<>',
      ),
    ).toEqual([
      '250 OK <"john smith"@shop.test>',
      '250 OK <Mixed.Case@dest.test>',
      '250 OK <six@[IPv6:2001:db8::1]>',
      '250 OK <Postmaster>',
      '250 OK <route@dest.test>',
      '501 5.1.3 Invalid recipient address syntax',
      '250 Reset state',
      '250 OK <>',
    ]);
    expect(world.log.summary()).toEqual([
      'Rejection 501 5.1.3 Invalid recipient address syntax | RCPT TO:<> | "john smith"@shop.test -> route@dest.test',
    ]);
  });

  test('takes a whole transaction in one write, and what follows it', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    smtp.write(
      'EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n' +
        'Subject: x\r\n\r\nbody\r\n.\r\nMAIL FROM:<e@f.test>\r\nNOOP\r\nQUIT\r\n',
    );
    const codes: string[] = [];
    for (let i = 0; i < 8; i++) codes.push((await smtp.reply()).at(-1)?.slice(0, 3) ?? '');
    expect(codes).toEqual(['250', '250', '250', '354', '250', '250', '250', '221']);
    expect(Buffer.from(world.queue.inserted[0]?.data ?? []).toString()).toBe(
      'Subject: x\r\n\r\nbody\r\n',
    );
  });

  test('answers everything a client said before it closed its side', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    smtp.write(
      'MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nS: x\r\n\r\ny\r\n.\r\nNOOP\r\n',
    );
    smtp.endWriting();
    const codes: string[] = [];
    for (let i = 0; i < 6; i++) codes.push((await smtp.reply())[0]?.slice(0, 3) ?? '');
    expect(codes).toEqual(['250', '250', '354', '250', '250', '!cl']);
  });

  test('refuses overlong lines and bytes that are not UTF-8 and goes on', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.say(`NOOP ${'x'.repeat(993)}`)).toEqual(['250 the goggles do nothing']);
    expect(await smtp.say(`NOOP ${'x'.repeat(994)}`)).toEqual(['500 5.2.3 line too long']);
    smtp.write(Buffer.from('NOOP \xff\r\n', 'latin1'));
    expect(await smtp.reply()).toEqual(['501 5.5.2 Invalid UTF-8 in command']);
    const chunk = 'y'.repeat(100_000);
    for (let i = 0; i < 30; i++) smtp.write(chunk);
    expect(await smtp.say('')).toEqual(['500 5.2.3 line too long']);
    expect(await smtp.say('NOOP')).toEqual(['250 the goggles do nothing']);
    expect(world.log.records.map((record) => record.response.command)).toEqual([null, null, null]);
  });

  test('does not end a command at a bare LF', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.say('NOOP\nNOOP')).toEqual(['502 5.5.1 Command unimplemented']);
  });

  test('counts recipients per message and per connection', async () => {
    await using world = await ReceptionWorld.open({
      params: { maxRecipientsPerMessage: 2, maxMessagesPerConnection: 3 },
    });
    await using smtp = await SmtpScript.connect(world.address);
    const to = (user: string): string => `RCPT TO:<${user}@dest.test>`;
    expect(await smtp.sayAll('MAIL FROM:<a@s.test>', to('a'), to('b'), to('c'), 'RSET')).toEqual([
      '250 OK <a@s.test>',
      '250 OK <a@dest.test>',
      '250 OK <b@dest.test>',
      '452 4.5.3 too many recipients',
      '250 Reset state',
    ]);
    expect(await smtp.sayAll('MAIL FROM:<a@s.test>', to('d'), to('e'), 'RSET')).toEqual([
      '250 OK <a@s.test>',
      '250 OK <d@dest.test>',
      '452 4.5.3 too many recipients on this connection',
      '250 Reset state',
    ]);
    expect(await smtp.sayAll('MAIL FROM:<a@s.test>', to('f'))).toEqual([
      '250 OK <a@s.test>',
      '421 4.5.3 mx.golden.test too many recipients on this connection',
    ]);
    expect(await smtp.reply()).toEqual(['!closed']);
  });

  test('tells an idle client so, in the middle of a body too, without a record', async () => {
    await using world = await ReceptionWorld.open({ params: { clientTimeoutMs: 400 } });
    await using idle = await SmtpScript.connect(world.address);
    expect(await idle.reply()).toEqual(['421 4.3.2 mx.golden.test idle too long']);
    expect(await idle.reply()).toEqual(['!closed']);
    await using stuck = await SmtpScript.connect(world.address);
    await stuck.sayAll('MAIL FROM:<a@b.test>', 'RCPT TO:<c@d.test>', 'DATA');
    expect(await stuck.reply()).toEqual(['421 4.3.2 mx.golden.test idle too long']);
    expect(world.log.records).toEqual([]);
    await until('the transaction is stored', () => world.store.transactions.length === 1);
    expect(world.store.transactions[0]?.refused).toEqual([
      {
        recipient: 'c@d.test',
        state: 'aborted',
        code: null,
        text: '4.3.2 mx.golden.test idle too long',
      },
    ]);
  });

  test('does not read on while the client leaves its replies unread', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    const many = 60_000;
    smtp.write('NOOP\r\n'.repeat(many));
    for (let i = 0; i < many; i++) {
      if ((await smtp.reply())[0] !== '250 the goggles do nothing') throw new Error(`reply ${i}`);
    }
    expect(await smtp.say('QUIT')).toEqual(['221 So long, and thanks for all the fish!']);
  });
});
