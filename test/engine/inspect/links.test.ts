import { expect, test } from 'vitest';
import { linksOfHtml, linksOfText } from '../../../engine/inspect/links.ts';
import { messageContent } from '../../../engine/inspect/message-content.ts';

test('linksOfHtml() tells address, words and pictures of each link', () => {
  const html =
    '<p><a href=" https://a.test/?a=1&amp;b=2 ">View\n <b>order</b></a><a name=x>no link</a>' +
    '<a href="#top"><img src=x alt="Logo"></a><map><area href="/m"></map><a href="https://open.test">never closed';
  expect(linksOfHtml(html)).toEqual([
    { url: 'https://a.test/?a=1&b=2', words: 'View order', hasImage: false },
    { url: '#top', words: 'Logo', hasImage: true },
    { url: '/m', words: '', hasImage: false },
    { url: 'https://open.test', words: 'never closed', hasImage: false },
  ]);
});

test('linksOfText() leaves the punctuation of the sentence', () => {
  const text =
    'See https://a.test/x?y=1, (or http://b.test/z) <https://c.test> and HTTPS://D.test/a_(b).';
  expect(linksOfText(text)).toEqual([
    'https://a.test/x?y=1',
    'http://b.test/z',
    'https://c.test',
    'HTTPS://D.test/a_(b)',
  ]);
});

test('messageContent() gives text and HTML as sent, and each link once', () => {
  const message = Buffer.from(
    'Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nGo to https://a.test\r\n--b\r\n' +
      'Content-Type: text/html\r\n\r\n<script>1</script><a href="https://a.test">x</a>\r\n--b--\r\n',
  );
  expect(messageContent(message)).toEqual({
    text: 'Go to https://a.test',
    html: '<script>1</script><a href="https://a.test">x</a>',
    links: ['https://a.test'],
  });
});
