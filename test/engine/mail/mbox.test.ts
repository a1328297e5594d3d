import { expect, test } from 'vitest';
import { mboxEntry } from '../../../engine/mail/mbox.ts';

test('mboxEntry() separates, quotes From lines reversibly and keeps bytes', () => {
  const message = Buffer.from('Subject: x\r\n\r\nFrom here\r\n>From there\r\n\xff', 'latin1');
  expect(mboxEntry(message, 'a b@x.test', Date.UTC(2026, 0, 5, 7, 8, 9)).toString('latin1')).toBe(
    'From a_b@x.test Mon Jan  5 07:08:09 2026\nSubject: x\n\n>From here\n>>From there\n\xff\n\n',
  );
  expect(mboxEntry(Buffer.from('a\n'), '', 0).toString()).toBe(
    'From MAILER-DAEMON Thu Jan  1 00:00:00 1970\na\n\n',
  );
});
