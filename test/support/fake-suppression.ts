/** Suppression of the fake engine: a list in memory, and a demo whose results are only plausible. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type {
  EngineStatus,
  SuppressionAdd,
  SuppressionChange,
  SuppressionDemoRequest,
  SuppressionDemoResult,
  SuppressionEntryRow,
  SuppressionImport,
  SuppressionMode,
  SuppressionRemove,
  SuppressionStatus,
} from '../../engine/api/protocol.ts';
import { FAKE_NOW_MS } from './fake-mail.ts';

export interface FakeHost {
  setStatus(status: Partial<EngineStatus>): void;
}

const DAY_MS = 86_400_000;

/** A list as it looks after some days: `count` entries of every origin. */
function entriesOf(count: number): SuppressionEntryRow[] {
  const origins = ['bounce', 'hand', 'oob', 'expiration', 'import', 'policy'] as const;
  const sources = ['550 5.1.1', '', '5.1.1 in DSN', '551 5.4.7', 'list.csv:3', ''];
  return Array.from({ length: count }, (_, index) => ({
    id: count - index,
    recipient: index === 0 ? 'bounced.before@example.net' : `reader.${index}@example.org`,
    sendingDomain: index % 3 === 1 ? '' : 'news.example.com',
    reason: 'no such user',
    origin: origins[index % 6] ?? 'hand',
    sinceMs: FAKE_NOW_MS - (index * DAY_MS) / 3,
    source: sources[index % 6] ?? '',
    recordSeq: index % 6 === 0 ? 3 : null,
    rowSeq: index % 6 === 0 ? 1 : null,
    hits: index % 4,
    lastHitMs: null,
  }));
}

export class FakeSuppression {
  readonly sent: { readonly path: string; readonly body: unknown }[] = [];
  #entries: SuppressionEntryRow[];
  #removed: SuppressionEntryRow[] = [];
  #nextId = 100_000;
  #version = 1;
  #mode: SuppressionMode = 'off';
  #autoAdd: SuppressionStatus['autoAdd'] = {
    bounce: true,
    oob: false,
    expiration: false,
    classes: [],
  };

  constructor(count: number) {
    this.#entries = entriesOf(count);
  }

  get status(): SuppressionStatus {
    return {
      mode: this.#mode,
      autoAdd: this.#autoAdd,
      count: this.#entries.length,
      version: this.#version,
      problem: null,
      file: 'suppression.db',
    };
  }

  serve(server: FastifyInstance, host: FakeHost): void {
    const changed = (): void => {
      this.#version++;
      host.setStatus({ suppression: this.status });
    };
    const post = <B>(path: string, run: (body: B, reply: FastifyReply) => unknown): void => {
      server.post(`/api/v1/suppression${path}`, (request, reply) => {
        this.sent.push({ path, body: request.body });
        return run(request.body as B, reply);
      });
    };
    server.get<{ Querystring: { cursor?: string; limit: string; q?: string } }>(
      '/api/v1/suppression',
      ({ query }) => this.#page(Number(query.cursor ?? 0), Number(query.limit), query.q ?? ''),
    );
    server.get('/api/v1/suppression/export', (_request, reply) =>
      reply
        .type('text/csv')
        .send(this.#entries.map(({ recipient }) => `${recipient}\r\n`).join('')),
    );
    server.get<{ Querystring: { mode: 'reject' | 'null' | 'bounce' } }>(
      '/api/v1/suppression/lua',
      ({ query }) => ({
        mode: query.mode,
        file: 'suppression.lua',
        text: `-- ${query.mode}\nreturn {}\n`,
        core:
          query.mode === 'reject'
            ? 'kumo.reject(550, reply)'
            : `msg:set_meta('queue', '${query.mode === 'null' ? 'null' : 'suppressed'}')`,
      }),
    );
    post<SuppressionAdd>('', ({ entries }, reply) => {
      const wrong = entries.find(({ recipient }) => !recipient.includes('@'));
      if (wrong) {
        const message = `recipient is "${wrong.recipient}", expected an address`;
        return reply.code(400).send({ error: { code: 'invalid', message } });
      }
      const made = entries.map(({ recipient, sendingDomain }) =>
        this.#make(recipient, sendingDomain),
      );
      this.#entries = [...made, ...this.#entries];
      changed();
      return { added: made.length, existing: 0 };
    });
    post<SuppressionRemove>('/remove', ({ ids = [], keys = [] }) => {
      const isGone = ({ id, recipient }: SuppressionEntryRow): boolean =>
        ids.includes(id) || keys.some((key) => key.recipient === recipient);
      this.#removed = this.#entries.filter(isGone);
      this.#entries = this.#entries.filter((entry) => !isGone(entry));
      changed();
      return { removed: this.#removed.length, undo: 'token' };
    });
    post('/undo', () => {
      this.#entries = [...this.#removed, ...this.#entries];
      changed();
      return { changed: this.#removed.length };
    });
    post<SuppressionImport>('/import', ({ text }) => {
      const made = text.split('\n').flatMap((line) => (line ? [this.#make(line.trim())] : []));
      this.#entries = [...made, ...this.#entries];
      changed();
      return { added: made.length, existing: 0, refused: [], refusedCount: 0 };
    });
    post<SuppressionChange>('/settings', ({ mode, autoAdd }) => {
      this.#mode = mode ?? this.#mode;
      this.#autoAdd = { ...this.#autoAdd, ...autoAdd };
      changed();
      return this.status;
    });
    post<SuppressionDemoRequest>('/demo', (request) => demoResult(request));
    post('/demo/reset', () => this.status);
  }

  #page(from: number, limit: number, text: string): object {
    const found = this.#entries.filter(({ recipient }) => recipient.includes(text));
    const end = from + limit;
    return {
      entries: found.slice(from, end),
      next: end < found.length ? String(end) : null,
      matching: found.length,
    };
  }

  #make(recipient: string, sendingDomain = ''): SuppressionEntryRow {
    return {
      ...{ id: this.#nextId++, recipient, sendingDomain, reason: '', origin: 'hand', source: '' },
      ...{ sinceMs: FAKE_NOW_MS, recordSeq: null, rowSeq: null, hits: 0, lastHitMs: null },
    };
  }
}

function demoResult({ step, from = '', to = '' }: SuppressionDemoRequest): SuppressionDemoResult {
  const refusal = '550 5.7.1 recipient is suppressed (bounce 2026-11-21)';
  const reply = step === 'reject' ? refusal : '250 OK ids=9c02e1d4e8ee11f193a0cc0616c96fb1';
  const entry = `${to} from news.example.com: Bounce 550 5.1.1, since 2026-11-21`;
  const call = { kind: 'call', text: '', durationMs: 0.1, source: null } as const;
  const record = (type: string, code: number) => ({ type, code, text: '', recordSeq: code });
  const records = {
    reject: [record('Rejection', 550)],
    null: [record('Reception', 250)],
    bounce: [record('Reception', 250), record('Bounce', 550)],
    off: [record('Reception', 250), record('Delivery', 200)],
  };
  return {
    ...{ step, from, to, reply, rowSeq: 1, records: records[step] },
    entry: step === 'off' ? null : entry,
    state: step === 'off' ? 'delivered' : 'suppressed',
    queue: { reject: '', null: 'null', bounce: 'suppressed', off: 'example.net' }[step],
    attempts: step === 'bounce' || step === 'off' ? 1 : 0,
    transcript: [
      { atMs: 12.1, who: 'client', text: `RCPT TO:<${to}>` },
      { atMs: 12.4, who: 'server', text: `250 OK <${to}>` },
      { atMs: 12.5, who: 'client', text: 'DATA' },
      { atMs: 12.6, who: 'server', text: '354 Send body; end with CRLF.CRLF' },
      { atMs: 12.9, who: 'client', text: '(257 bytes of message data)' },
      { atMs: 13.9, who: 'server', text: reply },
    ],
    steps: [
      { ...call, offsetMs: 13.3, what: 'suppression', result: entry },
      ...(step === 'bounce'
        ? [{ ...call, offsetMs: 0.2, what: 'make.suppression:send', result: 'raised 550' }]
        : []),
    ],
    maildir: step === 'off' ? 'mail/example.net/bounced.before' : null,
  };
}
