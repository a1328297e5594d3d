import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FilterError } from '../../../engine/search/filter-query.ts';
import { parseFilter } from '../../../engine/search/parse-filter.ts';
import { containsPhrase, wordsOf } from '../../../engine/search/tokens.ts';
import { NOON_MS } from '../../support/store-fixtures.ts';

function terms(filter: string): unknown[] {
  return parseFilter(filter, NOON_MS).terms.map((term) => {
    const { isNegated, ...rest } = term;
    return isNegated ? { not: rest } : rest;
  });
}

function words(field: string, text: string, isPrefix: boolean): object {
  return { kind: 'text', field, phrase: { words: text.split(' '), isPrefix } };
}

test('parseFilter() reads every kind of term', () => {
  expect(
    terms(
      'from:alice@x.test to:@gmail.com rcpt:bob subject:"Your Order" body:invoice ' +
        'code:4xx,55x,250 state:deferred,EXPIRED route:sg queue:acme@* has:attachment is:tls is:auth',
    ),
  ).toEqual([
    words('from', 'alice qatq x test', true),
    words('to', 'qatq gmail com', true),
    words('rcpt', 'bob', true),
    words('subject', 'your order', false),
    words('body', 'invoice', true),
    {
      kind: 'code',
      ranges: [
        [400, 499],
        [550, 559],
        [250, 250],
      ],
    },
    { kind: 'state', states: ['deferred', 'expired'] },
    { kind: 'route', pattern: 'sg' },
    { kind: 'queue', pattern: 'acme@*' },
    { kind: 'flag', flag: 'attachment' },
    { kind: 'flag', flag: 'tls' },
    { kind: 'flag', flag: 'auth' },
  ]);
});

test('bare words, phrases and negation', () => {
  expect(terms('  hello "two words" -state:null -"no way" -bad x http://a.test/b \t')).toEqual([
    words('any', 'hello', true),
    words('any', 'two words', false),
    { not: { kind: 'state', states: ['null'] } },
    { not: words('any', 'no way', false) },
    { not: words('any', 'bad', true) },
    words('any', 'x', false),
    words('any', 'http a test b', false),
  ]);
  expect(terms('')).toEqual([]);
  expect(terms('... "" ,')).toEqual([]);
  expect(terms('subject:"a \\"quoted\\" word"')).toEqual([
    words('subject', 'a quoted word', false),
  ]);
  expect(terms('from:<> from:""')).toEqual([{ kind: 'nullSender' }, { kind: 'nullSender' }]);
  expect(terms('to:alice@')).toEqual([words('to', 'alice qatq', false)]);
});

test('before: and after: take days, moments and times ago', () => {
  const day = (offset: number): number => new Date(2026, 2, 14 + offset).getTime();
  expect(terms('before:2026-03-14 after:2026-03-14')).toEqual([
    { kind: 'time', sinceMs: null, beforeMs: day(0) },
    { kind: 'time', sinceMs: day(1), beforeMs: null },
  ]);
  expect(terms('after:2h after:7d before:now')).toEqual([
    { kind: 'time', sinceMs: NOON_MS - 7_200_000, beforeMs: null },
    { kind: 'time', sinceMs: NOON_MS - 7 * 86_400_000, beforeMs: null },
    { kind: 'time', sinceMs: null, beforeMs: NOON_MS },
  ]);
  expect(terms('after:2026-03-14T09:30:00Z')).toEqual([
    { kind: 'time', sinceMs: Date.UTC(2026, 2, 14, 9, 30), beforeMs: null },
  ]);
  const noon = new Date(NOON_MS);
  const today = new Date(noon.getFullYear(), noon.getMonth(), noon.getDate()).getTime();
  expect(terms('before:today')).toEqual([{ kind: 'time', sinceMs: null, beforeMs: today }]);
});

test.each([
  [
    'form:alice',
    0,
    5,
    /unknown field "form:", expected from, to,.* quote it: "form:alice"/,
    'from:',
  ],
  ['a -stat:null', 3, 5, /unknown field "stat:"/, 'state:'],
  ['state:defered', 6, 7, /"defered" after "state:", expected a state: queued, /, 'state:deferred'],
  ['state:', 0, 6, /found nothing after "state:"/, null],
  ['x code:9xx', 7, 3, /found "9xx", expected a reply code such as 550, 4xx or 45x/, 'code:4xx'],
  ['code:45', 5, 2, /found "45", expected a reply code/, 'code:2xx'],
  ['is:deferred', 3, 8, /found the state "deferred" after "is:"/, 'state:deferred'],
  ['has:attachments', 4, 11, /expected what a message has: attachment/, 'has:attachment'],
  [
    'before:tomorow',
    7,
    7,
    /found "tomorow", expected a time such as 2026-03-14/,
    'before:2026-03-14',
  ],
  ['after:2026-02-30', 6, 10, /expected a time/, 'after:2h'],
  ['queue:', 0, 6, /found nothing after "queue:", expected the name of a queue/, null],
  ['to:--', 3, 2, /found "--", expected words or an address/, null],
  ['subject:"open', 8, 5, /quote that is not closed/, null],
  ['a - b', 2, 1, /"-" alone/, null],
])('parseFilter() explains %j', (filter, position, length, message, suggestion) => {
  let error: unknown;
  try {
    parseFilter(filter, NOON_MS);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(FilterError);
  const { message: text, suggestions, ...place } = error as FilterError;
  expect(text).toMatch(message);
  expect(text).not.toMatch(/\.$/);
  expect([place.position, place.length]).toEqual([position, length]);
  if (suggestion !== null) expect(suggestions).toContain(suggestion);
});

test('parseFilter() answers or refuses whatever is typed', () => {
  const typed = fc.string({ unit: fc.constantFrom(...'ab:"-\\ <>@*,.5x\t'.split('')) });
  fc.assert(
    fc.property(typed, (filter) => {
      try {
        parseFilter(filter, NOON_MS);
      } catch (thrown) {
        const { position, length } = thrown as FilterError;
        expect(thrown).toBeInstanceOf(FilterError);
        expect(position + length).toBeLessThanOrEqual(filter.length);
        expect(length).toBeGreaterThan(0);
      }
    }),
    { seed: 3, numRuns: 2_000 },
  );
});

test('wordsOf() splits addresses, accents and scripts without spaces', () => {
  expect(wordsOf('Alice.B@Example.COM')).toEqual(['alice', 'b', 'qatq', 'example', 'com']);
  expect(wordsOf('Crème brûlée ﬁne STRASSE')).toEqual(['creme', 'brulee', 'fine', 'strasse']);
  expect(wordsOf('注文2026年')).toEqual(['注', '文', '2026', '年']);
  expect(wordsOf('x'.repeat(100))).toEqual(['x'.repeat(40)]);
});

test('containsPhrase() wants the words in order', () => {
  const text = wordsOf('alice@example.com');
  const has = (wanted: string, isPrefix = false): boolean =>
    containsPhrase(text, { words: wordsOf(wanted), isPrefix });
  expect([has('alice@example.com'), has('@example'), has('@exam', true)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([has('@exam'), has('com alice'), has('alice com'), has('lice')]).toEqual([
    ...[false, false, false, false],
  ]);
});
