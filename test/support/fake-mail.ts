/**
 * Recipient rows for the fake engine: the newest ones drawn by hand so that every state and oddity is
 * on the first screen, all others generated from their number, so that a million cost nothing until
 * they are looked at. Deterministic: the same number gives the same row.
 */
import type { RecipientRow, RowState } from '../../engine/api/protocol.ts';

/** The fake engine's clock stands here when it starts: Sun 22 Nov 2026 12:24:03 UTC. */
export const FAKE_NOW_MS = Date.UTC(2026, 10, 22, 12, 24, 3);

type Drawn = readonly [
  time: string,
  state: RowState,
  code: number,
  from: string | null,
  to: string | null,
  subject: string,
  route: string,
  attempts: number,
  bytes: number,
  marks: string,
  text?: string,
];

const ORDERS = 'orders@shop.example.com';
const DIGEST = 'digest@news.example.com';
const NOREPLY = 'noreply@app.example.com';
const WEEK = 'The week in Harbour & Pine';

const DRAWN: readonly Drawn[] = [
  [
    '12:23:58',
    'deferred',
    451,
    ORDERS,
    'wei.zhang@example.net',
    'Your order 20431 is on its way',
    'sg-smarthost',
    1,
    14_100,
    'cl',
    '4.7.1 Greylisted, please try again in 300 seconds',
  ],
  [
    '12:23:57',
    'queued',
    250,
    ORDERS,
    'tomas@example.org',
    'Receipt for order 20430',
    'sg-smarthost',
    0,
    13_900,
    'cl',
  ],
  [
    '12:23:51',
    'delivered',
    250,
    NOREPLY,
    'grace.holm@example.com',
    'Confirm your new address',
    'maildir',
    1,
    4200,
    'la',
  ],
  [
    '12:23:51',
    'delivered',
    250,
    NOREPLY,
    'ada@example.com',
    'Confirm your new address',
    'maildir',
    1,
    4200,
    'la',
  ],
  [
    '12:23:44',
    'rejected',
    550,
    NOREPLY,
    'nobody@nowhere.example.com',
    '',
    '',
    0,
    0,
    'l',
    'refused at RCPT, 5.7.1 relaying not permitted for 127.0.0.1:53114',
  ],
  [
    '12:23:19',
    'delivered',
    250,
    ORDERS,
    'ada@example.com',
    'Receipt for order 20418',
    'sg-smarthost',
    2,
    14_218,
    'cla',
    '2.0.0 OK queued as 7F3A1C',
  ],
  [
    '12:22:40',
    'suppressed',
    550,
    DIGEST,
    'bounced.before@example.net',
    WEEK,
    'suppression',
    0,
    38_000,
    'la',
    '5.7.1 recipient is suppressed (bounce 2026-11-21)',
  ],
  [
    '12:22:12',
    'deferred',
    421,
    DIGEST,
    'marta.k@gmail-like.example.net',
    WEEK,
    'sg-smarthost',
    3,
    38_000,
    'la',
    '4.7.28 Too many messages from your address',
  ],
  [
    '12:22:12',
    'deferred',
    421,
    DIGEST,
    'j.oyelaran@gmail-like.example.net',
    WEEK,
    'sg-smarthost',
    3,
    38_000,
    'la',
    '4.7.28 Too many messages from your address',
  ],
  [
    '12:21:55',
    'bounced',
    550,
    DIGEST,
    'old.account@example.org',
    WEEK,
    'sg-smarthost',
    1,
    38_000,
    'la',
    '5.1.1 no such user',
  ],
  [
    '12:21:54',
    'delivered',
    250,
    DIGEST,
    'tomas@example.org',
    WEEK,
    'sg-smarthost',
    1,
    38_000,
    'la',
  ],
  [
    '12:21:54',
    'delivered',
    250,
    DIGEST,
    'ines.duarte@example.org',
    WEEK,
    'sg-smarthost',
    1,
    38_000,
    'la',
  ],
  [
    '12:21:54',
    'delivered',
    250,
    DIGEST,
    'wei.zhang@example.net',
    WEEK,
    'sg-smarthost',
    1,
    38_000,
    'la',
  ],
  [
    '12:20:31',
    'null',
    250,
    'metrics@app.example.com',
    'devnull@example.com',
    'heartbeat web-7',
    'null',
    0,
    612,
    '',
  ],
  [
    '12:19:31',
    'null',
    250,
    'metrics@app.example.com',
    'devnull@example.com',
    'heartbeat web-7',
    'null',
    0,
    611,
    '',
  ],
  [
    '12:18:02',
    'delivered',
    200,
    'hooks@app.example.com',
    'crm@hooks.example.com',
    'contact.updated 7f3a',
    'lua:make.webhook',
    1,
    1800,
    'a',
    'OK',
  ],
  [
    '12:18:02',
    'deferred',
    400,
    'hooks@app.example.com',
    'billing@hooks.example.com',
    'invoice.paid 20417',
    'lua:make.webhook',
    2,
    2100,
    'a',
    'billing API answered 503',
  ],
  [
    '12:17:45',
    'delivered',
    250,
    'support@shop.example.com',
    'grace.holm@example.com',
    'Re: [#8812] Cannot sign in on the tablet',
    'maildir',
    1,
    22_600,
    'cla',
  ],
  [
    '12:15:00',
    'expired',
    551,
    ORDERS,
    'warehouse.intake@depot.example.net',
    'Pick list 2026-11-22',
    'depot-direct',
    6,
    96_300,
    'c',
    '5.4.7 Next delivery time would be past the maximum age',
  ],
  [
    '12:14:37',
    'delivered',
    250,
    ORDERS,
    'liam.fraser@example.com',
    'Receipt for order 20417',
    'maildir',
    1,
    14_000,
    'cla',
  ],
  [
    '12:14:37',
    'delivered',
    250,
    ORDERS,
    'accounting@example.com',
    'Receipt for order 20417',
    'maildir',
    1,
    14_000,
    'cla',
  ],
  [
    '12:13:20',
    'rejected',
    552,
    'scanner@office.example.com',
    'ada@example.com',
    'Scan_0041.pdf',
    '',
    0,
    20_000_000,
    '',
    '5.3.4 message too big',
  ],
  [
    '12:12:09',
    'delivered',
    250,
    NOREPLY,
    'nadia+test@example.com',
    'Your sign-in code is 204 118',
    'maildir',
    1,
    3100,
    'la',
  ],
  [
    '12:11:58',
    'delivered',
    250,
    NOREPLY,
    'nadia+test@example.com',
    'Your sign-in code is 883 100',
    'maildir',
    1,
    3100,
    'la',
  ],
  [
    '12:10:30',
    'bounced',
    550,
    ORDERS,
    'typo@exmaple.example.org',
    'Receipt for order 20416',
    'sg-smarthost',
    1,
    14_100,
    'cla',
    '5.1.1 no such user',
  ],
  [
    '12:09:14',
    'delivered',
    250,
    ORDERS,
    'ada@example.com',
    'Receipt for order 20415',
    'sg-smarthost',
    1,
    14_100,
    'cla',
  ],
  ['12:08:51', 'rejected', 503, null, null, '', '', 0, 0, '', 'DATA before MAIL'],
  [
    '12:08:40',
    'delivered',
    250,
    '',
    ORDERS,
    'Delivery Status Notification (Failure)',
    'maildir',
    1,
    7700,
    '',
  ],
  [
    '12:07:20',
    'aborted',
    0,
    ORDERS,
    'the.one.with.a.very.long.local.part.indeed@a-very-long-host-name.department.example.org',
    'Half a message',
    '',
    0,
    1200,
    'l',
    '',
  ],
  [
    '12:07:02',
    'delivered',
    250,
    NOREPLY,
    'søren@example.com',
    'Bekræft din adresse',
    'maildir',
    1,
    4400,
    'la',
  ],
];

const LOCALS = [
  'ada',
  'grace.holm',
  'wei.zhang',
  'tomas',
  'ines.duarte',
  'liam.fraser+orders',
  'k.abebe',
  'sofia.rossi',
  'accounts.payable',
  'h.nakamura',
  'p.moreau',
  'olga.n',
];
const DOMAINS = [
  'example.com',
  'example.net',
  'example.org',
  'gmail-like.example.net',
  'depot.example.net',
];
const SUBJECTS = [
  'Receipt for order',
  'Your order is on its way',
  'Confirm your new address',
  WEEK,
  'Your sign-in code is',
  'Invoice',
  'Re: Cannot sign in on the tablet',
];
const STATES: readonly RowState[] = [
  'delivered',
  'delivered',
  'delivered',
  'delivered',
  'delivered',
  'deferred',
  'bounced',
  'rejected',
  'null',
  'queued',
];
const CODES: Readonly<Partial<Record<RowState, number>>> = {
  deferred: 451,
  bounced: 550,
  rejected: 550,
};

/** A row by its number, when `count` rows are stored and `count` is the newest. */
export function fakeRow(seq: number, count: number): RecipientRow {
  const drawn = DRAWN[count - seq];
  return drawn ? drawnRow(seq, drawn) : generatedRow(seq, count);
}

function drawnRow(seq: number, drawn: Drawn): RecipientRow {
  const [time, state, code, from, to, subject, route, attempts, bytes, marks, text] = drawn;
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  return {
    ...emptyRow(seq, Date.UTC(2026, 10, 22, hours, minutes, seconds)),
    messageId: bytes > 0 && state !== 'rejected' ? spoolId(seq) : null,
    state,
    code: code === 0 ? null : code,
    from,
    to,
    subject,
    route,
    queue: queueOf(route, to),
    attempts,
    nextDueMs: state === 'deferred' || state === 'queued' ? FAKE_NOW_MS + 41_000 + seq : null,
    sizeBytes: bytes,
    hasAttachment: marks.includes('c'),
    isTls: marks.includes('l'),
    isAuth: marks.includes('a'),
    lastText: text ?? (state === 'delivered' ? '2.0.0 OK' : ''),
  };
}

function generatedRow(seq: number, count: number): RecipientRow {
  const noise = (Math.imul(seq, 2_654_435_761) >>> 0) / 2 ** 32;
  const pick = <T>(list: readonly T[], salt: number): T =>
    list[(Math.imul(seq + salt, 40_503) >>> 3) % list.length] as T;
  const state = pick(STATES, 7);
  const isWaiting = state === 'deferred' || state === 'queued';
  const route = state === 'rejected' ? '' : noise < 0.5 ? 'maildir' : 'sg-smarthost';
  const to = `${pick(LOCALS, 1)}@${pick(DOMAINS, 3)}`;
  const subject = pick(SUBJECTS, 5);
  return {
    ...emptyRow(seq, FAKE_NOW_MS - 17 * 60_000 - (count - seq) * 7000),
    messageId: state === 'rejected' ? null : spoolId(seq),
    state,
    code: CODES[state] ?? 250,
    from: pick([ORDERS, DIGEST, NOREPLY], 11),
    to,
    subject:
      state === 'rejected'
        ? ''
        : /order$|is$|Invoice/.test(subject)
          ? `${subject} ${seq}`
          : subject,
    route,
    queue: queueOf(route, to),
    attempts: state === 'queued' || state === 'rejected' ? 0 : 1 + Math.floor(noise * 3),
    nextDueMs: isWaiting ? FAKE_NOW_MS + Math.floor(noise * 3_600_000) : null,
    sizeBytes: state === 'rejected' ? 0 : 1500 + Math.floor(noise * 40_000),
    hasAttachment: noise > 0.7,
    isTls: noise > 0.2,
    isAuth: noise > 0.3,
    lastText: state === 'rejected' ? '5.7.1 relaying not permitted' : '2.0.0 OK',
  };
}

export function emptyRow(seq: number, timeMs: number): RecipientRow {
  return {
    seq,
    transactionId: seq,
    messageId: spoolId(seq),
    timeMs,
    state: 'queued',
    code: 250,
    from: ORDERS,
    to: 'ada@example.com',
    subject: '',
    route: 'maildir',
    queue: 'example.com',
    attempts: 0,
    nextDueMs: null,
    sizeBytes: 1000,
    hasAttachment: false,
    isTls: false,
    isAuth: false,
    lastText: '',
    isDeleted: false,
  };
}

function spoolId(seq: number): string {
  return `d3a1f0c89ac711f0${seq.toString(16).padStart(16, '0')}`;
}

function queueOf(route: string, to: string | null): string {
  const domain = to?.split('@')[1] ?? '';
  if (route === 'null') return 'null';
  return route === 'sg-smarthost' ? `receipts:acme@${domain}!smarthost.example.net` : domain;
}

/** The filter grammar as far as tests need it: `key:value`, `-key:value`, words. */
export function fakeMatches(row: RecipientRow, filter: string): boolean {
  return filter
    .trim()
    .split(/\s+/)
    .every((word) => {
      const isNot = word.startsWith('-');
      return matchesWord(row, isNot ? word.slice(1) : word) !== isNot;
    });
}

function matchesWord(row: RecipientRow, word: string): boolean {
  const [key = '', ...rest] = word.split(':');
  const value = rest.join(':').toLowerCase();
  const has = (text: string | null): boolean => (text ?? '').toLowerCase().includes(value);
  switch (rest.length === 0 ? '' : key) {
    case 'state':
      return row.state === value;
    case 'code':
      return new RegExp(`^${value.replaceAll('x', '\\d')}$`).test(String(row.code));
    case 'from':
      return has(row.from);
    case 'to':
    case 'rcpt':
    case 'domain':
      return has(row.to);
    case 'subject':
      return has(row.subject);
    case 'route':
      return has(row.route);
    case 'queue':
      return has(row.queue);
    case 'has':
      return row.hasAttachment;
    default:
      return `${row.subject} ${row.to} ${row.from}`.toLowerCase().includes(word.toLowerCase());
  }
}
