/** Which records list a recipient, and for which sending domain. */
import { expect, test } from 'vitest';
import { causeOf } from '../../../engine/suppression/auto-add.ts';
import type { FailureRecord } from '../../../engine/suppression/auto-add.ts';
import {
  reportedSendingDomain,
  sendingDomainOf,
} from '../../../engine/suppression/sending-domain.ts';
import { parseSuppressionSettings } from '../../../engine/suppression/suppression-settings.ts';

const ALL_ON = { bounce: true, oob: true, expiration: true, classes: [] };

function record(type: string, code: number, more: Partial<FailureRecord> = {}): FailureRecord {
  return {
    type,
    recipient: 'a@x.test',
    response: {
      code,
      enhanced_code: { class: 5, subject: 1, detail: 1 },
      content: 'no such\nuser',
    },
    bounce_classification: 'Uncategorized',
    reception_protocol: 'ESMTP',
    ...more,
  };
}

test('each switch is about its own records, and only final replies count', () => {
  const lists = (type: string, code: number, autoAdd = ALL_ON): string | null =>
    causeOf(record(type, code), autoAdd)?.origin ?? null;
  expect([lists('Bounce', 550), lists('OOB', 550), lists('Expiration', 551)]).toEqual([
    'bounce',
    'oob',
    'expiration',
  ]);
  expect([lists('Bounce', 450), lists('TransientFailure', 550), lists('Delivery', 250)]).toEqual([
    null,
    null,
    null,
  ]);
  const off = { ...ALL_ON, bounce: false, oob: false, expiration: false };
  expect(['Bounce', 'OOB', 'Expiration'].map((type) => lists(type, 550, off))).toEqual([
    null,
    null,
    null,
  ]);
});

test('bounce classes choose among Bounce and OOB', () => {
  const autoAdd = { ...ALL_ON, classes: ['InvalidRecipient'] };
  const of = (type: string, bounceClass: string): boolean =>
    causeOf(record(type, 550, { bounce_classification: bounceClass }), autoAdd) !== null;
  expect([of('Bounce', 'InvalidRecipient'), of('Bounce', 'SpamBlock')]).toEqual([true, false]);
  expect([of('OOB', 'SpamBlock'), of('Expiration', 'SpamBlock')]).toEqual([false, true]);
});

test('the cause names the reply; failures of the engine and of log hooks list nobody', () => {
  expect(causeOf(record('Bounce', 550, { recipient: ['a@x.test', 'b@x.test'] }), ALL_ON)).toEqual({
    origin: 'bounce',
    reason: 'no such user',
    source: '550 5.1.1',
    recipients: ['a@x.test', 'b@x.test'],
  });
  expect(causeOf(record('OOB', 550), ALL_ON)?.source).toBe('5.1.1 in DSN');
  const byLua = { code: 554, enhanced_code: null, content: '5.7.1 not today' };
  expect(causeOf(record('Bounce', 554, { response: byLua }), ALL_ON)).toMatchObject({
    source: '554 5.7.1',
    reason: 'not today',
  });
  expect(causeOf(record('Bounce', 550, { reception_protocol: 'LogRecord' }), ALL_ON)).toBeNull();
  const internal = { code: 500, enhanced_code: null, content: 'KumoMTA internal: no queue' };
  expect(causeOf(record('Bounce', 500, { response: internal }), ALL_ON)).toBeNull();
});

test('the sending domain is that of the From header, else of the envelope', () => {
  const mail = (from: string): Buffer => Buffer.from(`${from}Subject: x\r\n\r\nhello\r\n`);
  const of = (from: string): string => sendingDomainOf(mail(from), 'bounces.test');
  expect(of('From: "News, daily" <n@News.Example>\r\n')).toBe('news.example');
  expect(of('From: a@one.test, b@two.test\r\n')).toBe('one.test');
  expect(of('From: undisclosed:;\r\n')).toBe('bounces.test');
  expect(of('From: <broken\r\n')).toBe('bounces.test');
  expect([of(''), sendingDomainOf(null, ''), sendingDomainOf(null, 'X.test')]).toEqual([
    'bounces.test',
    '',
    'x.test',
  ]);
});

test('a delivery report tells the sending domain by the headers it brings back', () => {
  const report = (original: string): Buffer =>
    Buffer.from(
      [
        'From: MAILER-DAEMON@remote.test',
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        '',
        '--b',
        'Content-Type: text/plain',
        '',
        'Sorry.',
        '--b',
        'Content-Type: message/delivery-status',
        '',
        'Reporting-MTA: dns; remote.test',
        '',
        'Final-Recipient: rfc822; a@x.test',
        'Action: failed',
        'Status: 5.1.1',
        '',
        ...original.split('\n'),
        '--b--',
        '',
      ].join('\r\n'),
    );
  const withOriginal = '--b\nContent-Type: message/rfc822\n\nFrom: <n@shop.test>\n\nhello';
  expect(reportedSendingDomain(report(withOriginal), 'bounces.test')).toBe('shop.test');
  expect(reportedSendingDomain(report(''), 'bounces.test')).toBe('bounces.test');
});

test('settings that cannot be read are at their defaults', () => {
  expect(
    parseSuppressionSettings('{"mode":"null","autoAdd":{"oob":true,"classes":["A"]}}'),
  ).toEqual({
    mode: 'null',
    autoAdd: { bounce: false, oob: true, expiration: false, classes: ['A'] },
    hasBounceQueue: false,
  });
  for (const text of [undefined, 'nonsense', '{"mode":"loud","autoAdd":7}', 'null'])
    expect(parseSuppressionSettings(text)).toMatchObject({ mode: 'off', hasBounceQueue: false });
});
