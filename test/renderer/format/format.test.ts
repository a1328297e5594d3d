/** Words and numbers as the window writes them. */
import { expect, test } from 'vitest';
import { curlCommand } from '../../../renderer/format/curl.ts';
import { cutAddress } from '../../../renderer/format/cut-address.ts';
import { countdown, duration } from '../../../renderer/format/duration.ts';
import { headerAddresses } from '../../../renderer/format/header-address.ts';
import { jsonLines } from '../../../renderer/format/json-lines.ts';
import { isLoopback } from '../../../renderer/format/loopback.ts';
import { scheduledQueueName } from '../../../renderer/format/queue-name.ts';
import { count, size } from '../../../renderer/format/size.ts';
import { raisedPieces } from '../../../renderer/format/superscript.ts';

test('duration() says two units at most', () => {
  const cases: readonly [number, string][] = [
    [0.4, '0.4 ms'],
    [14.6, '14.6 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [4800, '4.8 s'],
    [41_000, '41 s'],
    [59_999, '1 m'],
    [1_212_000, '20 m 12 s'],
    [4_920_000, '1 h 22 m'],
    [604_800_000, '7 d'],
    [-1000, '−1 s'],
  ];
  expect(cases.map(([ms]) => duration(ms))).toEqual(cases.map(([, text]) => text));
});

test('countdown() is tabular up to two days', () => {
  expect([999, 1000, 41_000, 4_340_000, 3 * 86_400_000].map(countdown)).toEqual([
    'now',
    '00:01',
    '00:41',
    '1:12:20',
    '3 d',
  ]);
});

test('size() counts in thousands', () => {
  expect([0, 612, 4200, 14_218, 99_960, 999_960, 20_000_000, 1.5e9].map(size)).toEqual([
    '0 B',
    '612 B',
    '4.2 KB',
    '14.2 KB',
    '100 KB',
    '1.0 MB',
    '20 MB',
    '1.5 GB',
  ]);
  expect(count({ value: 10_000, isExact: false })).toBe('10,000+');
});

test('cutAddress() cuts the local part, then the domain, and drops neither beginning', () => {
  const width = (text: string): number => text.length * 10;
  const cut = (address: string, room: number): string => {
    const { local, domain } = cutAddress(address, room, width);
    expect(width(local + domain)).toBeLessThanOrEqual(room);
    return `${local}|${domain}`;
  };
  expect(cut('ada@example.com', 150)).toBe('ada|@example.com');
  expect(cut('grace.hopper.holm@example.com', 200)).toBe('grace.h…|@example.com');
  expect(cut('marta.k@gmail-like.example.net', 200)).toBe('marta.k|@gmail-like.…');
  expect(cut('grace.hopper.holm@a-very-long-host.example', 200)).toBe('grace.…|@a-very-long…');
  expect(cut('noreply@app.example.com', 90)).toBe('noreply|@…');
  expect(cut('a-word-that-is-no-address', 100)).toBe('a-word-th…|');
});

test('scheduledQueueName() keeps the domain bright', () => {
  expect(scheduledQueueName('receipts:acme@example.com!smarthost.example.net')).toEqual({
    before: 'receipts:acme@',
    main: 'example.com',
    after: '!smarthost.example.net',
  });
  expect(scheduledQueueName('null')).toEqual({ before: '', main: 'null', after: '' });
});

test('raisedPieces() splits the exponent off', () => {
  expect(raisedPieces('20 m × 2¹⁰ + 12 s jitter')).toEqual([
    { text: '20 m × 2', isRaised: false },
    { text: '10', isRaised: true },
    { text: ' + 12 s jitter', isRaised: false },
  ]);
});

test('headerAddresses() takes names, quoted commas and bare addresses apart', () => {
  expect(headerAddresses('"Holm, Grace" <grace@example.com>, ada@example.com')).toEqual([
    { name: 'Holm, Grace', address: 'grace@example.com' },
    { name: '', address: 'ada@example.com' },
  ]);
});

test('isLoopback() knows this machine and nothing else', () => {
  const here = ['localhost:3000', '127.0.0.1', '127.1.2.3:80', '[::1]:8080', 'app.localhost'];
  const elsewhere = ['127.0.0.1.example.com', 'localhost.example.com', '10.0.0.1', 'mylocalhost'];
  expect(here.map(isLoopback)).toEqual(here.map(() => true));
  expect(elsewhere.map(isLoopback)).toEqual(elsewhere.map(() => false));
});

test('jsonLines() lays a record out and keeps small objects on their line', () => {
  const text = jsonLines(
    '{"type":"Delivery","meta":{"tenant":"acme"},"response":{"code":250,"content":"OK","command":null}}',
  )
    .map((line) => line.map((piece) => piece.text).join(''))
    .join('\n');
  expect(text).toBe(
    [
      '{',
      '  "type": "Delivery",',
      '  "meta": { "tenant": "acme" },',
      '  "response": {',
      '    "code": 250,',
      '    "content": "OK",',
      '    "command": null',
      '  }',
      '}',
    ].join('\n'),
  );
});

test('curlCommand() quotes for a shell and ends its document with a word no line is', () => {
  const command = curlCommand(
    '127.0.0.1:1025',
    "o'brien@example.com",
    'a@b.c',
    'Subject: x\r\n\r\nEML\r\n',
  );
  expect(command).toContain(String.raw`--mail-from 'o'\''brien@example.com'`);
  expect(command.endsWith("<<'EML_'\nSubject: x\n\nEML\nEML_")).toBe(true);
});
