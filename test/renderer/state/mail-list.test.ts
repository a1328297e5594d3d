/** The Mail list's two states, follow and pinned, against an engine that answers from an array. */
import { expect, test, vi } from 'vitest';
import type { RecipientRow, RowPage } from '../../../engine/api/protocol.ts';
import type { Api, Query } from '../../../renderer/connection/api.ts';
import { MailList } from '../../../renderer/state/mail-list.svelte.ts';
import { emptyRow } from '../../support/fake-mail.ts';

function listOver(count: number): {
  list: MailList;
  add: (many: number) => RecipientRow[];
  asked: Query[];
} {
  const stored = Array.from({ length: count }, (_, index) => emptyRow(index + 1, 0));
  const asked: Query[] = [];
  const rows = (query: Query): Promise<RowPage> => {
    asked.push(query);
    const newest = stored.length;
    const above = Number(query['newerThan'] ?? -1);
    const at =
      above >= 0 ? Math.min(newest, above + 200) : Math.min(newest, Number(query['at'] ?? newest));
    const low = above >= 0 ? above : Math.max(0, at - 200);
    const found = stored.slice(low, at).reverse();
    return Promise.resolve({
      rows: found,
      next: low > 0 ? String(low) : null,
      total: { value: newest, isExact: true },
      oldestSeq: 1,
      newestSeq: newest,
      commitSeq: 0,
    });
  };
  const list = new MailList({ rows } as unknown as Api);
  const add = (many: number): RecipientRow[] => {
    const added = Array.from({ length: many }, (_, index) =>
      emptyRow(stored.length + index + 1, 0),
    );
    stored.push(...added);
    list.takeEvent(added, [], { value: stored.length, isExact: true });
    return added;
  };
  return { list, add, asked };
}

test('a list that follows takes new mail in at its top', async () => {
  const { list, add } = listOver(10);
  await list.open('');
  add(2);
  expect(list.rowAt(0)?.seq).toBe(12);
  expect(list.count).toBe(12);
  expect(list.arrived).toBe(0);
});

test('a pinned list stands still, counts what came, and shows it when asked to follow', async () => {
  const { list, add } = listOver(1000);
  await list.open('');
  list.scrolledTo(30);
  add(34);
  expect(list.pinned).toBe('by-scrolling');
  expect(list.arrived).toBe(34);
  expect(list.rowAt(0)?.seq).toBe(1000);
  expect(list.count).toBe(1000);
  await list.follow();
  expect(list.rowAt(0)?.seq).toBe(1034);
  expect(list.arrived).toBe(0);
});

test('scrolling back to the top follows again, but not when it was pinned by choice', async () => {
  const { list } = listOver(1000);
  await list.open('');
  list.scrolledTo(5);
  list.scrolledTo(0);
  await vi.waitFor(() => expect(list.pinned).toBe('no'));
  list.pin('by-choice');
  list.scrolledTo(5);
  list.scrolledTo(0);
  expect(list.pinned).toBe('by-choice');
});

test('mail that came while pinned stays out of what is loaded on the way up', async () => {
  const { list, add } = listOver(5000);
  await list.open('');
  list.scrolledTo(10);
  await list.ensure(4000);
  add(50);
  await list.ensure(0);
  expect(list.rowAt(0)?.seq).toBe(5000);
  await list.ensure(300);
  list.want(0, 30);
  await list.ensure(0);
  expect(list.rowAt(0)?.seq).toBe(5000);
  expect(list.arrived).toBe(50);
});

test('an answer for an older filter is not taken', async () => {
  const { list, asked } = listOver(1000);
  const first = list.open('state:queued');
  const second = list.open('state:bounced');
  await Promise.all([first, second]);
  expect(asked.map((query) => query['filter'])).toEqual(['state:queued', 'state:bounced']);
  expect(list.filter).toBe('state:bounced');
  expect(list.isReady).toBe(true);
});

test('rows taken away leave at once', async () => {
  const { list } = listOver(10);
  await list.open('');
  list.takeAway(new Set([9, 3]));
  expect(list.count).toBe(8);
  expect(list.rowAt(1)?.seq).toBe(8);
});

test('a row that came and changed within one event shows what became of it', async () => {
  const { list } = listOver(3);
  await list.open('');
  const added = [{ ...emptyRow(4, 0), state: 'queued' as const }];
  list.takeEvent(added, [{ seq: 4, state: 'suppressed' }], { value: 4, isExact: true });
  expect(list.rowAt(0)).toMatchObject({ seq: 4, state: 'suppressed' });
});
