/** Sessions against scripted sinks: what goes over the wire and what becomes of the message. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JsonObject, JsonValue } from '../../../engine/mail/json.ts';
import { PolicyError } from '../../../engine/policy/events.ts';
import { testEvents, testMessage, testSource, testTimeouts } from '../../support/delivery.ts';
import { SmtpSink } from '../../support/smtp-sink.ts';
import { deliver, outcomes, TestSmtpClient, transcriptOf } from '../../support/smtp-client.ts';

let client: TestSmtpClient;

beforeEach(() => {
  client = new TestSmtpClient();
});

afterEach(() => client.end());

const MAIL = 'MAIL FROM:<sender@shop.test>';
const RCPT = 'RCPT TO:<a@dest.test>';

describe('a delivery', () => {
  test('speaks as recorded and reports the final reply', async () => {
    const sink = await client.sink();
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.seen()).toEqual([
      { s: '220 sink.golden.test ESMTP' },
      { c: 'EHLO out.golden.test' },
      { s: '250-sink.golden.test\n250-PIPELINING\n250-ENHANCEDSTATUSCODES\n250 8BITMIME' },
      { c: MAIL },
      { s: '250 2.1.0 sender ok' },
      { c: RCPT },
      { s: '250 2.1.5 recipient ok' },
      { c: 'DATA' },
      { s: '354 go ahead' },
      { data: 'Subject: golden\r\n\r\nhello\r\n' },
      { s: '250 2.0.0 queued' },
    ]);
    expect(report.address).toEqual({
      peerAddress: { name: 'mx1.sink.test', addr: `127.0.0.1:${sink.port}` },
      sourceAddress: { address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown },
      tls: null,
    });
    expect(report.connectionBroken).toBe(false);
    expect(report.unfinished).toBeUndefined();
  });

  test('tells a watcher the plan, the message, what is said and the end', async () => {
    const told: [JsonObject, JsonValue][] = [];
    const traceSink = {
      isWatched: true,
      publish: (meta: JsonObject, payload: JsonValue) => void told.push([meta, payload]),
    };
    client = new TestSmtpClient({ traceSink });
    const sink = await client.sink();
    await client.once(sink);
    await client.end();
    const payloads = told.map(([, payload]) => payload);
    expect(payloads.filter((payload) => typeof payload === 'string')).toEqual([
      'BeginSession',
      'MessageObtained',
      'Connected',
      'Closed',
    ]);
    for (const [kind, text] of [
      ['Write', `${MAIL}\r\n`],
      ['Read', '354 go ahead\r\n'],
      ['Write', 'Subject: golden\r\n\r\nhello\r\n'],
    ] as const)
      expect(payloads).toContainEqual({ [kind]: text });
    expect(told.at(-1)?.[0]).toMatchObject({
      sender: 'sender@shop.test',
      recipient: ['a@dest.test'],
      domain: 'dest.test',
      mx_host: 'mx1.sink.test',
      mx_address: `127.0.0.1:${sink.port}`,
    });
  });

  test('sends MAIL, RCPT and DATA in one write, and the body in the next', async () => {
    const sink = await client.sink();
    await client.once(sink, {}, testMessage({ to: ['a@dest.test', 'b@dest.test'] }));
    expect(sink.connections[0]?.chunks.slice(0, 3)).toEqual([
      'EHLO out.golden.test\r\n',
      `${MAIL}\r\n${RCPT}\r\nRCPT TO:<b@dest.test>\r\nDATA\r\n`,
      'Subject: golden\r\n\r\nhello\r\n.\r\n',
    ]);
  });

  test.each([
    ['the peer does not pipeline', { ehlo: '250 sink' }, {}],
    ['the path does not want it', {}, { enablePipelining: false }],
  ])('sends one command at a time when %s', async (_, script, path) => {
    const sink = await client.sink(script);
    expect(outcomes(await client.once(sink, path))).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.connections[0]?.chunks.slice(0, 5)).toEqual([
      'EHLO out.golden.test\r\n',
      `${MAIL}\r\n`,
      `${RCPT}\r\n`,
      'DATA\r\n',
      'Subject: golden\r\n\r\nhello\r\n.\r\n',
    ]);
  });

  test('keeps the connection for the next message, after RSET', async () => {
    const sink = await client.sink();
    const session = await client.planned([sink.port]);
    await deliver(session);
    const report = await deliver(session, testMessage({ to: 'b@dest.test' }));
    expect(sink.connections).toHaveLength(1);
    expect(sink.connections[0]?.chunks[3]).toBe(
      `RSET\r\n${MAIL}\r\nRCPT TO:<b@dest.test>\r\nDATA\r\n`,
    );
    expect(report.details).toMatchObject({ transactionOnConnection: 2 });
    expect(transcriptOf(report)).toEqual([
      'client RSET',
      `client ${MAIL}`,
      'client RCPT TO:<b@dest.test>',
      'client DATA',
      'server 250 2.0.0 reset',
      'server 250 2.1.0 sender ok',
      'server 250 2.1.5 recipient ok',
      'server 354 go ahead',
      'note message data, 26 bytes',
      'server 250 2.0.0 queued',
    ]);
  });

  test('enable_rset = false resets only after a failure', async () => {
    const sink = await client.sink({ rcpt: ['250 ok', '550 5.1.1 gone', '250 ok'] });
    const session = await client.planned([sink.port], { enableRset: false });
    for (let i = 0; i < 3; i++) await deliver(session);
    expect(sink.commands().filter((line) => /^(RSET|MAIL)/.test(line))).toEqual([
      MAIL,
      MAIL,
      'RSET',
      MAIL,
    ]);
  });

  test('says QUIT when it is closed', async () => {
    const sink = await client.sink();
    const session = await client.planned([sink.port]);
    await deliver(session);
    await session.close();
    expect(sink.connections[0]?.events.slice(-2)).toEqual([{ c: 'QUIT' }, { s: '221 2.0.0 bye' }]);
    expect(session.phase).toBe('closed');
  });

  test('does not wait long for the answer to QUIT', async () => {
    const sink = await client.sink({ quit: '!hang' });
    const session = await client.planned([sink.port]);
    await deliver(session);
    await session.close();
    expect(sink.connections[0]?.events.at(-1)).toEqual({ s: '!hang' });
  });

  test('EHLO name: path, then source, then the host', async () => {
    const sink = await client.sink();
    const source = testSource({ ehloDomain: 'from-source.test', sourceAddress: '127.0.0.1' });
    await deliver(await client.planned([sink.port], { ehloDomain: 'from-path.test' }, { source }));
    await deliver(await client.planned([sink.port], { ehloDomain: null }, { source }));
    await deliver(await client.planned([sink.port], { ehloDomain: null }));
    expect([0, 1, 2].map((i) => sink.commands(i)[0])).toEqual([
      'EHLO from-path.test',
      'EHLO from-source.test',
      'EHLO this.host.test',
    ]);
  });

  test('the null sender and Postmaster go as they are', async () => {
    const sink = await client.sink();
    await client.once(sink, {}, testMessage({ from: '', to: 'Postmaster' }));
    expect(sink.commands().slice(1, 3)).toEqual(['MAIL FROM:<>', 'RCPT TO:<Postmaster>']);
  });

  test('a large body arrives unchanged, dots stuffed', async () => {
    const sink = await client.sink();
    const line = `.dot ${'abcdefghij'.repeat(90)}\r\n\r\n.\r\n..\r\n`;
    const body = `Subject: large\r\n\r\n${line.repeat(4000)}`;
    const report = await client.once(sink, {}, testMessage({ body }));
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    const data = sink.seen().find((event) => 'data' in event);
    expect(data).toEqual({ data: body.replace(/(^|\r\n)\./g, '$1..') });
    expect(transcriptOf(report)).toContain(`note message data, ${body.length} bytes`);
  });

  test('over a unix socket', async () => {
    const folder = mkdtempSync(`${tmpdir()}/postyard-smtp-`);
    const sink = await SmtpSink.start({}, { path: `${folder}/lmtp` });
    const mxList = [{ kind: 'name' as const, label: `${folder}/lmtp` }];
    const session = await client.planned([], { useLmtp: true }, { mxList });
    const report = await deliver(session);
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(report.address).toMatchObject({
      peerAddress: { name: `${folder}/lmtp`, addr: `${folder}/lmtp` },
      sourceAddress: null,
    });
    await session.close();
    await sink.close();
    rmSync(folder, { recursive: true });
  });
});

describe('a refusal', () => {
  test.each([
    ['mail', '550 5.7.1 sender blocked', `bounced 0 550 5.7.1 sender blocked [${MAIL}]`],
    ['rcpt', '550 5.1.1 no such user', `bounced 0 550 5.1.1 no such user [${RCPT}]`],
    ['rcpt', '451 4.2.0 try again', `deferred 0 451 4.2.0 try again [${RCPT}]`],
    ['rcpt', '552 mailbox full', `deferred 0 552 mailbox full [${RCPT}]`],
    ['data', '554 5.7.0 no data accepted', 'bounced 0 554 5.7.0 no data accepted [DATA]'],
    ['data', '503 5.5.1 sequence', 'deferred 0 503 5.5.1 sequence [DATA]'],
    ['dot', '552 5.3.4 too big', 'bounced 0 552 5.3.4 too big [.]'],
    ['dot', '450 4.3.0 later', 'deferred 0 450 4.3.0 later [.]'],
    ['dot', '250-2.0.0 first\n250 2.0.0 second', 'delivered 0 250 2.0.0 first second [.]'],
    ['dot', '299 odd', 'delivered 0 299 odd [.]'],
  ])('at %s: %s', async (verb, text, expected) => {
    const sink = await client.sink({ [verb]: text });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual([expected]);
    expect(report.connectionBroken).toBe(false);
  });

  test('behind a pipelined refusal an accepted DATA is ended with an empty body', async () => {
    const sink = await client.sink({ mail: '550 5.7.1 sender blocked' });
    await client.once(sink);
    expect(sink.seen().slice(3)).toEqual([
      { c: MAIL },
      { s: '550 5.7.1 sender blocked' },
      { c: RCPT },
      { s: '250 2.1.5 recipient ok' },
      { c: 'DATA' },
      { s: '354 go ahead' },
      { data: '' },
      { s: '250 2.0.0 queued' },
    ]);
  });

  test.each([
    [false, { mail: '550 no' }, [MAIL]],
    [false, { rcpt: '550 no' }, [MAIL, RCPT]],
    [true, { mail: '550 no' }, [MAIL, RCPT, 'DATA']],
    [true, { rcpt: '550 no' }, [MAIL, RCPT, 'DATA']],
  ])('without pipelining, strict: %s, %j', async (isStrict, script, commands) => {
    client = new TestSmtpClient({ isStrict });
    const sink = await client.sink({ ehlo: '250 sink', ...script });
    expect(outcomes(await client.once(sink))[0]).toMatch(/^bounced 0 550 no /);
    expect(sink.commands()).toEqual(['EHLO out.golden.test', ...commands]);
  });

  test('per recipient: accepted, deferred and refused', async () => {
    const sink = await client.sink({
      rcpt: { 'busy@dest.test': '451 4.2.1 busy', 'gone@dest.test': '550 5.1.1 gone' },
    });
    const to = ['good@dest.test', 'busy@dest.test', 'gone@dest.test', 'fine@dest.test'];
    expect(outcomes(await client.once(sink, {}, testMessage({ to })))).toEqual([
      'delivered 0,3 250 2.0.0 queued [.]',
      'deferred 1 451 4.2.1 busy [RCPT TO:<busy@dest.test>]',
      'bounced 2 550 5.1.1 gone [RCPT TO:<gone@dest.test>]',
    ]);
  });

  test('equal refusals of two recipients stay two outcomes: their commands differ', async () => {
    const sink = await client.sink({ rcpt: '550 5.1.1 gone' });
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test'] });
    expect(outcomes(await client.once(sink, {}, message))).toEqual([
      'bounced 0 550 5.1.1 gone [RCPT TO:<a@dest.test>]',
      'bounced 1 550 5.1.1 gone [RCPT TO:<b@dest.test>]',
    ]);
  });

  test('of DATA or the dot holds for the whole batch', async () => {
    const to = ['a@dest.test', 'b@dest.test'];
    const rcpt = { 'b@dest.test': '550 5.1.1 gone' };
    const atData = await client.sink({ rcpt, data: '451 4.3.0 not now' });
    expect(outcomes(await client.once(atData, {}, testMessage({ to })))).toEqual([
      'deferred 0,1 451 4.3.0 not now [DATA]',
    ]);
    const atDot = await client.sink({ rcpt, dot: '554 5.6.0 no' });
    expect(outcomes(await client.once(atDot, {}, testMessage({ to })))).toEqual([
      'bounced 0,1 554 5.6.0 no [.]',
    ]);
  });

  test('of RSET holds for the whole batch', async () => {
    const sink = await client.sink({ rset: '451 4.3.0 no reset' });
    const session = await client.planned([sink.port]);
    await deliver(session);
    const report = await deliver(session, testMessage({ to: ['a@dest.test', 'b@dest.test'] }));
    expect(outcomes(report)).toEqual(['deferred 0,1 451 4.3.0 no reset [RSET]']);
    expect(sink.seen().slice(-2)).toEqual([{ data: '' }, { s: '250 2.0.0 queued' }]);
  });

  test('a 251 at RCPT is a delivery in strict mode, although nothing was sent', async () => {
    const sink = await client.sink({ rcpt: '251 will forward', dataWithoutRcpt: true });
    expect(outcomes(await client.once(sink))).toEqual([`delivered 0 251 will forward [${RCPT}]`]);
    expect(sink.seen()).toContainEqual({ data: '' });
  });

  test('a 251 at RCPT is accepted in ordinary mode, and the Journey says what differs', async () => {
    client = new TestSmtpClient({ isStrict: false });
    const sink = await client.sink({ rcpt: '251 will forward' });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.seen()).toContainEqual({ data: 'Subject: golden\r\n\r\nhello\r\n' });
    expect(report.details).toMatchObject({
      notes: [
        `KumoMTA would log the reply 251 to ${RCPT} as a delivery without sending the message`,
      ],
    });
  });

  test('a 250 at DATA is never a delivery in ordinary mode', async () => {
    client = new TestSmtpClient({ isStrict: false });
    const sink = await client.sink({ data: '250 fine' });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual(['deferred 0 250 fine [DATA]']);
    expect(report.details).toMatchObject({ notes: [expect.stringContaining('KumoMTA would log')] });
  });
});

describe('eight bits', () => {
  const eight = testMessage({ body: 'Subject: x\r\n\r\ncafé\r\n' });

  test('BODY=8BITMIME and SMTPUTF8 when they are offered', async () => {
    const sink = await client.sink({
      ehlo: '250-sink\n250-PIPELINING\n250-8BITMIME\n250 SMTPUTF8',
    });
    await client.once(sink, {}, eight);
    const message = testMessage({ from: 'änne@shop.test', to: 'josé@dest.test' });
    await client.once(sink, {}, message);
    expect(sink.commands(0)[1]).toBe(`${MAIL} BODY=8BITMIME`);
    expect(sink.commands(1).slice(1, 3)).toEqual([
      'MAIL FROM:<änne@shop.test> SMTPUTF8',
      'RCPT TO:<josé@dest.test>',
    ]);
  });

  test('are refused here when the peer does not take them', async () => {
    const sink = await client.sink({ ehlo: '250-sink\n250 PIPELINING' });
    expect(outcomes(await client.once(sink, {}, eight))).toEqual([
      'bounced 0 554 5.6.3 KumoMTA internal: DATA is 8bit, destination does not support 8BITMIME. Conversion via msg:check_fix_conformance during reception is required',
    ]);
    const utf8 = testMessage({ to: 'josé@dest.test' });
    expect(outcomes(await client.once(sink, {}, utf8))).toEqual([
      'bounced 0 554 5.6.7 KumoMTA internal: envelope is 8bit, destination does not support SMTPUTF8.',
    ]);
    expect(sink.commands()).toEqual(['EHLO out.golden.test']);
  });

  test('ignore_8bit_checks sends them all the same', async () => {
    const sink = await client.sink({ ehlo: '250-sink\n250 PIPELINING' });
    const report = await client.once(sink, { ignore8bitChecks: true }, eight);
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.commands()[1]).toBe(MAIL);
  });
});

describe('batches', () => {
  test('max_recipients_per_batch splits a message into transactions of one attempt', async () => {
    const sink = await client.sink();
    const session = await client.planned([sink.port], { maxRecipientsPerBatch: 2 });
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test', 'c@dest.test'] });
    const first = await deliver(session, message);
    expect(outcomes(first)).toEqual(['delivered 0,1 250 2.0.0 queued [.]']);
    expect(first.unfinished).toBe(true);
    message.recipients = message.recipients.slice(2);
    const second = await deliver(session, message);
    expect(outcomes(second)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(second.unfinished).toBeUndefined();
    expect(sink.commands().slice(5)).toEqual(['RSET', MAIL, 'RCPT TO:<c@dest.test>', 'DATA']);
  });

  test('a deferred recipient of the first batch is not tried again with the second', async () => {
    const sink = await client.sink({ rcpt: { 'a@dest.test': '451 4.2.1 busy' } });
    const session = await client.planned([sink.port], { maxRecipientsPerBatch: 2 });
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test', 'c@dest.test'] });
    expect(outcomes(await deliver(session, message))).toEqual([
      'deferred 0 451 4.2.1 busy [RCPT TO:<a@dest.test>]',
      'delivered 1 250 2.0.0 queued [.]',
    ]);
    message.recipients = message.recipients.filter((one) => one.user !== 'b');
    expect(outcomes(await deliver(session, message))).toEqual(['delivered 1 250 2.0.0 queued [.]']);
    expect(sink.commands().filter((line) => line.startsWith('RCPT'))).toEqual([
      'RCPT TO:<a@dest.test>',
      'RCPT TO:<b@dest.test>',
      'RCPT TO:<c@dest.test>',
    ]);
  });

  test('too many recipients are sent again at once', async () => {
    const sink = await client.sink({ rcpt: { 'b@dest.test': ['452 4.5.3 enough', '250 ok'] } });
    const session = await client.planned([sink.port]);
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test'] });
    const first = await deliver(session, message);
    expect(outcomes(first)).toEqual([
      'delivered 0 250 2.0.0 queued [.]',
      'deferred too-many 1 452 4.5.3 enough [RCPT TO:<b@dest.test>]',
    ]);
    expect(first.unfinished).toBe(true);
    message.recipients = message.recipients.slice(1);
    expect(outcomes(await deliver(session, message))).toEqual(['delivered 0 250 2.0.0 queued [.]']);
  });

  test('a bare 452 means too many only once', async () => {
    const sink = await client.sink({
      rcpt: { 'b@dest.test': '452 wait', 'c@dest.test': '452 wait' },
    });
    const session = await client.planned([sink.port]);
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test', 'c@dest.test'] });
    const first = await deliver(session, message);
    expect(outcomes(first)).toEqual([
      'delivered 0 250 2.0.0 queued [.]',
      'deferred too-many 1 452 wait [RCPT TO:<b@dest.test>]',
      'deferred too-many 2 452 wait [RCPT TO:<c@dest.test>]',
    ]);
    message.recipients = message.recipients.slice(1);
    const second = await deliver(session, message);
    expect(outcomes(second)).toEqual([
      'deferred 0 452 wait [RCPT TO:<b@dest.test>]',
      'deferred 1 452 wait [RCPT TO:<c@dest.test>]',
    ]);
    expect(second.unfinished).toBeUndefined();
  });

  test('a classified bare 552 is no "too many"', async () => {
    client = new TestSmtpClient({ bounceClass: () => 'QuotaIssues' });
    const sink = await client.sink({ rcpt: { 'b@dest.test': '552 over quota' } });
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test'] });
    expect(outcomes(await client.once(sink, {}, message))).toEqual([
      'delivered 0 250 2.0.0 queued [.]',
      'bounced 1 552 over quota [RCPT TO:<b@dest.test>]',
    ]);
  });
});

describe('LMTP', () => {
  test('says LHLO and takes one reply per accepted recipient', async () => {
    const sink = await client.sink({
      lmtp: true,
      rcpt: { 'gone@dest.test': '550 5.1.1 gone' },
      dot: ['250 2.0.0 stored', '452 4.2.2 full', '250 2.0.0 stored'],
    });
    const to = ['a@dest.test', 'gone@dest.test', 'b@dest.test', 'c@dest.test'];
    const report = await client.once(sink, { useLmtp: true }, testMessage({ to }));
    expect(outcomes(report)).toEqual([
      'delivered 0,3 250 2.0.0 stored [.]',
      'bounced 1 550 5.1.1 gone [RCPT TO:<gone@dest.test>]',
      'deferred 2 452 4.2.2 full [.]',
    ]);
    expect(sink.commands()[0]).toBe('LHLO out.golden.test');
  });

  test('in strict mode a single final reply holds for all recipients', async () => {
    const sink = await client.sink({ rcpt: { 'gone@dest.test': '550 5.1.1 gone' } });
    const to = ['a@dest.test', 'gone@dest.test', 'b@dest.test', 'c@dest.test'];
    const report = await client.once(sink, { useLmtp: true }, testMessage({ to }));
    expect(outcomes(report)).toEqual([
      'delivered 0,2,3 250 2.0.0 queued [.]',
      'bounced 1 550 5.1.1 gone [RCPT TO:<gone@dest.test>]',
    ]);
  });
});

describe('smtp_client_rewrite_delivery_status', () => {
  const name = 'smtp_client_rewrite_delivery_status';

  test('changes the code, keeps the enhanced code and says so', async () => {
    const asked: unknown[] = [];
    const events = testEvents(
      {
        smtpClientRewriteDeliveryStatus: async (...args) => {
          asked.push(args.slice(0, 5));
          return args[0].includes('dead') ? 550 : args[0].includes('maybe') ? 451 : null;
        },
      },
      [name],
    );
    client = new TestSmtpClient({ events });
    const sink = await client.sink({
      rcpt: {
        'dead@dest.test': '450 4.2.1 account dead',
        'maybe@dest.test': '550 5.1.1 maybe later',
        'other@dest.test': '553 5.1.3 bad',
      },
    });
    const message = testMessage({
      to: ['ok@dest.test', 'dead@dest.test', 'maybe@dest.test', 'other@dest.test'],
      meta: { tenant: 'acme', routing_domain: 'relay.test' },
    });
    expect(outcomes(await client.once(sink, {}, message))).toEqual([
      'delivered 0 250 2.0.0 queued [.]',
      'bounced 1 550 4.2.1 account dead (kumomta: status was rewritten from 450 -> 550) [RCPT TO:<dead@dest.test>]',
      'deferred 2 451 5.1.1 maybe later (kumomta: status was rewritten from 550 -> 451) [RCPT TO:<maybe@dest.test>]',
      'bounced 3 553 5.1.3 bad [RCPT TO:<other@dest.test>]',
    ]);
    expect(asked).toEqual([
      ['450 4.2.1 account dead', 'dest.test', 'acme', null, 'relay.test'],
      ['550 5.1.1 maybe later', 'dest.test', 'acme', null, 'relay.test'],
      ['553 5.1.3 bad', 'dest.test', 'acme', null, 'relay.test'],
    ]);
  });

  test('is not asked about transport errors, and a failing handler changes nothing', async () => {
    let calls = 0;
    const events = testEvents(
      {
        smtpClientRewriteDeliveryStatus: async () => {
          calls++;
          throw new PolicyError('boom');
        },
      },
      [name],
    );
    client = new TestSmtpClient({ events });
    const drops = await client.sink({ mail: '!drop' });
    await client.once(drops);
    expect(calls).toBe(0);
    const refuses = await client.sink({ rcpt: '550 5.1.1 gone' });
    const report = await client.once(refuses);
    expect(outcomes(report)).toEqual([`bounced 0 550 5.1.1 gone [${RCPT}]`]);
    expect(transcriptOf(report)).toContain(`note ${name} failed: boom`);
  });
});

describe('a broken conversation', () => {
  const failed = (what: string, command?: string): string =>
    `deferred 0 400 KumoMTA internal: failed to send message: ${what}${command === undefined ? '' : ` [${command}]`}`;

  test.each([
    ['mail', MAIL],
    ['rcpt', RCPT],
    ['data', 'DATA'],
    ['dot', '.'],
  ])('the peer drops the connection at %s', async (verb, command) => {
    const sink = await client.sink({ [verb]: '!drop' });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual([
      failed(`Error Connection closed by peer reading response to cmd=${command}`, command),
    ]);
    expect(report.connectionBroken).toBe(true);
    expect(report.address.peerAddress).not.toBeNull();
    expect(report.address.sourceAddress).not.toBeNull();
  });

  test.each([
    ['mail', MAIL],
    ['data', 'DATA'],
    ['dot', '.'],
  ])('… and without pipelining', async (verb, command) => {
    const sink = await client.sink({ [verb]: '!drop', ehlo: '250 sink' });
    expect(outcomes(await client.once(sink))).toEqual([
      failed(`Error Connection closed by peer reading response to cmd=${command}`, command),
    ]);
  });

  test('a reset is named', async () => {
    const sink = await client.sink({ dot: '!reset' });
    expect(outcomes(await client.once(sink))[0]).toMatch(
      /Error Connection reset by peer \(os error \d+\) reading response to cmd=\. \[\.\]$/,
    );
  });

  test('everyone in the batch is deferred, also who was refused before', async () => {
    const sink = await client.sink({ rcpt: { 'b@dest.test': '550 no' }, dot: '!drop' });
    const message = testMessage({ to: ['a@dest.test', 'b@dest.test'] });
    const [only, ...others] = outcomes(await client.once(sink, {}, message));
    expect(only).toMatch(/^deferred 0,1 400 /);
    expect(others).toEqual([]);
  });

  test('a 421 with a closed connection is the peer’s reply, and the connection is over', async () => {
    const sink = await client.sink({ mail: '!then-drop 421 4.3.2 shutting down' });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual([`deferred 0 421 4.3.2 shutting down [${MAIL}]`]);
    expect(report.connectionBroken).toBe(true);
  });

  test.each([
    ['mail', 'mailFromMs', `${MAIL}`, 'MAIL\\x20FROM:<sender@shop.test>\\r\\n'],
    ['rcpt', 'rcptToMs', `${RCPT}`, 'RCPT\\x20TO:<a@dest.test>\\r\\n'],
    ['data', 'dataMs', 'DATA', 'DATA\\r\\n'],
    ['dot', 'dataDotMs', '.', '.\\r\\n'],
  ])('a silent peer at %s', async (verb, time, command, debug) => {
    const sink = await client.sink({ [verb]: '!hang' });
    const report = await client.once(sink, { timeouts: testTimeouts({ [time]: 60 }) });
    const [text] = outcomes(report);
    const where = `Some(ResolvedAddress { name: "mx1.sink.test", addr: 127.0.0.1:${sink.port}, is_secure: false })`;
    expect(text?.replace(/waiting \S+ /, 'waiting TIME ')).toBe(
      `deferred 0 421 4.4.2 KumoMTA internal: failed to send message to unspecified->mx_list:site@smtp_client ${where}: Timed Out waiting TIME for response to Some(Command("${debug}")) [${command}]`,
    );
    expect(/waiting (\S+) /.exec(text ?? '')?.[1]).toMatch(/^(5\d\.\d+ms|60ms)$/);
    expect(report.connectionBroken).toBe(true);
  });

  test.each([
    ['250', 'Malformed Response: 250'],
    ['hello', 'Malformed Response: hello'],
    ['!raw 250 \\xff\\xfe\\r\\n'.replace('\\xff\\xfe', '\u00ff\u00fe'), 'response is not UTF8'],
  ])('a reply that is none: %s', async (text, message) => {
    const sink = await client.sink({ mail: text });
    const report = await client.once(sink);
    expect(outcomes(report)).toEqual([failed(message)]);
    expect(report.connectionBroken).toBe(true);
  });

  test('a reply without end is cut off', async () => {
    const sink = await client.sink({ mail: `!raw ${'250-x\\r\\n'.repeat(100_000)}` });
    expect(outcomes(await client.once(sink))).toEqual([failed('Response is too long')]);
    const line = await client.sink({ mail: `!raw 250 ${'x'.repeat(100_000)}\\r\\n` });
    expect(outcomes(await client.once(line))).toEqual([failed('Response line is too long')]);
  });

  test('a peer that stops reading the body', async () => {
    // Reads up to DATA and never again.
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.write('220 deaf\r\n');
      socket.on('data', (bytes) => {
        const text = bytes.toString();
        if (text.startsWith('EHLO')) socket.write('250 deaf\r\n');
        else if (text.startsWith('DATA')) {
          socket.pause();
          socket.write('354 go\r\n');
        } else socket.write('250 ok\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const session = await client.planned([port], { timeouts: testTimeouts({ dataMs: 150 }) });
    const body = `Subject: x\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(20_000)}`;
    expect(outcomes(await deliver(session, testMessage({ body })))).toEqual([
      failed('Timed Out sending message payload data'),
    ]);
    await session.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('reconnecting', () => {
  test('try_next_host_on_transport_error takes the same message to the next host', async () => {
    const first = await client.sink({ mail: '!then-drop 421 4.3.2 closing' });
    const second = await client.sink();
    const session = await client.planned([first.port, second.port], {
      tryNextHostOnTransportError: true,
    });
    const message = testMessage();
    const one = await deliver(session, message);
    expect(outcomes(one)).toEqual([`deferred 0 421 4.3.2 closing [${MAIL}]`]);
    expect(one.unfinished).toBe(true);
    expect(one.address.peerAddress?.name).toBe('mx1.sink.test');
    const two = await deliver(session, message);
    expect(outcomes(two)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(two.address.peerAddress?.name).toBe('mx2.sink.test');
    expect(two.unfinished).toBeUndefined();
  });

  test('a refused RSET does so too: the message was not asked about', async () => {
    const first = await client.sink({ rset: '451 4.3.0 no reset' });
    const second = await client.sink();
    const session = await client.planned([first.port, second.port], {
      tryNextHostOnTransportError: true,
    });
    await deliver(session);
    const message = testMessage();
    const one = await deliver(session, message);
    expect(outcomes(one)).toEqual(['deferred 0 451 4.3.0 no reset [RSET]']);
    expect(one).toMatchObject({ unfinished: true, connectionBroken: true });
    expect(outcomes(await deliver(session, message))).toEqual(['delivered 0 250 2.0.0 queued [.]']);
  });

  test('other replies never move to the next host', async () => {
    const first = await client.sink({ rcpt: '451 4.2.1 busy' });
    const second = await client.sink();
    const session = await client.planned([first.port, second.port], {
      tryNextHostOnTransportError: true,
    });
    const report = await deliver(session);
    expect(report.unfinished).toBeUndefined();
    expect(report.connectionBroken).toBe(false);
  });

  test('the next message goes to the next host, and the session ends with the plan', async () => {
    const first = await client.sink({ dot: '!drop' });
    const second = await client.sink({ dot: '!then-drop 421 4.3.2 bye' });
    const session = await client.planned([first.port, second.port]);
    expect((await deliver(session)).unfinished).toBeUndefined();
    expect(session.isExhausted).toBe(false);
    expect(outcomes(await deliver(session))).toEqual(['deferred 0 421 4.3.2 bye [.]']);
    await expect(session.connect([testMessage()])).rejects.toMatchObject({
      name: 'ReturnMessage',
      reason: 'DispatcherDrop',
    });
    expect(session.isExhausted).toBe(true);
  });

  test('ReconnectSameHost and TerminateSession do what they say', async () => {
    const sink = await client.sink({ dot: ['!drop', '250 ok'] });
    const same = await client.planned([sink.port], { reconnectStrategy: 'ReconnectSameHost' });
    await deliver(same);
    expect(outcomes(await deliver(same))).toEqual(['delivered 0 250 ok [.]']);
    expect(sink.connections).toHaveLength(2);
    const drops = await client.sink({ dot: '!drop' });
    const spare = await client.sink();
    const ends = await client.planned([drops.port, spare.port], {
      reconnectStrategy: 'TerminateSession',
    });
    await deliver(ends);
    expect(ends.isExhausted).toBe(true);
    expect(spare.connections).toHaveLength(0);
  });

  test('a peer that said 421 while idle gives the message back at once', async () => {
    const sink = await client.sink({
      unsolicited: { afterDot: '!then-drop 421 4.4.2 idle too long' },
    });
    const session = await client.planned([sink.port]);
    await deliver(session);
    await vi.waitFor(() => expect(sink.openCount).toBe(0), 2000);
    await expect(session.connect([testMessage()])).rejects.toMatchObject({
      reason: 'PeerClosedConnection',
    });
    expect(session.isExhausted).toBe(true);
  });

  test('a peer that left silently while idle drops the session', async () => {
    const sink = await client.sink({ unsolicited: { afterDot: '!drop' } });
    const session = await client.planned([sink.port]);
    await deliver(session);
    await vi.waitFor(() => expect(sink.openCount).toBe(0), 2000);
    await expect(session.connect([testMessage()])).rejects.toMatchObject({
      reason: 'DispatcherDrop',
    });
  });

  test('… unless the plan has another host', async () => {
    const first = await client.sink({ unsolicited: { afterDot: '!drop' } });
    const second = await client.sink();
    const session = await client.planned([first.port, second.port]);
    await deliver(session);
    await vi.waitFor(() => expect(first.openCount).toBe(0), 2000);
    const report = await deliver(session);
    expect(report.address.peerAddress?.name).toBe('mx2.sink.test');
  });
});

test('a message goes out when its attempt is on record, not before', async () => {
  const sink = await client.sink();
  const session = await client.planned([sink.port]);
  const message = testMessage();
  await session.connect([message]);
  const { promise: recorded, resolve } = Promise.withResolvers<void>();
  const delivering = session.deliver([message], recorded);
  await vi.waitFor(() => expect(session.phase).toBe('data'), 2000);
  await new Promise((next) => setImmediate(next));
  const bodies = (): unknown[] =>
    sink.connections.flatMap(({ events }) => events.filter((event) => 'data' in event));
  expect(bodies()).toHaveLength(0);
  resolve();
  expect(outcomes(await delivering)[0]).toMatch(/^delivered/);
  expect(bodies()).toHaveLength(1);
});

describe('abort()', () => {
  test('ends a waiting delivery with nothing left', async () => {
    const sink = await client.sink({ dot: '!hang' });
    const session = await client.planned([sink.port]);
    const message = testMessage();
    await session.connect([message]);
    const delivering = session.deliver([message]);
    await vi.waitFor(() => expect(session.phase).toBe('dot'), 2000);
    session.abort();
    await expect(delivering).rejects.toMatchObject({ reason: 'DispatcherDrop' });
    await expect(session.connect([message])).rejects.toMatchObject({ reason: 'DispatcherDrop' });
    expect(session.isExhausted).toBe(true);
  });

  test('ends a connect that waits for the banner', async () => {
    const sink = await client.sink({ banner: '!hang' });
    const session = await client.planned([sink.port]);
    const connecting = session.connect([testMessage()]);
    await vi.waitFor(() => expect(session.phase).toBe('banner'), 2000);
    session.abort();
    await expect(connecting).rejects.toMatchObject({ reason: 'DispatcherDrop' });
  });
});
