/** Pure pieces of the screens: columns, the strips' axis, filter words, keys, recycled elements. */
import { expect, test } from 'vitest';
import { ACTIONS } from '../../renderer/actions.ts';
import { tokenFromText } from '../../renderer/connection/token.ts';
import { KeySequence, keyCaps } from '../../renderer/keys.ts';
import { RowSlots } from '../../renderer/parts/row-slots.ts';
import {
  completions,
  filterPieces,
  isUnfinished,
  wordAt,
} from '../../renderer/screens/frame/filter-keys.ts';
import { layOutColumns } from '../../renderer/screens/mail/columns.ts';
import { findActions } from '../../renderer/screens/palette/find-actions.ts';
import { rankGroups } from '../../renderer/screens/palette/rank-groups.ts';
import { axisOf, fittingSpan, percentAt } from '../../renderer/screens/queues/axis.ts';
import { stripMarks } from '../../renderer/screens/queues/marks.ts';

test('columns leave in order as room gets short, and what is left fits', () => {
  const at = (width: number) => layOutColumns(width, []);
  expect(at(1248).columns).toContain('size');
  expect(at(690).columns).not.toContain('route');
  expect(at(690).columns).toContain('marks');
  expect(at(600).columns).toEqual(['state', 'time', 'code', 'to', 'subject', 'tries']);
  expect(at(372).columns).toEqual(['state', 'time', 'code', 'to', 'subject']);
  for (let width = 372; width < 1600; width += 7) {
    const { template, columns } = at(width);
    const used = template.split(' ').reduce((sum, each) => sum + parseInt(each, 10), 0);
    expect(used + 24 + 7 * (columns.length - 1)).toBeLessThanOrEqual(width);
  }
  expect(layOutColumns(1248, ['from']).columns).not.toContain('arrow');
});

test('the axis holds every mark, with whole ticks', () => {
  const nowMs = Date.UTC(2026, 10, 22, 12, 24, 3);
  const hour = 3_600_000;
  const message = {
    createdMs: nowMs - hour,
    expiresMs: nowMs + 3 * hour,
    predicted: [{ atMs: nowMs + 2 * hour, expires: true, arithmetic: '' }],
  };
  const axis = axisOf([message], nowMs, 'all', 800);
  for (const ms of [message.createdMs, message.expiresMs, nowMs]) {
    expect(percentAt(axis, ms)).not.toBeNull();
  }
  expect(axis.ticks.length).toBeGreaterThan(2);
  expect(axis.ticks.every((tick) => tick % (30 * 60_000) === 0)).toBe(true);
  const close = axisOf([message], nowMs, '1h', 800);
  expect(close.toMs - close.fromMs).toBe(hour);
  expect(percentAt(close, message.expiresMs)).toBeNull();
  expect(fittingSpan([message], nowMs)).toBe('all');
  expect(fittingSpan([{ ...message, expiresMs: nowMs + 168 * hour }], nowMs)).toBe('1d');
});

test('stripMarks() counts attempts on from those made and names the last one', () => {
  const past = [{ atMs: 0, outcome: 'deferred' as const, text: '451 later' }];
  const predicted = [
    { atMs: 60_000, expires: false, arithmetic: '1 m × 2⁰' },
    { atMs: 180_000, expires: true, arithmetic: '1 m × 2¹' },
  ];
  const marks = stripMarks(past, predicted, 30_000);
  expect(marks.map(({ kind }) => kind)).toEqual(['deferred', 'next', 'predicted']);
  expect(marks[2]?.title).toMatch(/^Attempt 3 at/);
  expect(marks[2]?.text).toContain('expires if this one fails');
});

test('completions() offers keys, then values, and keeps a minus', () => {
  expect(completions('st', {}).map(({ text }) => text)).toEqual(['state:']);
  expect(completions('-state:de', {}).map(({ text }) => text)).toEqual([
    '-state:deferred',
    '-state:delivered',
  ]);
  expect(completions('route:', { route: ['sg smart', 'maildir'] }).map(({ text }) => text)).toEqual(
    ['route:"sg smart"', 'route:maildir'],
  );
  const unfinished = ['state:', 'a code:', '"your order', '-'].map(isUnfinished);
  expect(unfinished).toEqual([true, true, true, true]);
  expect(['state:x', 'a:b:c', 'ends -x', ''].map(isUnfinished)).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(wordAt('a code:4xx b', 5)).toEqual({ start: 2, end: 10, word: 'code:4xx' });
  expect(filterPieces('code:4xx http://x').map(({ isToken }) => isToken)).toEqual([
    true,
    false,
    false,
  ]);
});

test('keys: sequences wait a moment, caps are written as on a keyboard', () => {
  const keys = new KeySequence();
  expect(keys.add('g', 0)).toBe('g');
  keys.keep('g', 0);
  expect(keys.add('m', 500)).toBe('g m');
  expect(keys.add('m', 5000)).toBe('m');
  expect(keyCaps('Mod+K')).toEqual(['Ctrl', 'K']);
  expect(keyCaps('g m')).toEqual(['g', 'm']);
});

test('no key means two things in one place', () => {
  const seen = new Map<string, string>();
  const clashes: string[] = [];
  for (const { id, keys, screens, lists } of ACTIONS) {
    const places = lists ?? screens ?? ['mail', 'maildir', 'queues', 'log'];
    // A list stands on one screen; `scheduled` and `messages` stand on Queues.
    const screensOf = new Set(
      places.map((place) => (/scheduled|messages/.test(place) ? 'queues' : place)),
    );
    for (const key of keys ?? []) {
      for (const place of screensOf) {
        const before = seen.get(`${place} ${key}`);
        if (before !== undefined) clashes.push(`${place} ${key}: ${before} and ${id}`);
        seen.set(`${place} ${key}`, id);
      }
    }
  }
  expect(clashes).toEqual([]);
  expect(new Set(ACTIONS.map(({ id }) => id)).size).toBe(ACTIONS.length);
});

test('findActions() puts beginnings first and marks what matched', () => {
  const found = findActions(ACTIONS, 'co');
  expect(found[0]?.action.label.toLowerCase().startsWith('co')).toBe(true);
  expect(found[0]?.pieces.find(({ isMatch }) => isMatch)?.text.toLowerCase()).toBe('co');
  expect(findActions(ACTIONS, 'no such thing')).toEqual([]);
});

test('rankGroups() puts what can run first, then the best match, and keeps groups together', () => {
  const entry = (group: string, score: number, refusal: string | null = null) => ({
    ...{ group, score, refusal },
  });
  const ranked = rankGroups([
    entry('This message', 4, 'No message is chosen'),
    entry('This queue', 1),
    entry('This queue', 3, 'It is not suspended'),
    entry('Suppression', 2),
    entry('Go to', 1.5),
    entry('Go to', 3.5),
  ]);
  expect(ranked.map(({ group, score }) => `${group} ${score}`)).toEqual([
    ...['Go to 3.5', 'Go to 1.5', 'Suppression 2'],
    ...['This queue 1', 'This queue 3', 'This message 4'],
  ]);
});

test('RowSlots reuses elements and keeps those of rows that stay', () => {
  const slots = new RowSlots<number>();
  const first = slots.assign([5, 4, 3]);
  const second = slots.assign([6, 5, 4]);
  expect(second[1]).toBe(first[0]);
  expect(second[2]).toBe(first[1]);
  expect(second[0]).toBe(first[2]);
  const third = slots.assign([100, 99, 98, 97]);
  expect(new Set(third).size).toBe(4);
  expect(Math.max(...third)).toBe(3);
});

test('tokenFromText() takes an address or the bare token', () => {
  expect(tokenFromText('http://127.0.0.1:4100/#token=abc-1')).toBe('abc-1');
  expect(tokenFromText(' abc-1\n')).toBe('abc-1');
});
