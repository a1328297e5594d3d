/** What the fake engine says about one row: facts, journey, attempts, source, the preview's HTML. */
import type {
  AttemptDetail,
  HeaderField,
  Journey,
  JourneyPart,
  JourneyStep,
  RecipientRow,
  RowChecks,
  RowDetail,
} from '../../engine/api/protocol.ts';
import { checkMessage } from '../../engine/inspect/checks/check-message.ts';

const RECEIVED_BEFORE_MS = 20 * 60_000 + 12_000;

export const FAKE_HTML = `<!doctype html><meta charset="utf-8"><style>
body{margin:0;padding:28px 40px;font:15px/23px Georgia,serif;color:#23231f;background:#fff}
h1{font-size:15px;border-bottom:1px solid #dedbd0;padding-bottom:16px;margin:0 0 20px}
table{width:100%;border-collapse:collapse;font:14px/20px Helvetica,Arial,sans-serif;margin:16px 0}
td{padding:8px 0;border-bottom:1px solid #ece9df}td:last-child{text-align:right}
a.cta{display:inline-block;background:#2f4a3a;color:#fff;font:600 14px/40px Arial;padding:0 20px;text-decoration:none}
@media (prefers-color-scheme:dark){body{background:#1b1c1a;color:#e5e2d8}}
</style><h1>Harbour &amp; Pine</h1><p>Hello Ada,</p>
<p>Thank you for your order. It leaves our workshop on Tuesday; we write again when the parcel is on its way.</p>
<table><tr><td>Oak desk tray, small</td><td>€ 38.00</td></tr><tr><td>Linen notebook, ruled × 2</td><td>€ 27.00</td></tr>
<tr><td>Shipping</td><td>€ 6.50</td></tr><tr><td><b>Total, 21 % VAT included</b></td><td><b>€ 71.50</b></td></tr></table>
<p><a class="cta" href="https://shop.example.com/orders/20418" target="_blank">View your order</a></p>
<img src="https://img.shop.example.com/logo.png" alt="">
<script>document.title = 'scripts ran'</script>`;

/** As the engine checks it. */
export const FAKE_CHECKS: RowChecks = checkMessage(
  Buffer.from(
    `From: orders@shop.example.com\r\nTo: ada@example.com\r\nMessage-ID: <1@shop.example.com>\r\nSubject: Your order\r\nContent-Type: text/html\r\n\r\n${FAKE_HTML}`,
  ),
);

const TEXT = `Hello Ada,

thank you for your order. It leaves our workshop on Tuesday.

  Oak desk tray, small         38.00
  Linen notebook, ruled x 2    27.00
  Shipping                      6.50
  Total, 21 % VAT included     71.50
`;

function fakeHeaders(row: RecipientRow): HeaderField[] {
  const dateMs = row.timeMs - 1000;
  const fields: [string, string, string?][] = [
    [
      'Received',
      `from web-7.shop.example.com by yard.example.com\r\n with ESMTPS id ${row.messageId ?? ''}`,
    ],
    [
      'From',
      '=?utf-8?Q?Harbour_=26_Pine?= <orders@shop.example.com>',
      `Harbour & Pine <${row.from ?? ''}>`,
    ],
    ['To', `Ada Lindqvist <${row.to ?? ''}>`],
    ['Reply-To', 'support@shop.example.com'],
    ['Subject', row.subject],
    ['Date', new Date(dateMs).toUTCString().replace('GMT', '+0000')],
    ['Message-ID', `<${row.seq}.8f1c@web-7.shop.example.com>`],
    ['MIME-Version', '1.0'],
    ['Content-Type', 'multipart/mixed; boundary="b1"'],
    [
      'List-Unsubscribe',
      '<https://shop.example.com/unsubscribe>, <mailto:unsubscribe@shop.example.com>',
    ],
    ['X-Mailer', 'shop 4.2'],
    ['X-Order', String(row.seq)],
    [
      'DKIM-Signature',
      'v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example.com; s=s1; h=from:to:subject; bh=aGVsbG8=; b=c2lnbmF0dXJl',
    ],
  ];
  return fields.map(([name, raw, decoded]) => ({ name, raw, decoded: decoded ?? raw }));
}

export function fakeSource(row: RecipientRow): string {
  const headers = fakeHeaders(row).map(({ name, raw }) => `${name}: ${raw}\r\n`);
  const padding = row.sizeBytes > 100_000 ? `${'x'.repeat(72)}\r\n`.repeat(4000) : '';
  return `${headers.join('')}\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${TEXT.replaceAll('\n', '\r\n')}\r\n--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${FAKE_HTML.replaceAll('\n', '\r\n')}\r\n--b1--\r\n${padding}`;
}

export function fakeDetail(row: RecipientRow): RowDetail {
  const hasMessage = row.sizeBytes > 0;
  const isWaiting = row.state === 'deferred' || row.state === 'queued';
  return {
    row,
    messageIdHeader: hasMessage ? `<${row.seq}.8f1c@web-7.shop.example.com>` : null,
    reversePath: row.from,
    forwardPaths: row.to === null ? [] : [row.to],
    sessionId: 'b7b0f0c8-9ac7-11f0-a1d3-0242ac120002',
    listener: '127.0.0.1:1025',
    peer: '127.0.0.1:53114',
    ehlo: 'web-7.shop.example.com',
    tls: row.isTls ? { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' } : null,
    auth: row.isAuth ? 'acme-app' : null,
    summary: summaryOf(row),
    whyWaiting: isWaiting
      ? 'Waits for attempt 2: the first was greylisted, and the queue tries again after 5 minutes'
      : null,
    headers: hasMessage ? fakeHeaders(row) : [],
    parts: hasMessage ? PARTS : [],
    textBody: hasMessage ? TEXT : null,
    hasHtml: hasMessage,
    attachments: row.hasAttachment
      ? [
          {
            path: '2',
            filename: `receipt-${row.seq}.pdf`,
            contentType: 'application/pdf',
            sizeBytes: 3900,
          },
        ]
      : [],
    remoteContent: hasMessage ? [{ host: 'img.shop.example.com', count: 3 }] : [],
    meta: { tenant: 'acme', campaign: 'receipts' },
    bodySizeBytes: row.sizeBytes,
    isChanged: row.seq % 2 === 0,
    maildir:
      row.state === 'delivered' && row.to !== null
        ? {
            path: `mail/${row.to.split('@')[1]}/${row.to.split('@')[0]}`,
            file: `new/${Math.floor(row.timeMs / 1000)}.M204P88.yard`,
            isOnDisk: true,
            flags: '',
          }
        : null,
    otherRecipients: [],
    isPending: false,
    parseError: null,
  };
}

const part = { charset: null, encoding: null, disposition: null, filename: null, contentId: null };
const PARTS: RowDetail['parts'] = [
  {
    ...part,
    path: '0',
    depth: 0,
    contentType: 'multipart/mixed',
    encodedBytes: 14_000,
    decodedBytes: 14_000,
  },
  {
    ...part,
    path: '1',
    depth: 1,
    contentType: 'multipart/alternative',
    encodedBytes: 9800,
    decodedBytes: 9800,
  },
  {
    ...part,
    path: '1.1',
    depth: 2,
    contentType: 'text/plain',
    charset: 'utf-8',
    encoding: 'quoted-printable',
    encodedBytes: 2100,
    decodedBytes: 1900,
  },
  {
    ...part,
    path: '1.2',
    depth: 2,
    contentType: 'text/html',
    charset: 'utf-8',
    encoding: 'quoted-printable',
    encodedBytes: 10_200,
    decodedBytes: 9800,
  },
  {
    ...part,
    path: '2',
    depth: 1,
    contentType: 'application/pdf',
    encoding: 'base64',
    disposition: 'attachment',
    filename: 'receipt-20418.pdf',
    encodedBytes: 5300,
    decodedBytes: 3900,
  },
];

function summaryOf(row: RecipientRow): string {
  switch (row.state) {
    case 'delivered':
      return row.attempts > 1
        ? `Delivered on attempt ${row.attempts}, 20 m 12 s after it was received`
        : 'Delivered on the first attempt, 4.8 ms after it was received';
    case 'rejected':
      return `Refused at reception: ${row.code} ${row.lastText}`;
    case 'aborted':
      return 'The connection was lost in DATA';
    default:
      return `${row.state[0]?.toUpperCase()}${row.state.slice(1)}: ${row.code} ${row.lastText}`.trim();
  }
}

function step(
  kind: JourneyStep['kind'],
  offsetMs: number | null,
  what: string,
  text: string,
  result: string,
  more: Partial<JourneyStep> = {},
): JourneyStep {
  return { kind, offsetMs, what, text, result, durationMs: null, source: null, ...more };
}

const line = (n: number): JourneyStep['source'] => ({
  label: `:${n}`,
  file: 'policy/init.lua',
  line: n,
});

export function fakeJourney(row: RecipientRow): Journey {
  const startMs = row.attempts > 1 ? row.timeMs - RECEIVED_BEFORE_MS : row.timeMs;
  const empty = { detail: '', durationMs: null, state: null, code: null, steps: [], source: null };
  const reception: JourneyPart = {
    ...empty,
    kind: 'reception',
    atMs: startMs,
    title: 'Reception',
    detail: 'listener 127.0.0.1:1025',
    durationMs: 14.6,
    steps: [
      step('line', 0, 'connect', '127.0.0.1:53114', '220 yard.example.com'),
      step('line', 0.4, 'EHLO', 'web-7.shop.example.com', '250 5 extensions'),
      step('line', 1.1, 'STARTTLS', 'TLSv1.3, 8.7 ms', '220 Ready to Start TLS'),
      step('line', 10.2, 'EHLO', 'again, now with AUTH', '250 5 extensions'),
      step('line', 11.2, 'AUTH', 'PLAIN acme-app ••••', '235 2.7.0 AUTH OK!'),
      step('line', 12, 'MAIL', row.from ?? '', '250 OK'),
      step(
        'line',
        12.6,
        'RCPT',
        row.to ?? '',
        row.state === 'rejected' ? `${row.code} ${row.lastText}` : '250 OK',
      ),
      ...(row.sizeBytes === 0
        ? []
        : [
            step('line', 13.1, 'DATA', '', '354 Send body; end with CRLF.CRLF'),
            step('line', 14.6, '.', `${row.sizeBytes} bytes`, `250 OK ids=${row.messageId}`),
          ]),
    ],
  };
  if (row.sizeBytes === 0) return { parts: [{ ...reception, state: 'rejected' }] };
  const policy: JourneyPart = {
    ...empty,
    kind: 'policy',
    atMs: startMs,
    title: 'Policy',
    detail: 'init.lua as of 12:02:58',
    durationMs: 1.4,
    steps: [
      step('call', 11, 'smtp_server_auth_plain', '"", "acme-app", •••', 'true', {
        durationMs: 0.21,
        source: line(31),
      }),
      step('call', 13.3, 'smtp_server_message_received', 'msg, conn', 'nil', {
        durationMs: 0.84,
        source: line(58),
      }),
      step('meta', null, 'tenant', 'unset', '"acme"', { source: line(63) }),
      step('meta', null, 'campaign', 'unset', '"receipts"', { source: line(66) }),
      step('print', null, '', 'tenant acme, 1 recipient', '', { source: line(70) }),
      step('meta', 14.2, 'routing_domain', 'unset', '"smarthost.example.net"', {
        source: { label: 'route 2', route: 'sg-smarthost' },
      }),
      step('call', 14.3, 'get_queue_config', '"example.com", "acme", …', 'retry_interval 20m', {
        durationMs: 0.12,
        source: line(84),
      }),
    ],
  };
  const queue: JourneyPart = {
    ...empty,
    kind: 'queue',
    atMs: startMs,
    title: row.queue,
    steps: [
      step('why', null, '', 'Campaign, tenant: meta; domain: recipient; rest: route 2', ''),
      step('why', null, '', 'Retry after 20 m, doubling; max age 7 d', '', {
        source: { label: 'init.lua:84', file: 'policy/init.lua', line: 84 },
      }),
    ],
  };
  const plan: JourneyPart = {
    ...empty,
    kind: 'plan',
    atMs: startMs,
    title: 'Connection plan',
    detail: 'pool main, source ip-1, TLS opportunistic',
    steps: [
      step('why', null, '1', 'smarthost.example.net. 127.0.0.1:2526', '', {
        source: { label: 'greylist' },
      }),
      step('why', null, '2', 'smarthost.example.net. 127.0.0.2:2526', 'not needed'),
      step('why', null, '', 'MX from test.zone; port 2526 is the path’s smtp_port', '', {
        source: line(102),
      }),
    ],
  };
  return { parts: [reception, policy, queue, plan, ...outcomeParts(row, startMs)] };
}

function outcomeParts(row: RecipientRow, startMs: number): JourneyPart[] {
  const empty = { detail: '', durationMs: null, state: null, code: null, steps: [], source: null };
  const parts: JourneyPart[] = [];
  if (row.attempts > 1 || row.state === 'deferred') {
    parts.push({
      ...empty,
      kind: 'attempt',
      atMs: startMs,
      title: 'Attempt 1',
      code: 451,
      detail: '4.7.1',
      durationMs: 6.1,
      state: 'deferred',
      steps: [step('why', null, '', 'Greylisted, please try again in 300 seconds', 'after RCPT')],
    });
    const isPast = row.state !== 'deferred';
    parts.push({
      ...empty,
      kind: 'wait',
      atMs: isPast ? startMs : (row.nextDueMs ?? startMs),
      title: isPast ? 'Wait 20 m 12 s' : 'Waits for attempt 2',
      detail: '20 m × 2⁰ + 12 s jitter',
      durationMs: isPast ? RECEIVED_BEFORE_MS : null,
      realDurationMs: isPast ? 20_200 : null,
    });
  }
  if (row.state !== 'deferred' && row.state !== 'queued' && row.attempts > 0) {
    parts.push({
      ...empty,
      kind: 'attempt',
      atMs: row.timeMs,
      title: `Attempt ${row.attempts}`,
      code: row.code,
      detail: row.lastText,
      durationMs: 4.8,
      state: row.state,
    });
  }
  if (row.state === 'delivered') {
    parts.push({
      ...empty,
      kind: 'maildir',
      atMs: row.timeMs,
      title: 'Maildir',
      detail: 'written by far end greylist',
    });
  }
  return parts;
}

export function fakeAttempts(row: RecipientRow): AttemptDetail[] {
  return Array.from({ length: row.attempts }, (_, index): AttemptDetail => {
    const isLast = index === row.attempts - 1;
    const startedMs = row.timeMs - (row.attempts - 1 - index) * RECEIVED_BEFORE_MS;
    const isFinal = isLast && row.state !== 'deferred';
    const code = isFinal ? row.code : 451;
    const text = isFinal ? row.lastText : '4.7.1 Greylisted, please try again in 300 seconds';
    return {
      id: row.seq * 10 + index,
      number: index + 1,
      dueMs: startedMs - 40,
      startedMs,
      startedRealMs: startedMs,
      durationMs: isFinal ? 4.8 : 6.1,
      protocol: 'ESMTP',
      site: 'ip-1->smarthost.example.net@smtp_client',
      pool: 'main',
      source: 'ip-1',
      peer: 'smarthost.example.net 127.0.0.1:2526',
      outcome: isFinal ? (row.state === 'delivered' ? 'delivered' : 'bounced') : 'deferred',
      code,
      text,
      nextDueMs: isFinal ? null : startedMs + RECEIVED_BEFORE_MS,
      arithmetic: isFinal ? null : `20 m × 2${'⁰¹²³⁴⁵'[index] ?? ''} + 12 s jitter`,
      notes: [
        {
          kind: 'why',
          offsetMs: null,
          what: '',
          text: 'Connected to smarthost.example.net (127.0.0.1), port 2526: port by its entry in the list',
          result: '',
          durationMs: null,
          source: null,
        },
      ],
      transcript: [
        { atMs: 0, who: 'note', text: 'connected to 127.0.0.1:2526' },
        { atMs: 0.6, who: 'server', text: '220 smarthost.example.net greylist' },
        { atMs: 0.7, who: 'client', text: 'EHLO yard.example.com' },
        {
          atMs: 1.1,
          who: 'server',
          text: '250-smarthost.example.net\n250-PIPELINING\n250 SIZE 52428800',
        },
        { atMs: 1.2, who: 'client', text: `MAIL FROM:<${row.from ?? ''}>` },
        { atMs: 1.6, who: 'server', text: '250 OK' },
        { atMs: 1.7, who: 'client', text: `RCPT TO:<${row.to ?? ''}>` },
        { atMs: 6.1, who: 'server', text: `${code} ${text}` },
      ],
    };
  });
}
