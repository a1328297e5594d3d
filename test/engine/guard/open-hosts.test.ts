/** What may be written as an open host. */
import { expect, test } from 'vitest';
import { parseOpenRule } from '../../../engine/guard/open-hosts.ts';

test('parseOpenRule() takes names, addresses and networks', () => {
  const good = [
    '*',
    'mx.example.net',
    '*.example.net',
    'bücher.example',
    'my_host:25',
    '10.0.0.0/8',
  ];
  for (const text of [...good, '::1', '192.0.2.1']) expect(parseOpenRule(text).text).toBe(text);
});

test('parseOpenRule() refuses what is no host, with a sentence', () => {
  for (const text of ['bad host!!', 'host!!', 'a@b.test', '', 'x.*.test']) {
    expect(() => parseOpenRule(text)).toThrow(
      `Cannot open host: found "${text}", expected a name, *.name, an address or a network`,
    );
  }
});
