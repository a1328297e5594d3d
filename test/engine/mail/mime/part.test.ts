import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../engine/base/random.ts';
import { appendTextHtml, appendTextPlain } from '../../../../engine/mail/mime/append-text.ts';
import {
  boundarySource,
  buildContent,
  completeHeaders,
} from '../../../../engine/mail/mime/builder.ts';
import { mimeHeader } from '../../../../engine/mail/mime/headers.ts';
import { formatParameters, parseParameters } from '../../../../engine/mail/mime/parameters.ts';
import { MimePart } from '../../../../engine/mail/mime/part.ts';
import { rebuildMessage } from '../../../../engine/mail/mime/rebuild.ts';
import { simpleStructure } from '../../../../engine/mail/mime/structure.ts';

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'));
const rebuilt = (text: string): string =>
  rebuildMessage(MimePart.parse(Buffer.from(text)), () => 'new')
    .toBytes()
    .toString();

const MIXED = crlf(
  'From: a@shop.test\nSubject: =?utf-8?q?caf=C3=A9?=\nMime-Version: 1.0\n' +
    'Content-Type: multipart/mixed; boundary="fixedb"\n\n--fixedb\nContent-Type: text/plain\n\n' +
    'plain part\n--fixedb\nContent-Type: application/octet-stream; name="x.bin"\n' +
    'Content-Disposition: attachment; filename="x.bin"\nContent-Transfer-Encoding: base64\n\n' +
    'AAEC\n--fixedb--\n',
);

describe('MimePart', () => {
  test('reads text, attachments and headers', () => {
    const part = MimePart.parse(MIXED);
    const { textPart, htmlPart, attachments } = simpleStructure(part);
    expect(textPart?.body).toBe('plain part\r\n');
    expect(htmlPart).toBeNull();
    expect(attachments).toHaveLength(1);
    expect(attachments[0]).toMatchObject({
      fileName: 'x.bin',
      contentType: 'application/octet-stream',
      isInline: false,
    });
    expect(attachments[0]?.part.body).toEqual(Buffer.from([0, 1, 2]));
    expect(part.headers.first('subject')).toBe('café');
  });

  test('writes back what it read, byte for byte', () => {
    const odd = Buffer.from(
      'A: 1\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\nX: y\n\ntwo\n--b--\nepilogue',
    );
    expect(MimePart.parse(MIXED).toBytes().equals(MIXED)).toBe(true);
    expect(MimePart.parse(odd).toBytes().toString().replaceAll('\r\n', '\n')).toBe(odd.toString());
    for (const text of [
      '',
      'A: 1',
      'A: 1\r\n\r\n',
      '\r\nbody',
      'Content-Type: multipart/x\r\n\r\nz',
    ]) {
      const bytes = MimePart.parse(Buffer.from(text)).toBytes().toString();
      expect(bytes.startsWith(text)).toBe(true);
    }
  });

  test('decodes by charset and transfer encoding, and guesses when there is none', () => {
    const text = (head: string, body: Buffer): string =>
      MimePart.parse(Buffer.concat([crlf(head), body])).text;
    expect(text('Content-Type: text/plain; charset=iso-8859-1\n\n', Buffer.from([0xfc]))).toBe('ü');
    expect(text('\n', Buffer.from('ü'))).toBe('ü');
    expect(text('\n', Buffer.from([0xfc]))).toBe('ü');
    expect(text('Content-Transfer-Encoding: base64\n\n', Buffer.from('w7w=\r\n'))).toBe('ü');
  });

  test('an unclosed or missing boundary loses nothing', () => {
    const part = MimePart.parse(
      crlf('Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo'),
    );
    expect(part.parts.map((p) => p.text)).toEqual(['one\r\n', 'two']);
    const none = MimePart.parse(crlf('Content-Type: multipart/mixed; boundary=b\n\njust text'));
    expect(none.isMultipart).toBe(false);
    expect(Buffer.from(none.rawBody).toString()).toBe('just text');
  });
});

describe('appendTextPlain() and appendTextHtml()', () => {
  test('change only the part they are about', () => {
    expect(Buffer.from(appendTextPlain(MIXED, 'footer text') ?? '').toString()).toBe(
      MIXED.toString().replace(
        'Content-Type: text/plain\r\n\r\nplain part\r\n',
        'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\n\r\nplain part\r\n\r\nfooter text\r\n',
      ),
    );
    expect(appendTextHtml(MIXED, '<p>')).toBeUndefined();
  });

  test('HTML goes in front of the last </body>', () => {
    const html = crlf('Content-Type: text/html\n\n<body>a</body>\n');
    const result = MimePart.parse(appendTextHtml(html, '<i>x</i>') ?? Buffer.alloc(0));
    expect(result.text).toBe('<body>a\r\n<i>x</i></body>\r\n');
  });
});

describe('rebuildMessage()', () => {
  test('adds what a plain text lacks', () => {
    expect(rebuilt('From: <shop@store.test>\nTo: <u@dest.test>\nSubject: raw\n\nplain text')).toBe(
      'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\nFrom: <shop@store.test>\r\n' +
        'To: <u@dest.test>\r\nSubject: raw\r\nMime-Version: 1.0\r\n\r\nplain text\r\n',
    );
  });

  test('lone line feeds make it quoted-printable', () => {
    expect(rebuilt('Subject: s\n\nstatic {{ name }}\n')).toBe(
      'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\nContent-Transfer-Encoding: quoted-printable\r\n' +
        'Subject: s\r\nMime-Version: 1.0\r\n\r\nstatic {{ name }}=0A\r\n',
    );
  });

  test('canonicalises headers and encodes what is not ASCII', () => {
    const text = rebuilt(
      'From: Käse <k@x.test>\nTo: Ann <a@x.test>,\n b@x.test\nSubject:  two\n words ü\nX-Raw: ü\n\nü\r\n',
    );
    expect(text).toContain('From: =?UTF-8?q?K=C3=A4se?= <k@x.test>\r\n');
    expect(text).toContain('To: Ann <a@x.test>,\r\n\t<b@x.test>\r\n');
    expect(text).toContain('Subject: =?UTF-8?q?two_words_=C3=BC?=\r\n');
    expect(text).toContain('charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n');
    expect(text).toMatch(/\r\n\r\n=C3=BC\r\n$/);
  });

  test('keeps the shape of a multipart and never encodes an embedded message', () => {
    const source = crlf(
      'Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nSubject: s\n\n--b\n\nt\n' +
        '--b\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n--b\n' +
        'Content-Type: image/png; name=a.png\nContent-ID: <c>\nContent-Disposition: inline\n\nZZ\n--b--\n',
    );
    expect(rebuilt(source.toString())).toBe(
      crlf(
        'Content-Type: multipart/mixed;\n\tboundary="b"\nMime-Version: 1.0\nSubject: s\n\n--b\n' +
          'Content-Type: text/plain;\n\tcharset="us-ascii"\n\nt\n--b\n' +
          'Content-Type: message/rfc822\n\nSubject: in\n\nx\n--b\n' +
          'Content-Disposition: inline;\n\tfilename="a.png"\nContent-ID: <c>\n' +
          'Content-Type: image/png;\n\tname="a.png"\nContent-Transfer-Encoding: base64\n\n' +
          `${Buffer.from('ZZ\r\n').toString('base64')}\n--b--\n`,
      ).toString(),
    );
  });
});

describe('buildContent()', () => {
  const boundaries = (): { next(): string } => {
    let n = 0;
    return { next: () => `b${++n}` };
  };

  test('nests mixed, related and alternative as needed', () => {
    const message = buildContent(
      {
        text: 'plain',
        html: '<img src="cid:logo">',
        ampHtml: null,
        attachments: [
          {
            isInline: false,
            part: MimePart.binary('text/csv', Buffer.from('a,b\n1,2\n'), {
              fileName: 'table.csv',
              isInline: false,
              contentId: null,
            }),
          },
          {
            isInline: true,
            part: MimePart.binary('image/png', Buffer.from('iVBORw0KGgo=', 'base64'), {
              fileName: 'l.png',
              isInline: true,
              contentId: 'logo',
            }),
          },
        ],
      },
      boundaries(),
    );
    message.headers.append(mimeHeader('Subject', 'both'));
    completeHeaders(message, Date.UTC(2015, 0, 5));
    expect(message.toBytes().toString()).toBe(
      crlf(
        'Content-Type: multipart/mixed;\n\tboundary="b1"\nSubject: both\nMime-Version: 1.0\n' +
          'Date: Mon, 5 Jan 2015 00:00:00 +0000\n\n--b1\n' +
          'Content-Type: multipart/related;\n\tboundary="b2"\n\n--b2\n' +
          'Content-Type: multipart/alternative;\n\tboundary="b3"\n\n--b3\n' +
          'Content-Type: text/plain;\n\tcharset="us-ascii"\n\nplain\n--b3\n' +
          'Content-Type: text/html;\n\tcharset="us-ascii"\nContent-Transfer-Encoding: quoted-printable\n\n' +
          '<img src=3D"cid:logo">\n--b3--\n--b2\n' +
          'Content-Disposition: inline;\n\tfilename="l.png"\nContent-ID: <logo>\n' +
          'Content-Type: image/png;\n\tname="l.png"\nContent-Transfer-Encoding: base64\n\n' +
          'iVBORw0KGgo=\n--b2--\n--b1\n' +
          'Content-Disposition: attachment;\n\tfilename="table.csv"\n' +
          'Content-Type: text/csv;\n\tname="table.csv"\nContent-Transfer-Encoding: base64\n\n' +
          'YSxiCjEsMgo=\n--b1--\n',
      ).toString(),
    );
  });

  test('a single text needs no layers; order is text, amp, html', () => {
    const one = buildContent(
      { text: 'x', html: null, ampHtml: null, attachments: [] },
      boundaries(),
    );
    expect(one.contentType).toBe('text/plain');
    const three = buildContent(
      { text: 't', html: 'h', ampHtml: 'a', attachments: [] },
      boundaries(),
    );
    expect(three.parts.map((p) => p.contentType)).toEqual([
      'text/plain',
      'text/x-amp-html',
      'text/html',
    ]);
  });

  test('boundaries are 22 characters of base64, or numbered when they have to be stable', () => {
    expect(boundarySource(new SeededRandom(1)).next()).toMatch(/^[A-Za-z0-9+/]{22}$/);
    const stable = boundarySource('stable');
    expect([stable.next(), stable.next()]).toEqual(['ma-boundary-0', 'ma-boundary-1']);
  });
});

describe('parameters', () => {
  test.each([
    ['text/plain; charset=utf-8', 'text/plain', { charset: 'utf-8' }],
    ['Text/HTML ; CHARSET="a;b"; x=1', 'Text/HTML', { charset: 'a;b', x: '1' }],
    ["a/b; name*=UTF-8''%C3%BC.txt", 'a/b', { name: 'ü.txt' }],
    ["a/b; name*1*=b.txt; name*0*=UTF-8''%C3%BC", 'a/b', { name: 'üb.txt' }],
    ['a/b; name="=?utf-8?q?=C3=BC?="', 'a/b', { name: 'ü' }],
    ['a/b;\r\n\tname="x\\"y"', 'a/b', { name: 'x"y' }],
  ])('reads %s', (text, value, parameters) => {
    const parsed = parseParameters(text);
    expect(parsed.value).toBe(value);
    expect(Object.fromEntries(parsed.parameters)).toEqual(parameters);
  });

  test.each([['plain.txt'], ['ü.txt'], ['x"y\\z'], ['l'.repeat(200)], ['ü'.repeat(80)]])(
    'writes %s so that it reads back, sorted and folded',
    (name) => {
      const text = formatParameters({
        value: 'a/b',
        parameters: new Map([
          ['name', name],
          ['b', '1'],
        ]),
      });
      expect(text.startsWith('a/b;\r\n\tb="1";\r\n\t')).toBe(true);
      expect(Math.max(...text.split('\r\n').map((l) => l.length))).toBeLessThanOrEqual(100);
      expect(parseParameters(text).parameters.get('name')).toBe(name);
    },
  );
});
