import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { htmlView, indexText, inspectMessage } from '../../../engine/inspect/inspect-message.ts';
import { htmlText } from '../../../engine/inspect/html-text.ts';
import { partByPath } from '../../../engine/inspect/display-parts.ts';
import { parseMimeTree } from '../../../engine/inspect/mime-tree.ts';
import { sampleMessages } from '../../support/sample-messages.ts';
import { decodedBytes, decodedLength } from '../../../engine/inspect/part-content.ts';

function mail(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'));
}

const PNG = 'iVBORw0KGgoAAAANSUhEUg==';

const RICH = mail(
  'From: =?utf-8?q?J=C3=BCrgen?= <j@x.test>',
  'To: a@y.test,',
  ' b@y.test',
  'Subject: =?utf-8?b?R3LDvMOfZQ==?=',
  'Message-ID: <1@x.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="outer"',
  '',
  'preamble',
  '--outer',
  'Content-Type: multipart/related; boundary=inner',
  '',
  '--inner',
  'Content-Type: multipart/alternative; boundary="alt 1"',
  '',
  '--alt 1',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=FC=DFe, a soft =',
  'line',
  '--alt 1',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Grüße</p><img src="cid:logo@x"><img src="https://track.test/p.gif">',
  '--alt 1--',
  '--inner',
  'Content-Type: image/png',
  'Content-ID: <logo@x>',
  'Content-Transfer-Encoding: base64',
  '',
  PNG,
  '--inner--',
  '--outer',
  `Content-Type: application/pdf`,
  "Content-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht%2F..%2Fx.pdf",
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: inside',
  '',
  'embedded',
  '--outer--',
  'epilogue',
  '',
);

test('inspectMessage() shows header, tree, text and attachments', () => {
  const seen = inspectMessage(RICH);
  expect(seen.subject).toBe('Grüße');
  expect(seen.messageId).toBe('<1@x.test>');
  expect(seen.headers[0]).toEqual({
    name: 'From',
    raw: '=?utf-8?q?J=C3=BCrgen?= <j@x.test>',
    decoded: 'Jürgen <j@x.test>',
  });
  expect(seen.headers[1]).toMatchObject({
    raw: 'a@y.test,\r\n b@y.test',
    decoded: 'a@y.test, b@y.test',
  });
  expect(
    seen.parts.map((part) => [part.path, part.depth, part.contentType, part.decodedBytes]),
  ).toEqual([
    ['1', 0, 'multipart/mixed', expect.any(Number)],
    ['1.1', 1, 'multipart/related', expect.any(Number)],
    ['1.1.1', 2, 'multipart/alternative', expect.any(Number)],
    ['1.1.1.1', 3, 'text/plain', 18],
    ['1.1.1.2', 3, 'text/html', 72],
    ['1.1.2', 2, 'image/png', 16],
    ['1.2', 1, 'application/pdf', 3],
    ['1.3', 1, 'message/rfc822', 27],
    ['1.3.1', 2, 'text/plain', 8],
  ]);
  expect(seen.text).toBe('Grüße, a soft line');
  expect([seen.hasHtml, seen.isTextCut, seen.problems]).toEqual([true, false, []]);
  expect(seen.attachments).toEqual([
    { path: '1.2', filename: 'Übersicht_.._x.pdf', contentType: 'application/pdf', sizeBytes: 3 },
    { path: '1.3', filename: 'part-1.3.eml', contentType: 'message/rfc822', sizeBytes: 27 },
  ]);
  expect(seen.remoteContent).toEqual([{ host: 'track.test', count: 1 }]);
});

test('parts are found by path and decode to their bytes', () => {
  const { root } = parseMimeTree(RICH);
  const bytes = (path: string): Buffer => {
    const node = partByPath(root, path);
    return Buffer.from(node ? decodedBytes(RICH, node) : []);
  };
  expect(bytes('1.2')).toEqual(Buffer.from([0, 1, 2]));
  expect(bytes('1.1.2')).toEqual(Buffer.from(PNG, 'base64'));
  expect(bytes('1.3').toString()).toBe('Subject: inside\r\n\r\nembedded');
  expect(partByPath(root, '1.9')).toBeNull();
});

test('htmlView() resolves inline images and blocks what is remote until it is open', () => {
  const closed = htmlView(RICH, { allowedHosts: null, isWhole: false });
  expect(closed.html).toContain(`<img src="data:image/png;base64,${PNG}" />`);
  expect(closed.html).toContain('<p>Grüße</p>');
  expect(closed.html).not.toContain('track.test');
  const open = htmlView(RICH, { allowedHosts: ['TRACK.test'], isWhole: false });
  expect(open.html).toContain('https://track.test/p.gif');
  const text = htmlView(mail('Subject: x', '', 'a <b> & c'), {
    allowedHosts: null,
    isWhole: false,
  });
  expect(text).toMatchObject({ isText: true, remoteContent: [] });
  expect(text.html).toContain('a &#60;b&#62; &#38; c');
});

test('indexText() takes the text, or the words of the HTML', () => {
  expect(indexText(RICH)).toEqual({
    from: 'Jürgen <j@x.test>',
    to: 'a@y.test, b@y.test ',
    subject: 'Grüße',
    body: 'Grüße, a soft line',
    hasAttachment: true,
  });
  const html = mail(
    'Content-Type: text/html; charset=utf-8',
    '',
    '<head><style>p{}</style><title>t</title></head><p>One</p><p>T&uuml;r &#x20AC;&#33;</p><script>x()</script>',
  );
  expect(indexText(html).body).toBe('One Tür €!');
  expect(htmlText('a<br>b&nbsp;c &bogus; <!-- no --> d')).toBe('a b c &bogus; d');
});

test.each([
  ['nothing', '', []],
  ['no header', '\r\nbody', []],
  ['no boundary parameter', 'Content-Type: multipart/mixed\r\n\r\nx', [/names no boundary/]],
  [
    'a boundary that does not occur',
    'Content-Type: multipart/mixed; boundary=a\r\n\r\nx',
    [/does not occur/],
  ],
  [
    'no last boundary',
    'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx',
    [/last boundary is missing/],
  ],
  ['nonsense types', 'Content-Type: ;;;=\r\nContent-Disposition: =?\r\n\r\nx', []],
  ['an unknown charset', 'Content-Type: text/plain; charset=klingon\r\n\r\ncaf\u00e9', []],
  ['broken base64', 'Content-Transfer-Encoding: base64\r\n\r\n!!!!=AA', []],
  ['a line without colon', 'hello\r\nSubject: x\r\n\r\n', []],
])('inspectMessage() takes %s', (_, text, problems) => {
  const seen = inspectMessage(Buffer.from(text));
  expect(seen.problems).toHaveLength(problems.length);
  problems.forEach((problem, i) => expect(seen.problems[i]).toMatch(problem));
});

test('bombs are bounded: nesting, parts, fields, boundaries', () => {
  const nested = Array.from({ length: 200 }, (_, i) =>
    mail(`Content-Type: multipart/mixed; boundary=b${i}`, '', `--b${i}`, ''),
  );
  const deep = inspectMessage(Buffer.concat(nested));
  expect(deep.parts.length).toBeLessThan(40);
  expect(deep.problems.join()).toMatch(/nested deeper than 32/);

  const wide = Buffer.concat([
    mail('Content-Type: multipart/mixed; boundary=b', '', ''),
    Buffer.from('--b\r\n\r\nx\r\n'.repeat(5_000)),
  ]);
  const flat = inspectMessage(wide);
  expect(flat.parts).toHaveLength(1_000);
  expect(flat.problems.join()).toMatch(/after the 1000th/);

  const fields = inspectMessage(
    Buffer.from(`${'X: y\r\n'.repeat(20_000)}Subject: late\r\n\r\nbody`),
  );
  expect(fields.headers).toHaveLength(1_000);
  expect(fields.problems.join()).toMatch(/19001 more header fields/);

  const long = inspectMessage(Buffer.from(`Subject: ${'x'.repeat(1_000_000)}\r\n\r\nbody`));
  expect(long.problems.join()).toMatch(/header is longer than/);
  expect(long.text).toBe('body');

  // Each level repeats the outer boundary without end.
  const same = Buffer.from(
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--bx\r\n'.repeat(40) +
      '--bx\r\n'.repeat(200_000),
  );
  expect(inspectMessage(same).parts.length).toBeLessThan(50);
});

test('HTML made to be slow is cut, and says so', () => {
  const html = (text: string): Buffer => mail('Content-Type: text/html', '', text);
  const size = 400_000;
  const slow = [
    ...['<div>', '<', '<a b=c>', '<!--', '<p style="x:url(', '<style>', '<style>url(', '/*'],
    ...['<style>@import', '<img srcset="a b,', '&amp;', '<script', '<a ', '"', ' '],
  ];
  for (const piece of slow) {
    const data = html(piece.repeat(size / piece.length));
    htmlView(data, { allowedHosts: null, isWhole: false });
    indexText(data);
  }
  const deep = htmlView(html('<b>'.repeat(60_000)), { allowedHosts: null, isWhole: false });
  expect(deep.isCut).toBe(true);
  expect(htmlView(html('<b>x'), { allowedHosts: null, isWhole: false }).isCut).toBe(false);
});

test('a message of 20 MB is inspected without decoding its attachment', () => {
  const base64 = `${'A'.repeat(76)}\r\n`.repeat(260_000);
  const data = Buffer.concat([
    mail('Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'hello', '--b', ''),
    mail(
      'Content-Type: application/zip; name=big.zip',
      'Content-Transfer-Encoding: base64',
      '',
      '',
    ),
    Buffer.from(base64),
    mail('--b--', ''),
  ]);
  expect(data.byteLength).toBeGreaterThan(20_000_000);
  const seen = inspectMessage(data);
  expect(seen.text).toBe('hello');
  expect(seen.attachments).toEqual([
    { path: '1.2', filename: 'big.zip', contentType: 'application/zip', sizeBytes: 260_000 * 57 },
  ]);
});

test('inspectMessage() never throws', () => {
  const piece = fc.constantFrom(
    ...['Content-Type: multipart/mixed; boundary=b\r\n', '\r\n', '--b', '--b--', '\n', '--'],
    ...['Content-Type: text/html\r\n', '<p style="x:url(', '=?utf-8?q?', '=FC', '\u0000', 'é'],
    ...['Content-Transfer-Encoding: base64\r\n', 'Content-Transfer-Encoding: quoted-printable\r\n'],
    ...['Content-Type: message/rfc822\r\n', 'Content-Disposition: attachment; filename*0*=a\r\n'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const data = Buffer.from(pieces.join(''));
      const seen = inspectMessage(data);
      htmlView(data, { allowedHosts: null, isWhole: true });
      indexText(data);
      const { root } = parseMimeTree(data);
      for (const { path } of seen.parts) {
        const node = partByPath(root, path);
        if (!node) throw new Error(`part ${path} is listed and not found`);
        expect(decodedLength(data, node)).toBeGreaterThanOrEqual(0);
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});

test('subjects, texts and attachments are those that mailparser reads', async () => {
  const flat = (text: string | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim();
  for (const { name, bytes } of await sampleMessages()) {
    const theirs = await simpleParser(bytes, { skipHtmlToText: true, skipTextToHtml: true });
    const ours = inspectMessage(bytes);
    // Bytes of no charset are Latin-1 to us and lost to mailparser.
    const isLost = theirs.subject?.includes('\ufffd') ?? false;
    if (!isLost) expect(flat(ours.subject), name).toBe(flat(theirs.subject));
    expect(ours.hasHtml, name).toBe(typeof theirs.html === 'string');
    if (ours.text !== null) expect(flat(theirs.text), name).toContain(flat(ours.text));
    const names = theirs.attachments.filter((part) => !part.related).map((part) => part.filename);
    const known = names.filter((filename) => filename !== undefined);
    expect(
      ours.attachments.map((part) => part.filename),
      name,
    ).toEqual(expect.arrayContaining(known));
  }
});
