/** The pure parts of the delivering client: classification, debug texts, body pieces, transcript. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { classify, tooManyRecipients } from '../../../engine/delivery/smtp-classify.ts';
import { ClientError } from '../../../engine/delivery/smtp-client-error.ts';
import { dataPieces, isEightBit } from '../../../engine/delivery/smtp-data.ts';
import {
  addressText,
  debugAddress,
  debugCommand,
  debugReply,
  debugText,
  systemErrorText,
} from '../../../engine/delivery/smtp-debug-text.ts';
import { SmtpTranscript } from '../../../engine/delivery/smtp-transcript.ts';
import { isValidTlsName } from '../../../engine/delivery/smtp-tls.ts';
import { plainReply, reply } from '../../../engine/mail/smtp-reply.ts';
import { SimClock } from '../../support/sim-clock.ts';

test('classify() follows the table of codes', () => {
  const verdicts = [200, 250, 251, 299, 300, 354, 421, 450, 499, 500, 503, 504, 550, 552, 199, 600];
  expect(verdicts.map((code) => `${code} ${classify(code)}`)).toEqual([
    '200 delivered',
    '250 delivered',
    '251 delivered',
    '299 delivered',
    '300 deferred',
    '354 deferred',
    '421 deferred',
    '450 deferred',
    '499 deferred',
    '500 bounced',
    '503 deferred',
    '504 bounced',
    '550 bounced',
    '552 bounced',
    '199 bounced',
    '600 bounced',
  ]);
});

test('tooManyRecipients() knows 4.5.3 and the bare codes', () => {
  const answers = [
    reply(452, '4.5.3 too many'),
    reply(550, '4.5.3 too many'),
    reply(452, '4.2.2 full'),
    reply(452, 'wait'),
    reply(552, 'full'),
    reply(552, '5.2.2 full'),
    reply(450, 'busy'),
  ];
  expect(answers.map(tooManyRecipients)).toEqual([
    'yes',
    'yes',
    'no',
    'maybe',
    'maybe',
    'no',
    'no',
  ]);
});

describe('debug texts', () => {
  test('debugReply() prints as recorded', () => {
    expect(debugReply(reply(554, '5.3.2 not today'))).toBe(
      'Response { code: 554, enhanced_code: Some(EnhancedStatusCode { class: 5, subject: 3, detail: 2 }), content: "not today", command: None }',
    );
    expect(debugReply(reply(500, 'a "b"\nc\\', 'EHLO x\r\n'))).toBe(
      'Response { code: 500, enhanced_code: None, content: "a \\"b\\"\\nc\\\\", command: Some("EHLO x\\r\\n") }',
    );
  });

  test('debugText() escapes what Rust escapes', () => {
    expect(debugText('é\u0001\u200b\t')).toBe('"é\\u{1}\\u{200b}\\t"');
  });

  test('debugCommand() escapes blanks as bytes', () => {
    expect(debugCommand('MAIL FROM:<sender@shop.test>\r\n')).toBe(
      'Command("MAIL\\x20FROM:<sender@shop.test>\\r\\n")',
    );
  });

  test('debugAddress() and addressText() print ports only where there is one', () => {
    const address = { name: 'mx1.sink.test', ip: '127.0.0.1', port: 25, isSecure: false };
    expect(debugAddress(address)).toBe(
      'ResolvedAddress { name: "mx1.sink.test", addr: 127.0.0.1:25, is_secure: false }',
    );
    expect(addressText('::1', 25)).toBe('[::1]:25');
    expect(addressText('::1', null)).toBe('::1');
    expect(addressText('/run/lmtp.sock', 25)).toBe('/run/lmtp.sock');
  });

  test('systemErrorText() speaks as the system does', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(systemErrorText(error)).toMatch(/^Connection refused \(os error \d+\)$/);
    expect(systemErrorText(new Error('something else'))).toBe('something else');
  });

  test('ClientError has the texts of the catalogue', () => {
    const text = (trouble: ClientError['trouble']): string => new ClientError(trouble).message;
    const command = 'RCPT TO:<a@b>\r\n';
    expect([
      text({ kind: 'rejected', reply: plainReply(454, 'no') }),
      text({ kind: 'read-timeout', waitMs: 999.998655, command: null }),
      text({ kind: 'write-timeout', waitMs: 60_000, commands: ['DATA\r\n'] }),
      text({ kind: 'payload-timeout' }),
      text({ kind: 'read-failed', why: 'Connection closed by peer', command }),
      text({ kind: 'write-failed', why: 'Broken pipe (os error 32)', commands: [command] }),
    ]).toEqual([
      'Command rejected Response { code: 454, enhanced_code: None, content: "no", command: None }',
      'Timed Out waiting 999.998655ms for response to cmd=NONE',
      'Timed Out after 60s writing cmd=DATA',
      'Timed Out sending message payload data',
      'Error Connection closed by peer reading response to cmd=RCPT TO:<a@b>',
      'Error Broken pipe (os error 32) writing RCPT TO:<a@b>',
    ]);
  });
});

describe('dataPieces()', () => {
  const sent = (body: string): string =>
    [...dataPieces(Buffer.from(body, 'latin1'))].map((piece) => piece.toString('latin1')).join('');

  test('stuffs dots at the start of every line and ends with a dot', () => {
    expect(sent('.a\r\n..b\r\n.\r\nc.d\r\n')).toBe('..a\r\n...b\r\n..\r\nc.d\r\n.\r\n');
    expect(sent('a\n.\r\nb\r\n')).toBe('a\n..\r\nb\r\n.\r\n');
    expect(sent('no end')).toBe('no end\r\n.\r\n');
    expect(sent('bare\n')).toBe('bare\n.\r\n');
    expect(sent('')).toBe('.\r\n');
  });

  test('sends a small body in one piece and a large one in pieces of 64 KiB', () => {
    expect([...dataPieces(Buffer.from('a\r\n.b\r\n'))]).toHaveLength(1);
    const pieces = [...dataPieces(Buffer.from('x'.repeat(300_000)))];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(64 * 1024 + 5);
    expect(pieces).toHaveLength(5);
  });

  test('gives back what any body was, once dots are taken out again', () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', ' '), maxLength: 5 });
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const body = lines.map((text) => `${text}\r\n`).join('');
        const wire = sent(body);
        expect(wire.endsWith('.\r\n')).toBe(true);
        const back = wire
          .slice(0, -3)
          .split('\r\n')
          .map((text) => text.replace(/^\./, ''))
          .join('\r\n');
        expect(back).toBe(body);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

test('isEightBit() finds one high byte wherever it is', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 40 }),
      fc.integer({ min: 0, max: 7 }),
      (bytes, offset) => {
        const body = bytes.subarray(Math.min(offset, bytes.length));
        expect(isEightBit(body)).toBe(body.some((byte) => byte > 127));
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});

test('isValidTlsName() takes names and addresses, not literals', () => {
  const names = ['mx.test', 'mx.test.', '127.0.0.1', '::1', '[127.0.0.1]', 'a b', '', '/run/x'];
  expect(names.map(isValidTlsName)).toEqual([true, true, true, true, false, false, false, false]);
});

describe('SmtpTranscript', () => {
  test('shows replies as they came, and gives each line once', () => {
    const transcript = new SmtpTranscript(new SystemClock());
    transcript.client('EHLO a');
    transcript.server(250, ['2.0.0 one', '2.0.0 two']);
    expect(transcript.take().map(({ who, text }) => `${who} ${text}`)).toEqual([
      'client EHLO a',
      'server 250-2.0.0 one',
      'server 250 2.0.0 two',
    ]);
    expect(transcript.take()).toEqual([]);
  });

  test('counts from the beginning of each attempt on a connection', async () => {
    const clock = new SimClock();
    const transcript = new SmtpTranscript(clock);
    await clock.advance(100);
    transcript.note('first');
    await clock.advance(5000);
    transcript.countFrom(clock.monotonic());
    await clock.advance(7);
    transcript.note('second');
    expect(transcript.take().map(({ atMs }) => atMs)).toEqual([100, 7]);
  });

  test('is bounded in lines and length, and says so', () => {
    const transcript = new SmtpTranscript(new SystemClock());
    transcript.client('x'.repeat(5000));
    for (let i = 0; i < 3000; i++) transcript.note(`line ${i}`);
    const lines = transcript.take();
    expect(lines[0]?.text).toMatch(/^x{2000}… \(5000 characters\)$/);
    expect(lines).toHaveLength(2001);
    expect(lines.at(-1)?.text).toBe('1001 more lines were not kept');
  });
});
