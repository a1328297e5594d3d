/** Bodies: size, line endings, dots, deadlines, trace headers, and what the store gets to see. */
import { describe, expect, test } from 'vitest';
import type { Message } from '../../../engine/mail/message.ts';
import { PolicyReject } from '../../../engine/policy/events.ts';
import { ORDINARY_MODE } from '../../../engine/reception/mode.ts';
import type { OverlayVerdict } from '../../../engine/reception/overlay.ts';
import { StoreFullError } from '../../../engine/store/store.ts';
import { ReceptionWorld, until } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

const MESSAGE = 'Subject: golden\n\nhello\n';

async function begin(smtp: SmtpScript, ...to: string[]): Promise<void> {
  await smtp.say('MAIL FROM:<a@shop.test>');
  for (const recipient of to) await smtp.say(`RCPT TO:<${recipient}>`);
  await smtp.say('DATA');
}

const dataOf = (message: Message | undefined): string =>
  Buffer.from(message?.data ?? []).toString('latin1');

describe('a body', () => {
  test('that is too big or has an overlong line leaves the transaction open', async () => {
    await using world = await ReceptionWorld.open({
      params: { maxMessageSize: 200_000, lineLengthHardLimit: 100 },
    });
    await using smtp = await SmtpScript.connect(world.address);
    await begin(smtp, 'b@dest.test');
    expect(await smtp.body(`Subject: big\n\n${`${'x'.repeat(60)}\n`.repeat(20_000)}`)).toEqual([
      '552 5.3.4 message too big',
    ]);
    expect(await smtp.sayAll('RCPT TO:<c@dest.test>', 'DATA')).toHaveLength(2);
    expect(await smtp.body('x'.repeat(101))).toEqual(['500 5.2.3 line too long']);
    expect(await smtp.say('DATA')).toEqual(['354 Send body; end with CRLF.CRLF']);
    expect((await smtp.body(MESSAGE))[0]).toMatch(/^250 OK ids=\w+ \w+$/);
    expect(world.log.summary()).toEqual([
      'Rejection 552 5.3.4 message too big | DATA | a@shop.test -> b@dest.test',
      'Rejection 500 5.2.3 line too long | DATA | a@shop.test -> c@dest.test',
      'Reception 250 | - | a@shop.test -> b@dest.test',
      'Reception 250 | - | a@shop.test -> c@dest.test',
    ]);
    expect(world.counts.received).toBe(1);
  });

  test.each([
    ['Deny', '552 5.6.0 message data must use CRLF for line endings', null],
    ['Fix', '250 OK', 'Subject: x\r\n\r\none\r\ntwo\r\nthree\r\n'],
    ['Allow', '250 OK', 'Subject: x\r\n\r\none\ntwo\rthree\r\n'],
  ] as const)('with bare line endings under %s', async (invalidLineEndings, reply, data) => {
    await using world = await ReceptionWorld.open({ params: { invalidLineEndings } });
    await using smtp = await SmtpScript.connect(world.address);
    await begin(smtp, 'b@dest.test');
    smtp.write('Subject: x\r\n\r\none\ntwo\rthree\r\n.\r\n');
    expect((await smtp.reply())[0]?.startsWith(reply)).toBe(true);
    expect(world.queue.inserted.map(dataOf)).toEqual(data === null ? [] : [data]);
    expect(await smtp.say('DATA')).toEqual(['503 5.5.0 MAIL FROM must be issued first']);
    expect(Buffer.from(world.store.transactions[0]?.body ?? []).toString()).toBe(
      'Subject: x\r\n\r\none\ntwo\rthree\r\n',
    );
  });

  test('whose first line begins with a dot: as it is in strict mode, as meant in ordinary', async () => {
    for (const [mode, wanted] of [
      [undefined, '..first\r\n.second\r\n'],
      [ORDINARY_MODE, '.first\r\n.second\r\n'],
    ] as const) {
      await using world = await ReceptionWorld.open(mode ? { mode } : {});
      await using smtp = await SmtpScript.connect(world.address);
      await begin(smtp, 'b@dest.test');
      await smtp.body('.first\n.second\n');
      await until('it is inserted', () => world.queue.inserted.length === 1);
      expect(dataOf(world.queue.inserted[0])).toBe(wanted);
    }
  });

  test('that is only the final dot ends at once in ordinary mode, and times out in strict', async () => {
    await using ordinary = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    await using friendly = await SmtpScript.connect(ordinary.address);
    await begin(friendly, 'b@dest.test');
    expect((await friendly.say('.'))[0]).toMatch(/^250 OK/);
    await using strict = await ReceptionWorld.open({ params: { clientTimeoutMs: 400 } });
    await using stuck = await SmtpScript.connect(strict.address);
    await begin(stuck, 'b@dest.test');
    expect(await stuck.say('.')).toEqual(['421 4.3.2 mx.golden.test idle too long']);
  });

  test('gets its trace headers, the supplemental one on top', async () => {
    await using world = await ReceptionWorld.open({
      params: {
        traceHeaders: {
          receivedHeader: true,
          supplementalHeader: true,
          headerName: 'X-KumoRef',
          includeMetaNames: [],
        },
      },
    });
    world.policy.on('smtp_server_message_received', (message: Message) => {
      message.data = Buffer.concat([Buffer.from('X-Policy: saw it\r\n'), message.data]);
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('EHLO client.golden.test');
    const [reply] = await smtp.send('s@shop.test', ['recip@example.test'], MESSAGE);
    const data = dataOf(world.queue.inserted[0]);
    expect(data.replace(/\r\n {2}\w{3}, .*/, '\r\n  <date>').split('\r\n')).toEqual([
      'X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoicmVjaXBAZXhhbXBsZS50ZXN0In0=',
      'X-Policy: saw it',
      'Received: from client.golden.test (127.0.0.1)',
      '  by mx.golden.test (KumoMTA 127.0.0.1) ',
      `  with ESMTP id ${reply?.slice('250 OK ids='.length)} for <recip@example.test>;`,
      '  <date>',
      'Subject: golden',
      '',
      'hello',
      '',
    ]);
  });

  test('is answered in time even when the policy does not return', async () => {
    await using world = await ReceptionWorld.open({ params: { dataProcessingTimeoutMs: 400 } });
    let release = (): void => {};
    world.policy.on(
      'smtp_server_message_received',
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['c@d.test'], MESSAGE)).toEqual([
      '451 4.4.5 data_processing_timeout exceeded (rx)',
    ]);
    release();
    expect(await smtp.say('NOOP')).toEqual(['250 the goggles do nothing']);
    expect(world.queue.inserted).toEqual([]);
    expect(world.store.transactions[0]?.messages).toEqual([]);
  });

  test('whose insertion takes too long is a 451 in strict mode', async () => {
    await using world = await ReceptionWorld.open({ params: { dataProcessingTimeoutMs: 400 } });
    let release = (): void => {};
    world.queue.hold = new Promise((resolve) => (release = resolve));
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['c@d.test'], MESSAGE)).toEqual([
      '451 4.4.5 data_processing_timeout exceeded (insert)',
    ]);
    release();
  });

  test('is refused with 452 when the store is full', async () => {
    await using world = await ReceptionWorld.open();
    world.store.failNext = new StoreFullError('no space left');
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['c@d.test'], MESSAGE)).toEqual([
      '452 4.3.1 Insufficient system storage',
    ]);
    expect(world.queue.inserted).toEqual([]);
    expect((await smtp.send('a@b.test', ['c@d.test'], MESSAGE))[0]).toMatch(/^250 OK/);
  });

  test('of a client that vanishes is not queued, and its transaction is kept', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    await begin(smtp, 'b@dest.test');
    smtp.write('Subject: half\r\n\r\nnot finis');
    smtp.close();
    await until('the transaction is stored', () => world.store.transactions.length === 1);
    expect(world.log.records).toEqual([]);
    expect(world.queue.inserted).toEqual([]);
    expect(world.store.transactions[0]).toMatchObject({
      sender: 'a@shop.test',
      code: null,
      body: null,
      refused: [{ recipient: 'b@dest.test', state: 'aborted' }],
    });
    await until('the session is gone', () => world.counts.open === 0);
  });
});

describe('the order of 250 and insertion', () => {
  test('strict mode inserts first; some failures are PARTIAL, all are 421', async () => {
    await using world = await ReceptionWorld.open();
    world.queue.insertErrors.set('bad.test', new Error('runtime error: no config for you'));
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['x@bad.test', 'y@ok.test'], MESSAGE)).toEqual([
      `250 PARTIAL ids=${world.queue.inserted[0]?.id}`,
    ]);
    expect(await smtp.send('a@b.test', ['x@bad.test'], MESSAGE)).toEqual([
      '421 4.3.0 mx.golden.test technical difficulties',
    ]);
    const rejection = world.log.records.find(({ type }) => type === 'Rejection');
    expect(rejection?.response.command).toBe(
      'Error in SmtpServerSession: runtime error: no config for you',
    );
    const bounces = world.log.summary().filter((line) => line.startsWith('Bounce'));
    const text =
      'Bounce 500 KumoMTA internal: QueueManager::insert failed during reception: runtime error: no config for you';
    expect(bounces).toEqual([
      `${text} | - | a@b.test -> x@bad.test`,
      `${text} | - | a@b.test -> x@bad.test`,
    ]);
    const waiting: string[] = [];
    for await (const page of world.store.waiting()) waiting.push(...page.map((one) => one.queue));
    expect(waiting).toEqual(['ok.test']);
  });

  test('ordinary mode answers after the commit and does not wait for the queue', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    let commit = (): void => {};
    let insert = (): void => {};
    world.store.hold = new Promise((resolve) => (commit = resolve));
    world.queue.hold = new Promise((resolve) => (insert = resolve));
    await using smtp = await SmtpScript.connect(world.address);
    await begin(smtp, 'c@d.test');
    let reply: string[] | null = null;
    const answered = smtp.body(MESSAGE).then((lines) => (reply = lines));
    await until('it is stored', () => world.store.transactions.length === 1);
    expect(reply).toBeNull();
    commit();
    await answered;
    expect(reply).toEqual([expect.stringMatching(/^250 OK ids=\w+$/)]);
    expect(world.queue.inserted).toEqual([]);
    insert();
    await until('it is inserted', () => world.queue.inserted.length === 1);
  });

  test('deferred_spool does not wait for the commit in strict mode alone', async () => {
    await using world = await ReceptionWorld.open({ params: { deferredSpool: true } });
    let commit = (): void => {};
    world.store.hold = new Promise((resolve) => (commit = resolve));
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.send('a@b.test', ['c@d.test'], MESSAGE))[0]).toMatch(/^250 OK/);
    commit();
  });
});

describe('the overlay', () => {
  const open = (verdict: (message: Message) => OverlayVerdict) =>
    ReceptionWorld.open({ mode: ORDINARY_MODE, deps: { overlay: { apply: verdict } } });

  test('changes where a message goes', async () => {
    await using world = await open((message) => {
      message.setMeta('routing_domain', 'route-sg.invalid');
      return 'keep';
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('a@b.test', ['c@d.test'], MESSAGE);
    expect(world.queue.resolved).toEqual(['d.test!route-sg.invalid']);
  });

  test('refuses or throws away, and the rows say why', async () => {
    await using world = await open((message) => {
      const user = message.recipients[0]?.user;
      if (user === 'no') return { kind: 'reject', code: 550, text: '5.7.1 s', state: 'suppressed' };
      return user === 'drop' ? { kind: 'discard', state: 'suppressed' } : 'keep';
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['yes@d.test', 'no@d.test'], MESSAGE)).toEqual([
      '550 5.7.1 s',
    ]);
    await smtp.send('a@b.test', ['drop@d.test'], MESSAGE);
    expect(world.store.transactions.map(({ refused }) => refused.map((row) => row.state))).toEqual([
      ['rejected', 'suppressed'],
      [],
    ]);
    expect(world.store.transactions[1]?.messages).toMatchObject([
      { queue: 'null', state: 'suppressed' },
    ]);
    expect(world.queue.inserted).toEqual([]);
  });

  test('refuses a batch for some of its recipients, and only their rows say so', async () => {
    await using world = await ReceptionWorld.open({
      mode: ORDINARY_MODE,
      params: { batchHandling: 'BatchByDomain' },
      deps: {
        overlay: {
          apply: () => ({ kind: 'reject', code: 550, text: 'l', state: 'suppressed', about: [1] }),
        },
      },
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('a@b.test', ['yes@d.test', 'no@d.test', 'other@e.test'], MESSAGE);
    expect(world.store.transactions[0]?.refused.map((row) => row.state)).toEqual([
      'rejected',
      'suppressed',
      'rejected',
    ]);
  });

  test('does not see what the policy sent to the null queue', async () => {
    await using world = await open(() => {
      throw new Error('asked');
    });
    world.policy.on('smtp_server_message_received', (message: Message) => {
      message.setMeta('queue', 'null');
      message.setMeta('suppressed', 'hard bounce');
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.send('a@b.test', ['c@d.test'], MESSAGE))[0]).toMatch(/^250 OK/);
    expect(world.store.transactions[0]?.messages[0]?.state).toBe('suppressed');
  });
});

describe('stored transactions', () => {
  test('keep refused recipients, the transcript and the reply of each transaction', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_rcpt_to', ({ user }: { user: string }) => {
      if (user === 'gone') throw new PolicyReject(550, '5.1.1 user unknown', 'If421');
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('EHLO c.test');
    await smtp.sayAll('MAIL FROM:<bad', 'MAIL FROM:<a@b.test>', 'RCPT TO:<gone@d.test>');
    await smtp.sayAll('RCPT TO:<nodomain>', 'RCPT TO:<ok@d.test>', 'DATA');
    await smtp.body(MESSAGE);
    await smtp.sayAll('MAIL FROM:<a@b.test>', 'RSET', 'MAIL FROM:<x@b.test>', 'RCPT TO:<y@d.test>');
    await smtp.say('QUIT');
    const told = world.store.transactions.map((one) => ({
      sender: one.sender,
      code: one.code,
      text: one.replyText.replace(/ids=.*/, 'ids=…'),
      rows: one.refused.map((row) => `${row.recipient} ${row.state} ${row.code} ${row.text}`),
      messages: one.messages.length,
      said: one.transcript.filter((line) => line.who === 'client').map((line) => line.text),
    }));
    const badSender = "5.1.7 Bad sender's mailbox address syntax";
    expect(told).toEqual([
      {
        sender: '<bad',
        code: 501,
        text: badSender,
        rows: [`null rejected 501 ${badSender}`],
        messages: 0,
        said: ['EHLO c.test', 'MAIL FROM:<bad'],
      },
      {
        sender: 'a@b.test',
        code: 250,
        text: 'OK ids=…',
        rows: [
          'gone@d.test rejected 550 5.1.1 user unknown',
          'nodomain rejected 501 5.1.3 Invalid recipient address syntax',
        ],
        messages: 1,
        said: [
          'MAIL FROM:<a@b.test>',
          'RCPT TO:<gone@d.test>',
          'RCPT TO:<nodomain>',
          'RCPT TO:<ok@d.test>',
          'DATA',
          '(29 bytes of message data)',
        ],
      },
      {
        sender: 'a@b.test',
        code: null,
        text: 'RSET',
        rows: ['null aborted null RSET'],
        messages: 0,
        said: ['MAIL FROM:<a@b.test>', 'RSET'],
      },
      {
        sender: 'x@b.test',
        code: null,
        text: 'QUIT',
        rows: ['y@d.test aborted null QUIT'],
        messages: 0,
        said: ['MAIL FROM:<x@b.test>', 'RCPT TO:<y@d.test>', 'QUIT'],
      },
    ]);
    const { session, transcript } = world.store.transactions[1] ?? { transcript: [] };
    expect(session).toMatchObject({ listener: world.address, ehlo: 'c.test', protocol: 'ESMTP' });
    expect(transcript.at(-1)?.text).toMatch(/^250 OK ids=/);
    expect(transcript.every((line, i) => line.atMs >= (transcript[i - 1]?.atMs ?? 0))).toBe(true);
  });

  test('are rejected, not aborted, when the client gives up on refused data', async () => {
    await using world = await ReceptionWorld.open({ params: { lineLengthHardLimit: 100 } });
    await using smtp = await SmtpScript.connect(world.address);
    await begin(smtp, 'c@d.test');
    await smtp.body('x'.repeat(200));
    await smtp.say('QUIT');
    expect(world.store.transactions[0]).toMatchObject({
      code: 500,
      refused: [
        { recipient: 'c@d.test', state: 'rejected', code: 500, text: '5.2.3 line too long' },
      ],
    });
  });
});
