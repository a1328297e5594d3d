import { expect, test } from 'vitest';
import { jsonFloat } from '../../../engine/mail/json.ts';
import { differencesFrom } from '../../../engine/replay/expectation-check.ts';
import type { Found } from '../../../engine/replay/expectation-check.ts';
import { readExpectations, rowsOf } from '../../../engine/replay/expectation-file.ts';
import { junitXml } from '../../../engine/replay/junit.ts';
import { unifiedDiff } from '../../../engine/replay/text-diff.ts';

const FOUND: Found = {
  reply: { code: 550, text: '5.7.1 no' },
  state: 'rejected',
  queue: null,
  route: null,
  protocol: 'smtp',
  target: 'mx.example:25',
  maildir: null,
  captured: false,
  pool: 'p',
  source: 's',
  plan: ['mx.example:25'],
  meta: { tenant: 'acme', x_rate: jsonFloat(5) },
  headers: new Map([['X-Seen', 'yes']]),
  nextRetryMs: 1_200_000,
  nextRetry: '20 m',
};

test('a broken file is refused with its line', () => {
  const text =
    '{\n  "cases": [\n    { "name": "a", "message": {}, "expect": { "quue": "x" } }\n  ]\n}';
  expect(readExpectations(text)).toMatchObject({ ok: false, problem: { line: 3 } });
  expect(readExpectations('{\n "cases": [')).toMatchObject({ ok: false });
  expect(readExpectations('')).toMatchObject({ ok: false });
});

test('a table makes one case per row, and keeps the type of a value that stands alone', () => {
  const read = readExpectations(
    JSON.stringify({
      cases: [
        {
          name: 'a',
          message: { to: ['{{ user }}@x.example'] },
          expect: { reply: '{{ code }}' },
          table: [{ user: 'u', code: 250 }],
        },
      ],
    }),
  );
  const [row] = read.ok && read.cases[0] ? rowsOf(read.cases[0]) : [];
  expect(row).toEqual({
    label: 'user=u, code=250',
    message: { to: ['u@x.example'] },
    expect: { reply: 250 },
  });
});

test('what holds is silent: codes, globs, expressions, absence, spans', () => {
  const holds = {
    reply: 550,
    state: 'rejected',
    queue: null,
    target: 'mx.*:25',
    pool: '/^p$/',
    plan: ['mx.example:25'],
    meta: { tenant: 'a*', x_rate: 5 },
    headers: { 'x-seen': 'yes' },
    nextRetry: '20m',
  };
  expect(differencesFrom(holds, FOUND)).toEqual([]);
  expect(differencesFrom({ reply: '550 5.7.1*' }, FOUND)).toEqual([]);
  expect(differencesFrom({ reply: 250, queue: 'q', plan: [], nextRetry: '1m' }, FOUND)).toEqual([
    { field: 'reply', expected: '250', found: '550' },
    { field: 'queue', expected: 'q', found: 'none' },
    { field: 'plan', expected: '', found: 'mx.example:25' },
    { field: 'nextRetry', expected: '1m', found: '20 m' },
  ]);
});

test('JUnit counts failures and escapes what XML cannot hold', () => {
  const xml = junitXml([
    { file: 'a.json', name: 'holds', seconds: 0.1, failure: null },
    { file: 'a.json', name: 'a < b', seconds: 0.1, failure: 'queue "x"\u0000' },
  ]);
  expect(xml).toContain('<testsuite name="a.json" tests="2" failures="1"');
  expect(xml).toContain('name="a &lt; b"');
  expect(xml).toContain('message="queue &quot;x&quot;"');
});

test('unifiedDiff() shows what differs with a little around it', () => {
  expect(unifiedDiff('a\nb\nc\nd', 'a\nb\nX\nd')).toBe('@@ line 1 @@\n a\n b\n-c\n+X\n d');
});
