import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { Accounting } from '../../../engine/log/accounting.ts';
import type { LogRecord } from '../../../engine/log/record.ts';
import { SimClock } from '../../support/sim-clock.ts';

const START = Date.parse('2026-08-04T10:00:00Z');

function rows(path: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare('select * from accounting order by event_time').all();
  } finally {
    database.close();
  }
}

function record(
  type: LogRecord['type'],
  recipient: string | string[],
  protocol = 'ESMTP',
): LogRecord {
  return { type, recipient, reception_protocol: protocol } as LogRecord;
}

test('recipients are added up by month, at times and at the end', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'accounting-')), 'sub', 'accounting.db');
  const errors: string[] = [];
  const clock = new SimClock(START);
  const open = (): Accounting => {
    const made = new Accounting({ mailClock: clock, clock, onError: (text) => errors.push(text) });
    made.configure(path);
    return made;
  };
  const first = open();
  first.count(record('Reception', ['a', 'b']), 1);
  first.count(record('Reception', 'hook', 'LogRecord'), 1);
  first.count(record('Delivery', 'a'), 2);
  first.count(record('Bounce', 'b'), 1);
  await clock.advance(5 * 60_000);
  expect(rows(path)).toEqual([{ event_time: '2026-08-01 00:00:00', received: 2, delivered: 2 }]);
  first.count(record('Delivery', 'b'), 1);
  first.close();
  expect(rows(path)).toEqual([{ event_time: '2026-08-01 00:00:00', received: 2, delivered: 3 }]);
  await clock.advance(28 * 86_400_000);
  open().close();
  expect(rows(path)).toHaveLength(2);
  expect(errors).toEqual([]);
});
