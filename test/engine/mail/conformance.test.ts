import { describe, expect, test } from 'vitest';
import {
  canonicalLineEnds,
  checkFixConformance,
  findIssues,
  parseConformanceFlags,
} from '../../../engine/mail/conformance.ts';
import type { ConformanceSettings } from '../../../engine/mail/conformance.ts';

const SETTINGS: ConformanceSettings = {
  messageId: 'id@host.test',
  dateMs: Date.UTC(2015, 0, 5),
  makeBoundary: () => 'b',
  detectEncoding: false,
  includeEncodings: [],
  excludeEncodings: [],
};

function run(
  message: string | Buffer,
  checks: string,
  fixes: string,
  more: Partial<ConformanceSettings> = {},
): { complaint: string | null; text: string } {
  const { complaint, data } = checkFixConformance(
    Buffer.from(message),
    parseConformanceFlags(checks),
    parseConformanceFlags(fixes),
    { ...SETTINGS, ...more },
  );
  return { complaint, text: Buffer.from(data).toString() };
}

const PLAIN = 'Subject: s\r\n\r\nx\r\n';

describe('findIssues()', () => {
  test.each([
    ['Date: d\r\nMessage-ID: <i>\r\nMime-Version: 1.0\r\n\r\nx\r\n', []],
    [PLAIN, ['MISSING_DATE_HEADER', 'MISSING_MESSAGE_ID_HEADER', 'MISSING_MIME_VERSION']],
    ['Date: d\nMessage-ID: <i>\r\nMime-Version: 1.0\r\n\r\nx', ['NON_CANONICAL_LINE_ENDINGS']],
    ['Date: d\r\nMessage-ID: <i>\r\nMime-Version: 1.0\r\nNope\r\n\r\nx', ['MISSING_COLON_VALUE']],
    [
      'Date : d\r\nMessage-ID: <i>\r\nMime-Version: 1.0\r\n\r\nü',
      ['NEEDS_TRANSFER_ENCODING', 'NAME_ENDS_WITH_SPACE'],
    ],
    [
      `Date: d\r\nMessage-ID: <i>\r\nMime-Version: 1.0\r\n\r\n${'x'.repeat(999)}\r\n`,
      ['LINE_TOO_LONG'],
    ],
    [
      'Date: d\r\nMessage-ID: <i>\r\nMime-Version: 1.0\r\nContent-Type: text\r\n\r\nx',
      ['INVALID_MIME_HEADERS'],
    ],
  ])('%j', (message, issues) => {
    expect([...findIssues(Buffer.from(message))].sort()).toEqual([...issues].sort());
  });
});

describe('checkFixConformance()', () => {
  test('reports what is checked for, in a fixed order, and changes nothing then', () => {
    expect(run(PLAIN, 'MISSING_MESSAGE_ID_HEADER|LINE_TOO_LONG|MISSING_DATE_HEADER', '')).toEqual({
      complaint: 'Message has conformance issues: MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER',
      text: PLAIN,
    });
    expect(run(PLAIN, 'LINE_TOO_LONG', '')).toEqual({ complaint: null, text: PLAIN });
  });

  test('adds missing fields', () => {
    const all = 'MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER|MISSING_MIME_VERSION';
    expect(run(PLAIN, all, all).text).toBe(
      'Subject: s\r\nMime-Version: 1.0\r\nDate: Mon, 5 Jan 2015 00:00:00 +0000\r\nMessage-ID: <id@host.test>\r\n\r\nx\r\n',
    );
  });

  test('encodes what needs it and repairs line ends', () => {
    const { text } = run(
      'Subject: ü\n\nü\n',
      '',
      'NEEDS_TRANSFER_ENCODING|NON_CANONICAL_LINE_ENDINGS',
    );
    expect(text).toContain('Subject: =?UTF-8?q?=C3=BC?=\r\n');
    expect(text).toContain('quoted-printable\r\n');
    expect(text).toMatch(/\r\n\r\n=C3=BC\r\n$/);
  });

  test('guesses a charset when asked to', () => {
    const latin = Buffer.from('Subject: s\r\n\r\n\xfc\r\n', 'latin1');
    const more = { detectEncoding: true, includeEncodings: ['iso-8859-1'] };
    expect(run(latin, '', 'NEEDS_TRANSFER_ENCODING', more).text).toContain('=C3=BC');
  });
});

test('parseConformanceFlags() refuses unknown names', () => {
  expect(parseConformanceFlags('')).toEqual(new Set());
  expect(() => parseConformanceFlags('LINE_TOO_LONG|NOPE')).toThrow("'NOPE'");
});

test('canonicalLineEnds() leaves CRLF alone', () => {
  expect(Buffer.from(canonicalLineEnds(Buffer.from('a\nb\rc\r\nd\r\r\n'))).toString()).toBe(
    'a\r\nb\r\nc\r\nd\r\n\r\n',
  );
});
