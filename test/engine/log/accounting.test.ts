import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { AccountingDb } from '../../../engine/log/accounting.ts';
import type { LogRecord } from '../../../engine/log/record.ts';

test('AccountingDb adds recipients to the month and keeps them over restarts', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'postyard-acct-')), 'sub', 'accounting.db');
  const clock = new SystemClock();
  const mailClock = Object.assign(new SystemClock(), { now: () => Date.UTC(2026, 1, 3) });
  const record = (more: object): LogRecord => ({ recipient: 'a@x.test', ...more }) as LogRecord;
  for (let run = 0; run < 2; run++) {
    const accounting = new AccountingDb(file, mailClock, clock);
    accounting.count(record({ type: 'Reception', reception_protocol: 'ESMTP' }));
    accounting.count(record({ type: 'Reception', reception_protocol: 'LogRecord' }));
    accounting.count(record({ type: 'Delivery', recipient: ['a', 'b'] }));
    accounting.count(record({ type: 'Feedback' }));
    accounting.close();
  }
  const rows = new DatabaseSync(file).prepare('SELECT * FROM accounting').all();
  expect(rows.map((r) => ({ ...r }))).toEqual([
    { event_time: '2026-02-01 00:00:00', received: 2, delivered: 4 },
  ]);
});
