/** What the policy can do to a session, and what the client and the records see of it. */
import { describe, expect, test } from 'vitest';
import type { ConnectionMeta } from '../../../engine/mail/connection-meta.ts';
import type { EnvelopeAddress } from '../../../engine/mail/envelope.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { PolicyError, PolicyReject } from '../../../engine/policy/events.ts';
import { ORDINARY_MODE } from '../../../engine/reception/mode.ts';
import { ReceptionWorld, until } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

const MESSAGE = 'Subject: golden\n\nhello\n';
const TROUBLE = '421 4.3.0 mx.golden.test technical difficulties';

function reject(code: number, text: string, mode: PolicyReject['mode'] = 'If421'): never {
  throw new PolicyReject(code, text, mode);
}

describe('policy events', () => {
  test('come in order with their arguments', async () => {
    await using world = await ReceptionWorld.open();
    const seen: string[] = [];
    const note = (...words: unknown[]): void => void seen.push(words.join(' '));
    world.policy
      .on('smtp_server_connection_accepted', (meta: ConnectionMeta) =>
        note('accepted', meta.get('reception_protocol'), meta.get('hostname')),
      )
      .on('smtp_server_ehlo', (domain: string, _: ConnectionMeta, extensions: string[]) =>
        note('ehlo', domain, extensions),
      )
      .on('smtp_server_mail_from', (address: EnvelopeAddress, meta: ConnectionMeta) => {
        note('mail_from', address.email, meta.get('ehlo_domain'));
        meta.set('x_from_mail', 'one');
      })
      .on('get_listener_domain', (domain: string) => note('listener_domain', domain))
      .on('smtp_server_rcpt_to', (address: EnvelopeAddress) => note('rcpt_to', address.email))
      .on('smtp_server_data', (message: Message, meta: ConnectionMeta) => {
        note('data', message.recipients.length, message.getMeta('x_from_mail'));
        message.setMeta('x_from_data', 'two');
        meta.set('x_late', 'conn only');
      })
      .on('smtp_server_split_transaction', (message: Message) =>
        note('split', message.recipients.length),
      )
      .on('smtp_server_message_received', (message: Message, meta: ConnectionMeta) =>
        note(
          'received',
          message.recipients[0]?.email,
          message.getMeta('x_from_data'),
          message.getMeta('x_late'),
          meta.get('x_late'),
        ),
      );
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('EHLO client.golden.test');
    const [reply] = await smtp.send('s@shop.test', ['one@alpha.test', 'two@beta.test'], MESSAGE);
    expect(reply).toMatch(/^250 OK ids=/);
    expect(seen).toEqual([
      'accepted ESMTP mx.golden.test',
      'ehlo client.golden.test PIPELINING,ENHANCEDSTATUSCODES,8BITMIME,SMTPUTF8,STARTTLS',
      'mail_from s@shop.test client.golden.test',
      'listener_domain shop.test',
      'listener_domain alpha.test',
      'rcpt_to one@alpha.test',
      'listener_domain beta.test',
      'rcpt_to two@beta.test',
      'data 2 one',
      'split 2',
      'received one@alpha.test two  conn only',
      'received two@beta.test two  conn only',
    ]);
    expect(world.queue.resolved).toEqual(['alpha.test', 'beta.test']);
    expect(world.queue.inserted.map((message) => message.queueName())).toEqual([
      'alpha.test',
      'beta.test',
    ]);
    expect(world.queue.inserted[0]?.meta).toMatchObject({
      ehlo_domain: 'client.golden.test',
      hostname: 'mx.golden.test',
      received_via: world.address,
      reception_protocol: 'ESMTP',
    });
  });

  test('may reject the connection, EHLO, MAIL, RCPT and the data', async () => {
    await using world = await ReceptionWorld.open();
    world.policy
      .on('smtp_server_ehlo', (domain: string) => domain === 'bad.test' && reject(550, '5.7.0 bad'))
      .on(
        'smtp_server_mail_from',
        (address: EnvelopeAddress) => address.domain === 'spam.test' && reject(550, '5.7.1 spam'),
      )
      .on('smtp_server_rcpt_to', (address: EnvelopeAddress) => {
        if (address.user === 'gone') reject(550, '5.1.1 user unknown');
        if (address.user === 'full') reject(452, '4.2.2 mailbox full');
      })
      .on('smtp_server_data', (message: Message) => {
        if (message.recipients[0]?.user === 'virus') reject(554, '5.6.0 infected');
      })
      .on('smtp_server_message_received', (message: Message) => {
        if (message.recipients[0]?.user === 'second') reject(550, '5.7.1 not allowed');
      });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.sayAll('EHLO bad.test', 'HELO bad.test', 'MAIL FROM:<a@spam.test>')).toEqual([
      '550 5.7.0 bad',
      '550 5.7.0 bad',
      '550 5.7.1 spam',
    ]);
    expect(
      await smtp.pipeline(
        'MAIL FROM:<a@shop.test>',
        'RCPT TO:<gone@d.test>',
        'RCPT TO:<ok@d.test>',
        'RCPT TO:<full@d.test>',
        'DATA',
      ),
    ).toEqual([
      '250 OK <a@shop.test>',
      '550 5.1.1 user unknown',
      '250 OK <ok@d.test>',
      '452 4.2.2 mailbox full',
      '354 Send body; end with CRLF.CRLF',
    ]);
    expect((await smtp.body(MESSAGE))[0]).toMatch(/^250 OK ids=[\da-f]{32}$/);
    expect(await smtp.send('a@shop.test', ['virus@d.test'], MESSAGE)).toEqual([
      '554 5.6.0 infected',
    ]);
    expect(await smtp.say('DATA')).toEqual(['503 5.5.0 MAIL FROM must be issued first']);
    const three = ['first@d.test', 'second@d.test', 'third@d.test'];
    expect(await smtp.send('a@shop.test', three, MESSAGE)).toEqual(['550 5.7.1 not allowed']);
    expect(world.queue.inserted).toHaveLength(1);
    expect(world.log.summary()).toEqual([
      'Rejection 550 5.7.0 bad | EHLO bad.test |  -> ',
      'Rejection 550 5.7.0 bad | HELO bad.test |  -> ',
      'Rejection 550 5.7.1 spam | MAIL FROM:<a@spam.test> |  -> ',
      'Rejection 550 5.1.1 user unknown | RCPT TO:<gone@d.test> | a@shop.test -> ',
      'Rejection 452 4.2.2 mailbox full | RCPT TO:<full@d.test> | a@shop.test -> ok@d.test',
      'Reception 250 | - | a@shop.test -> ok@d.test',
      'Rejection 554 5.6.0 infected | DATA |  -> ',
      'Rejection 503 5.5.0 MAIL FROM must be issued first | DATA |  -> ',
      'Rejection 550 5.7.1 not allowed | DATA |  -> ',
    ]);
    expect(world.log.records[0]?.peerAddress?.name).toBe('');
  });

  test('a reject of the connection replaces the banner and ends the session', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_connection_accepted', () => reject(554, '5.7.1 no service'));
    await using smtp = await SmtpScript.connect(world.address);
    expect(smtp.banner).toEqual(['554 5.7.1 no service']);
    expect(await smtp.reply()).toEqual(['!closed']);
    expect(world.log.summary()).toEqual(['Rejection 554 5.7.1 no service | - |  -> ']);
  });

  test('the three modes of kumo.disconnect', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_rcpt_to', ({ user }: EnvelopeAddress) => {
      if (user === 'if') reject(550, '5.7.1 stays', 'If421');
      if (user === 'if421') reject(421, 'gone', 'If421');
      if (user === 'force') reject(550, '5.7.1 goodbye', 'ForceDisconnect');
      if (user === 'follow') reject(550, '5.7.1 followed', 'FollowWith421');
    });
    const talk = async (user: string): Promise<string[]> => {
      await using smtp = await SmtpScript.connect(world.address);
      await smtp.say('MAIL FROM:<a@b.test>');
      const first = await smtp.say(`RCPT TO:<${user}@d.test>`);
      if (user === 'if') return [...first, ...(await smtp.say('NOOP'))];
      return [...first, ...(await smtp.reply()), ...(await smtp.reply())];
    };
    expect(await talk('if')).toEqual(['550 5.7.1 stays', '250 the goggles do nothing']);
    expect(await talk('if421')).toEqual(['421 gone', '!closed', '!closed']);
    expect(await talk('force')).toEqual(['550 5.7.1 goodbye', '!closed', '!closed']);
    expect(await talk('follow')).toEqual([
      '550 5.7.1 followed',
      '421 mx.golden.test disconnecting due to previous error',
      '!closed',
    ]);
    expect(world.log.records).toHaveLength(4);
  });

  test('texts with line breaks become multi-line replies', async () => {
    await using world = await ReceptionWorld.open();
    const texts: Record<string, string> = {
      many: '5.7.1 first line\n5.7.1 second line\n5.7.1 third line',
      crlf: 'one\r\ntwo',
      end: 'trailing\n',
    };
    world.policy.on('smtp_server_rcpt_to', ({ user }: EnvelopeAddress) =>
      reject(550, texts[user] ?? ''),
    );
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('MAIL FROM:<a@b.test>');
    expect(await smtp.say('RCPT TO:<many@d.test>')).toEqual([
      '550-5.7.1 first line',
      '550-5.7.1 second line',
      '550 5.7.1 third line',
    ]);
    expect(await smtp.say('RCPT TO:<crlf@d.test>')).toEqual(['550-one', '550 two']);
    expect(await smtp.say('RCPT TO:<end@d.test>')).toEqual(['550 trailing']);
    expect(world.log.summary().map((line) => line.split(' | ')[0])).toEqual([
      'Rejection 550 5.7.1 first line second line third line',
      'Rejection 550 one two',
      'Rejection 550 trailing',
    ]);
  });

  test('an empty text hangs up without a word; the ordinary listener answers', async () => {
    for (const mode of [undefined, ORDINARY_MODE]) {
      await using world = await ReceptionWorld.open(mode ? { mode } : {});
      world.policy.on('smtp_server_rcpt_to', () => reject(550, ''));
      await using smtp = await SmtpScript.connect(world.address);
      await smtp.say('MAIL FROM:<a@b.test>');
      expect(await smtp.say('RCPT TO:<x@d.test>')).toEqual(mode ? ['550 '] : ['!closed']);
      expect(world.log.records).toEqual([]);
    }
  });

  test('odd codes are sent as they are and make no record outside 4xx and 5xx', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_rcpt_to', ({ user }: EnvelopeAddress) =>
      reject(Number(user), 'sounds odd'),
    );
    await using smtp = await SmtpScript.connect(world.address);
    expect(
      await smtp.sayAll(
        'MAIL FROM:<a@b.test>',
        'RCPT TO:<0@d.test>',
        'RCPT TO:<250@d.test>',
        'RCPT TO:<1550@d.test>',
        'DATA',
      ),
    ).toEqual([
      '250 OK <a@b.test>',
      '0 sounds odd',
      '250 sounds odd',
      '1550 sounds odd',
      '503 5.5.0 RCPT TO must be issued first',
    ]);
    expect(world.log.records).toHaveLength(1);
  });

  test.each([
    ['smtp_server_connection_accepted', 0],
    ['smtp_server_get_dynamic_parameters', 0],
    ['smtp_server_ehlo', 1],
    ['smtp_server_mail_from', 2],
    ['get_listener_domain', 3],
    ['smtp_server_rcpt_to', 3],
    ['smtp_server_data', 5],
    ['smtp_server_split_transaction', 5],
    ['smtp_server_message_received', 5],
  ])('an error in %s ends the session with 421', async (event, step) => {
    await using world = await ReceptionWorld.open();
    world.policy.on(event, () => {
      throw new PolicyError(`runtime error: broken ${event}\nstack traceback: …`);
    });
    await using smtp = await SmtpScript.connect(world.address);
    const lines = ['EHLO c.test', 'MAIL FROM:<a@b.test>', 'RCPT TO:<c@d.test>', 'DATA'];
    let reply = smtp.banner;
    for (const line of lines.slice(0, step)) reply = await smtp.say(line);
    if (step === 5) reply = await smtp.body(MESSAGE);
    expect(reply).toEqual([TROUBLE]);
    expect(await smtp.reply()).toEqual(['!closed']);
    expect(world.log.records).toHaveLength(1);
    expect(world.log.records[0]?.response.command).toBe(
      `Error in SmtpServerSession: runtime error: broken ${event}\nstack traceback: …`,
    );
    expect(world.queue.inserted).toEqual([]);
  });

  test('a reject is not honoured in get_listener_domain', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('get_listener_domain', () => reject(550, 'no such domain'));
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('MAIL FROM:<a@b.test>');
    expect(await smtp.say('RCPT TO:<c@d.test>')).toEqual([TROUBLE]);
  });

  test('a queue that cannot be resolved is a 421 with its own text in the record', async () => {
    await using world = await ReceptionWorld.open();
    world.queue.resolveErrors.set('nil.test', new Error('error converting Lua nil to QueueConfig'));
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['x@nil.test'], MESSAGE)).toEqual([TROUBLE]);
    expect(world.log.records.map((record) => record.response.command)).toEqual([
      'Error in SmtpServerSession: QueueManager::resolve(nil.test) failed: error converting Lua nil to QueueConfig',
    ]);
    expect(world.store.transactions[0]?.messages).toEqual([]);
    expect(world.store.transactions[0]?.refused).toMatchObject([
      { recipient: 'x@nil.test', state: 'rejected', code: 421 },
    ]);
  });

  test('metadata of the wrong kind is an internal error', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_message_received', (message: Message) =>
      message.setMeta('tenant', 42),
    );
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('a@b.test', ['x@d.test'], MESSAGE)).toEqual([TROUBLE]);
    expect(world.log.records[0]?.response.command).toBe(
      "Error in SmtpServerSession: expected 'tenant' to be a string value, got Ok(Number(42))",
    );
  });

  test('smtp_server_rewrite_response sees every reply and may change it', async () => {
    await using world = await ReceptionWorld.open();
    const seen: string[] = [];
    world.policy
      .on('smtp_server_rewrite_response', (code: number, text: string, command: string | null) => {
        seen.push([code, text.replace(/ids=.*/, 'ids=…'), command ?? 'nil'].join(' '));
        if (text.includes('Reset')) return { status: 250, text: 'all clean now' };
        if (text.includes('ids=')) return { status: null, text: 'queued, thank you' };
        if (code === 550) return { status: 451, text: null };
        if (text.includes('goggles')) return { status: 421, text: 'enough' };
        return { status: null, text: null };
      })
      .on('smtp_server_rcpt_to', ({ user }: EnvelopeAddress) => {
        if (user === 'no') reject(550, '5.1.1 unknown');
      });
    await using smtp = await SmtpScript.connect(world.address);
    expect(
      await smtp.sayAll('HELO c.test', 'RSET', 'MAIL FROM:<a@b.test>', 'RCPT TO:<no@d.test>'),
    ).toEqual(['250 Hello c.test!', '250 all clean now', '250 OK <a@b.test>', '451 5.1.1 unknown']);
    expect(await smtp.sayAll('RCPT TO:<b@d.test>', 'DATA')).toHaveLength(2);
    expect(await smtp.body(MESSAGE)).toEqual(['250 queued, thank you']);
    expect(await smtp.say('NOOP')).toEqual(['421 enough']);
    expect(await smtp.reply()).toEqual(['!closed']);
    expect(seen).toEqual([
      '220 mx.golden.test golden nil',
      '250 Hello c.test! nil',
      '250 Reset state nil',
      '250 OK <a@b.test> nil',
      '550 5.1.1 unknown RCPT TO:<no@d.test>',
      '250 OK <b@d.test> nil',
      '354 Send body; end with CRLF.CRLF nil',
      '250 OK ids=… DATA',
      '250 the goggles do nothing nil',
    ]);
    expect(world.log.summary()[0]).toBe(
      'Rejection 451 5.1.1 unknown | RCPT TO:<no@d.test> | a@b.test -> ',
    );
  });

  test('ehlo_domain is set when EHLO has been answered: a rewrite of that reply sees the old one', async () => {
    await using world = await ReceptionWorld.open();
    const seen: unknown[] = [];
    world.policy.on(
      'smtp_server_rewrite_response',
      (_code: number, text: string, _command: string | null, meta: ConnectionMeta) => {
        seen.push([text.split('\n')[0], meta.get('ehlo_domain')]);
        return { status: null, text: null };
      },
    );
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.sayAll('EHLO one.test', 'HELO two.test', 'NOOP');
    expect(seen.slice(1)).toEqual([
      ['mx.golden.test Aloha one.test', undefined],
      ['Hello two.test!', 'one.test'],
      ['the goggles do nothing', 'two.test'],
    ]);
  });

  test('a transaction keeps its last reply as the policy rewrote it', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    let count = 0;
    world.policy.on('smtp_server_rewrite_response', (_code: number, text: string) => {
      if (!text.includes('ids=')) return { status: null, text: null };
      count++;
      return { status: null, text: 'queued, thank you' };
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.sayAll('HELO c.test', 'MAIL FROM:<a@b.test>', 'RCPT TO:<b@d.test>', 'DATA');
    expect(await smtp.body(MESSAGE)).toEqual(['250 queued, thank you']);
    const stored = world.store.transactions.at(-1);
    expect(stored?.replyText).toBe('queued, thank you');
    expect(stored?.transcript.at(-1)?.text).toBe('250 queued, thank you');
    expect(count).toBe(1);
  });

  test('smtp_server_ehlo may replace the list of extensions', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_ehlo', () => ['PIPELINING', 'X-OWN 1']);
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.say('EHLO c.test')).toEqual([
      '250-mx.golden.test Aloha c.test',
      '250-PIPELINING',
      '250 X-OWN 1',
    ]);
  });

  test('dynamic parameters override the listener, metadata is merged', async () => {
    await using world = await ReceptionWorld.open({
      params: { meta: { x_listener: 'base' } },
      peers: { '127.0.0.1': { banner: 'peer overlay' } },
    });
    world.policy
      .on('smtp_server_get_dynamic_parameters', (listener: string, meta: ConnectionMeta) => {
        expect([listener, meta.get('x_listener')]).toEqual([world.address, 'base']);
        return { hostname: 'dyn.test', max_recipients_per_message: 1, meta: { x_dyn: 'yes' } };
      })
      .on('smtp_server_connection_accepted', (meta: ConnectionMeta) => {
        expect(['x_listener', 'x_dyn', 'hostname'].map((key) => meta.get(key))).toEqual([
          'base',
          'yes',
          'dyn.test',
        ]);
      });
    await using smtp = await SmtpScript.connect(world.address);
    expect(smtp.banner).toEqual(['220 dyn.test peer overlay']);
    expect(
      (await smtp.sayAll('MAIL FROM:<a@b.test>', 'RCPT TO:<a@d.test>', 'RCPT TO:<b@d.test>'))[2],
    ).toBe('452 4.5.3 too many recipients');
    expect(world.diagnostics).toEqual([]);
  });

  test('split_transaction chooses the batches; none at all is refused, an empty one is an error', async () => {
    await using world = await ReceptionWorld.open();
    let answer: (list: EnvelopeAddress[]) => EnvelopeAddress[][] = () => [];
    world.policy.on('smtp_server_split_transaction', (message: Message) =>
      answer(message.recipients),
    );
    await using smtp = await SmtpScript.connect(world.address);
    const to = ['a@one.test', 'b@two.test', 'c@one.test'];
    answer = ([a, b, c]) => [[c, a] as EnvelopeAddress[], [b] as EnvelopeAddress[]];
    expect((await smtp.send('s@s.test', to, MESSAGE))[0]).toMatch(/ids=\w+ \w+$/);
    expect(world.log.summary()).toEqual([
      'Reception 250 | - | s@s.test -> c@one.test,a@one.test',
      'Reception 250 | - | s@s.test -> b@two.test',
    ]);
    answer = () => [];
    expect(await smtp.send('s@s.test', to, MESSAGE)).toEqual(['550 5.7.1 relaying not permitted']);
    answer = () => [[]];
    expect(await smtp.send('s@s.test', to, MESSAGE)).toEqual([TROUBLE]);
    expect(world.log.records.at(-1)?.response.command).toBe(
      'Error in SmtpServerSession: recipient list is empty!?',
    );
  });

  test('what smtp_server_data changes reaches every batch, but for the sender', async () => {
    await using world = await ReceptionWorld.open({ params: { batchHandling: 'BatchByDomain' } });
    world.policy.on('smtp_server_data', (message: Message) => {
      message.sender = { email: 'x@x.test', user: 'x', domain: 'x.test' };
      message.data = Buffer.from('Subject: new\r\n\r\n');
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('s@s.test', ['a@one.test', 'b@ONE.test', 'c@two.test'], MESSAGE);
    expect(
      world.queue.inserted.map((message) => [
        message.sender.email,
        message.recipients.length,
        Buffer.from(message.data).toString(),
      ]),
    ).toEqual([
      ['s@s.test', 2, 'Subject: new\r\n\r\n'],
      ['s@s.test', 1, 'Subject: new\r\n\r\n'],
    ]);
    await until('both are stored', () => world.store.transactions.length === 1);
    expect(Buffer.from(world.store.transactions[0]?.body ?? []).toString()).toBe(
      'Subject: golden\r\n\r\nhello\r\n',
    );
  });

  test('metadata set on a kept smtp_server_data message later is not that of the message', async () => {
    await using world = await ReceptionWorld.open();
    let whole: Message | undefined;
    world.policy
      .on('smtp_server_data', (message: Message) => {
        message.setMeta('x_before', 1);
        whole = message;
      })
      .on('smtp_server_message_received', () => whole?.setMeta('x_late', 1));
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('s@s.test', ['a@one.test'], MESSAGE);
    const [message] = world.queue.inserted;
    expect([message?.getMeta('x_before'), message?.getMeta('x_late')]).toEqual([1, undefined]);
  });

  test('deferred_queue skips message_received and names its own queue', async () => {
    await using world = await ReceptionWorld.open({ params: { deferredQueue: true } });
    world.policy.on('smtp_server_message_received', () => reject(550, 'never asked'));
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.send('a@b.test', ['c@d.test'], MESSAGE))[0]).toMatch(/^250 OK/);
    expect(world.queue.inserted[0]?.queueName()).toBe('deferred_smtp_inject.kumomta.internal');
  });

  test('the null queue is accepted and recorded, stored but never inserted', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('smtp_server_message_received', (message: Message) => {
      if (message.recipients[0]?.user === 'drop') message.setMeta('queue', 'null');
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('a@b.test', ['drop@d.test', 'keep@d.test'], MESSAGE);
    expect(world.queue.resolved).toEqual(['d.test']);
    expect(world.queue.inserted.map((message) => message.recipients[0]?.user)).toEqual(['keep']);
    expect(world.log.records.map((record) => record.type)).toEqual(['Reception', 'Reception']);
    expect(world.store.transactions[0]?.messages.map(({ state }) => state)).toEqual([
      'null',
      'queued',
    ]);
  });
});
