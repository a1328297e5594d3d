import { expect, test } from 'vitest';
import { checkLinks } from '../../../../engine/inspect/checks/check-links.ts';
import { checkMessage } from '../../../../engine/inspect/checks/check-message.ts';

const link = (url: string, words = 'words', hasImage = false) => ({ url, words, hasImage });

test('checkLinks() finds what leads nowhere, misleads or cannot be reached', () => {
  const problems = (url: string, words?: string, hasImage?: boolean): readonly string[] =>
    checkLinks([link(url, words, hasImage)], [], new Set(['top'])).flatMap((each) => each.problems);
  expect(problems('https://shop.com/a?b=c')).toEqual([]);
  expect(problems('https://www.shop.com/x', 'shop.com')).toEqual([]);
  expect(problems('#top')).toEqual([]);
  expect(problems('mailto:a@b.test')).toEqual([]);
  expect(problems('tel:+491234')).toEqual([]);
  for (const [url, problem] of [
    ['', /href is empty/],
    ['#', /href is "#"/],
    ['#end', /named end/],
    ['/orders/1', /no scheme/],
    ['javascript:alert(1)', /scheme javascript:/],
    ['https://shop.com/{{ token }}', /placeholder/],
    ['https://shop.com/undefined', /placeholder/],
    ['http://shop.com', /not encrypted/],
    ['https://', /no valid address/],
    ['mailto:', /names no address/],
    ['http://localhost:3000/x', /localhost is not reachable/],
    ['https://10.0.0.7', /not reachable/],
    ['https://[fd00::1]/', /not reachable/],
    ['https://web/x', /not reachable/],
  ] as const)
    expect(problems(url).join(), url).toMatch(problem);
  expect(problems('https://evil.com', 'www.bank.com/login').join()).toMatch(
    /shows www.bank.com, leads to evil.com/,
  );
  expect(problems('https://shop.com', '').join()).toMatch(/sees nothing/);
  expect(problems('https://shop.com', '', true).join()).toMatch(/no alt text/);
  expect(
    checkLinks(
      [link('https://a.com'), link('https://a.com')],
      ['https://a.com', 'https://b.com'],
      new Set(),
    ),
  ).toMatchObject([
    { url: 'https://a.com', count: 2 },
    { url: 'https://b.com', count: 1, words: '' },
  ]);
});

function facts(headers: readonly string[], body = 'Hello\r\n'): string {
  const message = Buffer.from(`${headers.join('\r\n')}\r\n\r\n${body}`);
  return checkMessage(message)
    .facts.map(({ level, text }) => `${level}: ${text}`)
    .join('\n');
}

const FINE = [
  'From: a@b.com',
  'To: c@d.com',
  'Date: Wed, 25 Nov 2026 19:49:08 +0000',
  'Message-ID: <1@b.com>',
  'Subject: Hi',
];

test('checkMessage() finds nothing wrong with a plain message', () => {
  expect(facts(FINE)).toBe('');
});

test('checkMessage() names header fields that are missing, doubled, raw or not filled in', () => {
  const found = facts([
    'From: Müller <a@b.com>',
    'From: x@y.com',
    'Date: soon',
    'Subject: Hi {{ name }}',
  ]);
  for (const wanted of [
    /bad: From stands 2 times/,
    /bad: Date is no date: soon/,
    /bad: Subject: a placeholder/,
    /bad: From: not encoded/,
    /note: Message-ID is missing/,
    /note: To is missing/,
  ])
    expect(found).toMatch(wanted);
});

test('checkMessage() measures HTML, lines, pictures and the way to unsubscribe', () => {
  const html = [...FINE, 'Content-Type: text/html'];
  const big = facts(html, `<img src=a><script></script>${'<p>x</p>\r\n'.repeat(11_000)}`);
  expect(big).toMatch(/bad: HTML has \d+ KB: Gmail shows the first 102/);
  expect(big).toMatch(/bad: No text beside the HTML/);
  expect(big).toMatch(/bad: Clients take out <script>/);
  expect(big).toMatch(/note: 1 of 1 images without alt/);
  expect(facts(FINE, 'x'.repeat(999))).toMatch(/bad: A line has 999 bytes/);
  expect(facts(FINE, 'x'.repeat(998))).toBe('');
  const list = 'List-Unsubscribe: <https://b.com/u>';
  expect(facts([...FINE, list])).toMatch(/note: List-Unsubscribe without one click/);
  expect(facts([...FINE, list, 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'])).toBe(
    'good: List-Unsubscribe with one click',
  );
  expect(facts([...FINE, 'List-Unsubscribe: b.com'])).toMatch(/bad: List-Unsubscribe names no/);
});
