/** Queues, records and maildirs of the fake engine, drawn so that every column has something in it. */
import type {
  MaildirFolder,
  MaildirMessage,
  QueueDetail,
  QueueList,
  QueuedMessage,
  RecipientRow,
  RecordRow,
  ScheduledQueueRow,
} from '../../engine/api/protocol.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const SCHEDULED: readonly (readonly [
  string,
  number,
  number | null,
  number | null,
  string | null,
])[] = [
  ['receipts:acme@example.org!smarthost.example.net', 1, 0, 6000, null],
  [
    'receipts:acme@example.net!smarthost.example.net',
    12,
    41_000,
    82 * MINUTE_MS,
    '451 4.7.1 Greylisted, please try again in 300 seconds',
  ],
  [
    'digest:acme@gmail-like.example.net!smarthost.example.net',
    12,
    131_000,
    22 * MINUTE_MS,
    '421 4.7.28 Too many messages from your address',
  ],
  ['acme@hooks.example.com', 3, 240_000, 12 * MINUTE_MS, '400 billing API answered 503'],
  ['partner.example.org', 2, 668_000, 9 * MINUTE_MS, '451 4.4.4 MX lookup failed: NXDOMAIN'],
  [
    'depot.example.net',
    1,
    72 * MINUTE_MS + 20_000,
    164 * MINUTE_MS,
    '400 connect to 127.0.0.1:2540: refused',
  ],
  ['news:@example.com', 0, null, null, '250 wrote to maildir'],
  ['null', 0, null, null, 'discards, no record but Reception'],
];

export function fakeQueueList(nowMs: number, suspended: ReadonlySet<string>): QueueList {
  return {
    nowMs,
    scheduled: SCHEDULED.map(([name, depth, dueIn, age, lastError]): ScheduledQueueRow => ({
      name,
      depth,
      nextDueMs: dueIn === null ? null : nowMs + dueIn,
      oldestMs: age === null ? null : nowMs - age,
      lastError,
      protocol: 'smtp',
      suspended: suspended.has(name)
        ? { id: 's1', reason: 'suspended from the window', untilMs: nowMs + HOUR_MS }
        : null,
      bouncing: null,
      configError: null,
    })),
    ready: [
      {
        name: 'ip-1->smarthost.example.net@smtp_client',
        depth: 1,
        connections: 2,
        connectionLimit: 32,
        states: [],
        lastReply: '250 2.0.0 OK',
        suspended: null,
      },
      {
        name: 'ip-1->mx_list:[127.0.0.1]:2540@smtp_client',
        depth: 0,
        connections: 0,
        connectionLimit: 2,
        states: [],
        lastReply: '400 refused',
        suspended: null,
      },
      {
        name: 'ip-1->hooks.example.com@lua:make.webhook',
        depth: 0,
        connections: 1,
        connectionLimit: 4,
        states: [],
        lastReply: '400 API 503',
        suspended: null,
      },
      {
        name: 'ip-2->smarthost.example.net@smtp_client',
        depth: 0,
        connections: 0,
        connectionLimit: 32,
        states: ['suspended'],
        lastReply: null,
        suspended: { id: 's2', reason: 'by hand', untilMs: nowMs + HOUR_MS },
      },
    ],
  };
}

const QUEUED: readonly (readonly [string, number, number, string])[] = [
  ['wei.zhang', 1, 41_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['marta.kowalczyk', 2, 74_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['j.oyelaran', 3, 91_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['ines.duarte', 1, 187_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['liam.fraser+orders', 4, 218_000, '421 4.3.2 shutting down'],
  ['k.abebe', 2, 239_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['sofia.rossi', 2, 326_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['accounts.payable', 3, 457_000, '450 4.2.1 mailbox busy'],
  ['h.nakamura', 4, 897_000, '451 4.7.1 Greylisted, please try again in 300 seconds'],
  ['the.one.with.a.long.local.part', 4, 1_857_000, '452 4.2.2 over quota'],
  ['p.moreau', 4, 2_097_000, '452 4.2.2 over quota'],
  ['olga.n', 5, 4_377_000, '450 4.2.1 mailbox busy'],
];
const RETRY_MS = 5 * MINUTE_MS;
const MAX_AGE_MS = 4 * HOUR_MS;

export function fakeQueueDetail(list: QueueList, name: string): QueueDetail {
  const { nowMs } = list;
  const queue = list.scheduled.find((each) => each.name === name);
  if (!queue) throw new Error(`Cannot show a queue: name is ${name}, expected a known one`);
  const isNet = name.includes('@example.net');
  return {
    queue,
    retryIntervalMs: RETRY_MS,
    maxRetryIntervalMs: null,
    maxAgeMs: MAX_AGE_MS,
    egressPool: 'main',
    configSource: { label: 'init.lua:91', file: 'policy/init.lua', line: 91 },
    messages: QUEUED.slice(0, queue.depth).map((each, index) =>
      queuedMessage(each, index, nowMs, isNet),
    ),
    more: 0,
    left: isNet
      ? [
          {
            messageId: 'left-1',
            seq: 1,
            to: 'ada@example.net',
            state: 'delivered',
            code: 250,
            text: '2.0.0 OK queued as 7F3A1C',
            createdMs: nowMs - 21 * MINUTE_MS,
            leftMs: nowMs - 6 * MINUTE_MS,
            past: [
              { atMs: nowMs - 21 * MINUTE_MS, outcome: 'deferred', text: '451 4.7.1 Greylisted' },
              { atMs: nowMs - 16 * MINUTE_MS, outcome: 'deferred', text: '451 4.7.1 Greylisted' },
              {
                atMs: nowMs - 6 * MINUTE_MS,
                outcome: 'delivered',
                text: '250 2.0.0 OK queued as 7F3A1C',
              },
            ],
          },
        ]
      : [],
    nowMs,
  };
}

function queuedMessage(
  [local, attempts, dueInMs, text]: (typeof QUEUED)[number],
  index: number,
  nowMs: number,
  isNet: boolean,
): QueuedMessage {
  const dueMs = nowMs + dueInMs;
  // Attempt n follows attempt n − 1 after 5 m × 2ⁿ⁻¹; the first is made at once.
  const createdMs = dueMs - RETRY_MS * (2 ** attempts - 1);
  const past = Array.from({ length: attempts }, (_, made) => ({
    atMs: createdMs + RETRY_MS * (2 ** made - 1),
    outcome: 'deferred' as const,
    text,
  }));
  const predicted: { atMs: number; expires: boolean; arithmetic: string }[] = [];
  let atMs = dueMs;
  for (let made = attempts; atMs < createdMs + MAX_AGE_MS; made++) {
    const nextMs = atMs + RETRY_MS * 2 ** made;
    const expires = nextMs > createdMs + MAX_AGE_MS;
    predicted.push({
      atMs,
      expires,
      arithmetic: `5 m × 2${'⁰¹²³⁴⁵⁶⁷⁸⁹'[made - 1] ?? ''} after attempt ${made}`,
    });
    if (expires) break;
    atMs = nextMs;
  }
  return {
    messageId: `queued-${index}`,
    seq: index + 1,
    to: `${local}@${isNet ? 'example.net' : 'example.org'}`,
    subject: 'Your order is on its way',
    createdMs,
    dueMs,
    numAttempts: attempts,
    expiresMs: createdMs + MAX_AGE_MS,
    past,
    predicted,
    why: `Waits ${Math.round(dueInMs / 1000)} s more (5 m × 2${'⁰¹²³⁴⁵⁶⁷⁸⁹'[attempts - 1] ?? ''}) after attempt ${attempts}, last reply in its queue: ${text}`,
  };
}

const TYPE_OF: Readonly<Partial<Record<RecipientRow['state'], string>>> = {
  delivered: 'Delivery',
  deferred: 'TransientFailure',
  bounced: 'Bounce',
  expired: 'Expiration',
  rejected: 'Rejection',
  suppressed: 'Rejection',
  queued: 'Reception',
  null: 'Reception',
};

export function fakeRecord(row: RecipientRow): RecordRow {
  const type = TYPE_OF[row.state] ?? 'Rejection';
  const seconds = Math.floor(row.timeMs / 1000);
  const record = {
    type,
    id: row.messageId ?? '',
    sender: row.from ?? '',
    recipient: row.to ?? '',
    queue: row.queue,
    site: row.route === 'sg-smarthost' ? 'ip-1->smarthost.example.net@smtp_client' : '',
    size: row.sizeBytes,
    response: {
      code: row.code ?? 0,
      enhanced_code: { class: 2, subject: 0, detail: 0 },
      content: row.lastText,
      command: '.\r\n',
    },
    peer_address: { name: 'smarthost.example.net.', addr: '127.0.0.1' },
    timestamp: seconds,
    event_time: new Date(row.timeMs).toISOString(),
    created: seconds,
    created_time: new Date(row.timeMs).toISOString(),
    num_attempts: Math.max(0, row.attempts - 1),
    bounce_classification: 'Uncategorized',
    egress_pool: 'main',
    egress_source: 'ip-1',
    source_address: { address: '127.0.0.1:41822' },
    feedback_report: null,
    meta: { tenant: 'acme' },
    headers: { Subject: row.subject },
    delivery_protocol: 'ESMTP',
    reception_protocol: 'ESMTP',
    nodeid: '0e1f6c1a-5b1c-4f43-9a35-3a4f8f0f6f11',
  };
  return {
    recordSeq: row.seq,
    timeMs: row.timeMs + (row.seq % 1000),
    type,
    messageId: row.messageId,
    rowSeq: row.seq,
    sender: record.sender,
    recipient: record.recipient,
    queue: row.queue,
    site: record.site,
    numAttempts: record.num_attempts,
    code: row.code ?? 0,
    text: row.lastText,
    json: JSON.stringify(record),
  };
}

export function fakeFolders(count: number): MaildirFolder[] {
  if (count === 0) return [];
  const box = (
    domain: string,
    local: string,
    messageCount: number,
    unreadCount: number,
  ): MaildirFolder => ({
    path: `mail/${domain}/${local}`,
    name: local,
    isMaildir: true,
    messageCount,
    unreadCount,
    isCounted: true,
    childCount: 0,
    children: [],
  });
  const domain = (name: string, children: readonly MaildirFolder[]): MaildirFolder => ({
    path: `mail/${name}`,
    name,
    isMaildir: false,
    messageCount: children.reduce((sum, each) => sum + each.messageCount, 0),
    unreadCount: children.reduce((sum, each) => sum + each.unreadCount, 0),
    isCounted: true,
    childCount: children.length,
    children,
  });
  return [
    domain('example.com', [
      box('example.com', 'ada', 212, 3),
      box('example.com', 'grace.holm', 98, 0),
      box('example.com', 'postmaster', 4, 0),
    ]),
    domain('example.net', [box('example.net', 'wei.zhang', 340, 12)]),
    domain('example.org', [box('example.org', 'tomas', 87, 0)]),
  ];
}

export function fakeMaildir(rows: readonly RecipientRow[], path: string): MaildirMessage[] {
  const local = path.split('/').at(-1) ?? '';
  return rows.slice(0, 40).map((row, index): MaildirMessage => {
    const unique = `${Math.floor(row.timeMs / 1000)}.M${row.seq}P88.yard`;
    const folder = index < 3 ? 'new' : 'cur';
    const flags = index < 3 ? '' : index % 7 === 0 ? 'FS' : index % 9 === 0 ? 'ST' : 'S';
    return {
      unique,
      folder,
      flags,
      file: folder === 'new' ? `new/${unique}` : `cur/${unique}:2,${flags}`,
      timeMs: row.timeMs,
      sizeBytes: row.sizeBytes,
      from: row.from ?? '',
      to: `${local}@example.com`,
      subject: row.subject,
      rowSeq: row.seq,
    };
  });
}
