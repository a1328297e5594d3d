import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';
import { nonDeliveryReport } from '../../../engine/mail/non-delivery.ts';
import type { NonDeliveryParams } from '../../../engine/mail/non-delivery.ts';
import {
  deliveryReportJson,
  parseDeliveryReport,
  reportedFailures,
} from '../../../engine/mail/report-rfc3464.ts';
import { parseFeedbackReport } from '../../../engine/mail/report-rfc5965.ts';

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'));

const BOUNCE = `From: "Mail Delivery System" <MAILER-DAEMON@remote.test>
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

Sorry, it failed.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; remote.test
Arrival-Date: Mon, 05 Jan 2015 10:00:00 +0000
X-Own: yes

Original-Recipient: rfc822;first@far.test
Final-Recipient: rfc822; gone@far.test
Action: Failed
Status: 5.1.1 (no mailbox)
Diagnostic-Code: smtp; 550 5.1.1
 no such mailbox

Final-Recipient: rfc822; slow@far.test
Action: delayed
Status: 4.2.0

--b1
Content-Type: message/rfc822

From: <return@bounces.test>
Subject: original

original body

--b1--
`;

describe('parseDeliveryReport()', () => {
  test('reads the report, its recipients and the original', () => {
    const report = parseDeliveryReport(crlf(BOUNCE));
    expect(report && deliveryReportJson(report)).toMatchObject({
      per_message: {
        reporting_mta: { mta_type: 'dns', name: 'remote.test' },
        arrival_date: '2015-01-05T10:00:00Z',
        dsn_gateway: null,
        extensions: { 'x-own': ['yes'] },
      },
      per_recipient: [
        {
          final_recipient: { recipient_type: 'rfc822', recipient: 'gone@far.test' },
          original_recipient: { recipient_type: 'rfc822', recipient: 'first@far.test' },
          action: 'failed',
          status: { class: 5, subject: 1, detail: 1, comment: '(no mailbox)' },
          diagnostic_code: { diagnostic_type: 'smtp', diagnostic: '550 5.1.1 no such mailbox' },
        },
        { action: 'delayed', status: { class: 4, subject: 2, detail: 0, comment: null } },
      ],
      original_message: 'From: <return@bounces.test>\nSubject: original\n\noriginal body\n\n',
    });
  });

  test.each([
    ['an ordinary message', 'Subject: s\n\nx\n'],
    ['no status part', BOUNCE.replace('message/delivery-status', 'text/x-other')],
    ['no Reporting-MTA', BOUNCE.replace('Reporting-MTA', 'X-Reporting-MTA')],
    ['a recipient without status', BOUNCE.replace('Status: 4.2.0\n', '')],
  ])('takes %s for none', (_, text) => {
    expect(parseDeliveryReport(crlf(text))).toBeUndefined();
  });
});

describe('reportedFailures()', () => {
  const failures = (text: string): unknown => {
    const report = parseDeliveryReport(crlf(text));
    return report && reportedFailures(report);
  };

  test('tells of failed recipients only, with the reply of their host', () => {
    expect(failures(BOUNCE)).toEqual([
      {
        recipient: 'first@far.test',
        response: {
          code: 550,
          enhanced: { class: 5, subject: 1, detail: 1 },
          text: '5.1.1 no such mailbox',
          command: null,
        },
        reportingMta: 'remote.test',
        timeMs: null,
      },
    ]);
  });

  test('a diagnostic without a code, or none at all, counts as 550', () => {
    const odd = BOUNCE.replace('smtp; 550 5.1.1\n no such mailbox', 'smtp; gone away');
    expect(failures(odd)).toMatchObject([{ response: { code: 550, text: 'gone away' } }]);
    const none = BOUNCE.replace('Diagnostic-Code', 'X-Code');
    expect(failures(none)).toMatchObject([{ response: { code: 550, text: '' } }]);
  });
});

const COMPLAINT = `From: <abuse@provider.test>
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

A complaint.

--b2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: ProviderFBL/1.0
Version: 1
Original-Mail-From: <news@shop.test>
Original-Rcpt-To: <reader@provider.test>
Arrival-Date: Mon, 05 Jan 2015 10:00:00 +0000
Source-IP: 192.0.2.55
Reported-Domain: shop.test
Custom-Field: own value

--b2
Content-Type: message/rfc822

From: <news@shop.test>
X-Other: no
X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50Ijoi
 cmVhZGVyQHByb3ZpZGVyLnRlc3QifQ==

buy

--b2--
`;

describe('parseFeedbackReport()', () => {
  test('reads every field in the order of the record', () => {
    const report = parseFeedbackReport(crlf(COMPLAINT));
    expect(JSON.stringify(report)).toBe(
      JSON.stringify({
        feedback_type: 'abuse',
        user_agent: 'ProviderFBL/1.0',
        version: '1',
        arrival_date: '2015-01-05T10:00:00Z',
        incidents: null,
        original_envelope_id: null,
        original_mail_from: 'news@shop.test',
        reporting_mta: null,
        source_ip: '192.0.2.55',
        authentication_results: [],
        original_rcpto_to: ['reader@provider.test'],
        reported_domain: ['shop.test'],
        reported_uri: [],
        extensions: { 'custom-field': ['own value'] },
        original_message:
          'From: <news@shop.test>\nX-Other: no\nX-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50Ijoi\n cmVhZGVyQHByb3ZpZGVyLnRlc3QifQ==\n\nbuy\n\n',
        supplemental_trace: { recipient: 'reader@provider.test' },
      }),
    );
  });

  test.each([
    ['a delivery report', BOUNCE],
    ['another report type', COMPLAINT.replace('report-type=feedback-report', 'report-type=x')],
    ['no version', COMPLAINT.replace('Version: 1\n', '')],
  ])('takes %s for none', (_, text) => {
    expect(parseFeedbackReport(crlf(text))).toBeUndefined();
  });
});

describe('nonDeliveryReport()', () => {
  const params: NonDeliveryParams = {
    includeOriginalMessage: 'HeadersOnly',
    enableExpiration: false,
    enableBounce: true,
    reportingMta: { mtaType: 'dns', name: 'mta.depot.test' },
    stableContent: true,
  };
  const record: JsonObject = {
    type: 'Bounce',
    id: '',
    sender: 'buyer@mart.test',
    recipient: 'a@dest.test',
    response: {
      code: 550,
      enhanced_code: { class: 5, subject: 1, detail: 1 },
      content: 'unknown mailbox',
      command: null,
    },
    peer_address: { name: 'mx1.sink.test', addr: '127.0.0.1:25' },
    timestamp: 1_420_452_060,
    created: 1_420_452_000,
    delivery_protocol: 'ESMTP',
  };
  const made = { messageId: 'id', random: new SeededRandom(1) };
  const original = crlf('From: <buyer@mart.test>\nSubject: golden\n\nhello\n');
  const make = (
    p: Partial<NonDeliveryParams>,
    r: JsonObject,
    o: Buffer | null = original,
  ): string | null => {
    const report = nonDeliveryReport({ ...params, ...p }, o, { ...record, ...r }, made);
    return report && Buffer.from(report.data).toString();
  };

  test('tells the sender what happened', () => {
    expect(make({}, {})?.replaceAll('ma-boundary-0', '<b>')).toBe(
      crlf(
        'Content-Type: multipart/report;\n\tboundary="<b>";\n\treport-type="delivery-status"\n' +
          'Subject: Returned mail\nMime-Version: 1.0\nMessage-ID: <UUID@mta.depot.test>\n' +
          'To: buyer@mart.test\nFrom: Mail Delivery Subsystem <mailer-daemon@mta.depot.test>\n\n--<b>\n' +
          'Content-Type: text/plain;\n\tcharset="us-ascii"\n\n' +
          'The message was received at Mon, 5 Jan 2015 10:00:00 +0000\n' +
          'from buyer@mart.test and addressed to a@dest.test.\n' +
          'While communicating with mx1.sink.test (127.0.0.1:25):\nResponse: 550 5.1.1 unknown mailbox\n\n' +
          'The message will be deleted from the queue.\nNo further attempts will be made to deliver it.\n' +
          '--<b>\nContent-Type: message/delivery-status;\n\tcharset="us-ascii"\n\n' +
          'Reporting-MTA: dns; mta.depot.test\nArrival-Date: Mon, 5 Jan 2015 10:00:00 +0000\n\n' +
          'Final-Recipient: rfc822;a@dest.test\nAction: failed\nStatus: 5.1.1 unknown mailbox\n' +
          'Remote-MTA: dns; mx1.sink.test\nDiagnostic-Code: smtp; 550 5.1.1 unknown mailbox\n' +
          'Last-Attempt-Date: Mon, 5 Jan 2015 10:01:00 +0000\n\n--<b>\n' +
          'Content-Type: text/rfc822-headers\n\nFrom: <buyer@mart.test>\nSubject: golden\n--<b>--\n',
      ).toString(),
    );
  });

  test('includes the whole original, or nothing of it', () => {
    expect(make({ includeOriginalMessage: 'FullContent' }, {})).toContain(
      'Content-Type: message/rfc822\r\n\r\nFrom: <buyer@mart.test>\r\nSubject: golden\r\n\r\nhello\r\n--',
    );
    expect(make({ includeOriginalMessage: 'No' }, {})).not.toContain('golden');
    expect(make({}, {}, null)).not.toContain('rfc822-headers');
  });

  test.each([
    ['the null sender', {}, { sender: '' }],
    ['a bounce of another protocol', {}, { delivery_protocol: 'Lua' }],
    ['a bounce when bounces are off', { enableBounce: false }, {}],
    ['an expiration when expirations are off', {}, { type: 'Expiration' }],
    ['a delivery', {}, { type: 'Delivery' }],
  ])('makes none for %s', (_, p, r) => {
    expect(make(p, r)).toBeNull();
  });

  test('an expiration has no peer; a missing enhanced code is 5.0.0; recipients have a block each', () => {
    const text = make(
      { enableExpiration: true, stableContent: false },
      {
        type: 'Expiration',
        peer_address: null,
        recipient: ['a@x.test', 'b@x.test'],
        response: { code: 551, enhanced_code: null, content: 'too old', command: null },
      },
    );
    expect(text).toContain('Status: 5.0.0 too old\r\n');
    expect(text).not.toContain('Remote-MTA');
    expect(text?.match(/Final-Recipient/g)).toHaveLength(2);
    expect(text).toContain('Message-ID: <id@mta.depot.test>');
  });
});
