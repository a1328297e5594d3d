/**
 * An engine for the window's tests: speaks `engine/api/protocol.ts` over HTTP and one WebSocket with
 * generated data, serves the built window, and lets a test add mail, change it, go silent and come
 * back. It knows no SMTP and no policy; what it says is only plausible.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket, { type WebSocket } from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { jsonHasText } from '../../engine/base/json-search.ts';
import type {
  ClockChange,
  ClockStatus,
  EngineStatus,
  LinkRequest,
  LiveEvent,
  LiveRequest,
  MaildirFlagRequest,
  MaildirMessage,
  QueueAction,
  RecipientRow,
  RecordRow,
  ReplaySelection,
  RowChange,
  RowPage,
  RowsRequest,
} from '../../engine/api/protocol.ts';
import { serveClock } from './fake-clock.ts';
import { FAKE_NOW_MS, emptyRow, fakeMatches, fakeRow } from './fake-mail.ts';
import {
  FAKE_CHECKS,
  FAKE_HTML,
  fakeAttempts,
  fakeDetail,
  fakeJourney,
  fakeSource,
} from './fake-message.ts';
import { FakeLab } from './fake-lab.ts';
import {
  fakeFolders,
  fakeMaildir,
  fakeQueueDetail,
  fakeQueueList,
  fakeRecord,
} from './fake-queues.ts';
import { serveRelease } from './fake-release.ts';
import { serveRoutes } from './fake-routes.ts';
import { serveFarEnds } from './fake-far-ends.ts';
import { serveSettings } from './fake-settings.ts';
import { FakeSuppression } from './fake-suppression.ts';
import { FakeTester } from './fake-tester.ts';

const root = join(import.meta.dirname, '../..');
const RING_EVENTS = 200;
const REAL_CLOCK = { realMs: FAKE_NOW_MS, speed: 1, offsetMs: 0 };
const FILTERED_SCAN_MAX = 200_000;
type Unnumbered = LiveEvent extends infer E
  ? E extends LiveEvent
    ? Omit<E, 'seq'>
    : never
  : never;

export interface FakeOptions {
  /** Rows stored at the start. */
  readonly rows?: number;
  readonly port?: number;
  readonly token?: string;
  readonly status?: Partial<EngineStatus>;
  /** Entries of the suppression list; 18 when left out. */
  readonly suppressed?: number;
  /** Cases of expectations; 23 when left out. */
  readonly expected?: number;
}

export class FakeEngine implements AsyncDisposable {
  readonly token: string;
  readonly sent: {
    actions: QueueAction[];
    clock: ClockChange[];
    links: LinkRequest[];
    flags: MaildirFlagRequest[];
    restarts: number;
  } = {
    actions: [],
    clock: [],
    links: [],
    flags: [],
    restarts: 0,
  };
  readonly lab = new FakeLab();
  readonly suppression: FakeSuppression;
  readonly tester: FakeTester;
  readonly #server: FastifyInstance;
  readonly #generated: number;
  readonly #added: RecipientRow[] = [];
  readonly #deleted = new Set<number>();
  readonly #changes = new Map<number, Partial<RecipientRow>>();
  readonly #flags = new Map<string, string>();
  readonly #suspended = new Set<string>();
  readonly #ring: LiveEvent[] = [];
  readonly #clients = new Set<WebSocket>();
  #startedMs = Date.now();
  #status: Partial<EngineStatus>;
  #seq = 0;
  #isSilent = false;
  #url = '';

  constructor(options: FakeOptions) {
    this.token = options.token ?? 'test-token';
    this.#generated = options.rows ?? 20;
    this.#status = options.status ?? {};
    this.#server = fastify();
    this.tester = new FakeTester(options.expected ?? (this.#generated === 0 ? 0 : 23));
    this.suppression = new FakeSuppression(options.suppressed ?? (this.#generated === 0 ? 0 : 18));
  }

  /** The page with its token, as the engine prints it. */
  get pageUrl(): string {
    return `${this.#url}/#token=${this.token}`;
  }
  get url(): string {
    return this.#url;
  }
  /** The mail clock: real time from a fixed moment on, or as fast as a test wanted it. */
  get nowMs(): number {
    const clock = this.#status.clock ?? { nowMs: FAKE_NOW_MS, speed: 1 };
    return clock.nowMs + (Date.now() - this.#startedMs) * clock.speed;
  }

  async start(port = 0): Promise<void> {
    const server = this.#server;
    await server.register(fastifyWebsocket);
    const dist = join(root, 'dist/renderer');
    if (existsSync(dist)) await server.register(fastifyStatic, { root: dist });
    server.addHook('onRequest', async (request, reply) => {
      if (this.#isSilent && request.url.startsWith('/api')) await new Promise(() => undefined);
      const isOpen =
        !request.url.startsWith('/api/v1/') || /^\/api\/v1\/(live|links\/)/.test(request.url);
      if (isOpen && request.method === 'GET') return;
      if (request.headers.authorization !== `Bearer ${this.token}`) {
        await reply.code(401).send({ error: { code: 'unauthorized', message: 'No token' } });
      }
    });
    this.#serveRows();
    this.#serveQueues();
    this.#serveRest();
    serveClock(server, this);
    serveSettings(server);
    serveFarEnds(server);
    this.tester.serve(server);
    this.suppression.serve(server, this);
    serveRelease(server, {
      routes: serveRoutes(server, this.#generated === 0),
      row: (seq) => this.#row(seq),
      add: (change) => this.add(1, change),
    });
    this.lab.serve(
      server,
      (selection) => this.#selected(selection),
      (rows) => rows.map(({ to }) => this.add(1, { to, state: 'queued' })[0]?.seq ?? 0),
    );
    server.get('/api/v1/live', { websocket: true }, (socket) => this.#join(socket));
    this.#url = await server.listen({ host: '127.0.0.1', port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.#server.close();
  }

  /** New mail, as one event. */
  add(count: number, change: Partial<RecipientRow> = {}): RecipientRow[] {
    const added = Array.from({ length: count }, (_, index) => {
      const seq = this.#newest + index + 1;
      return { ...emptyRow(seq, this.nowMs), subject: `New message ${seq}`, ...change };
    });
    this.#added.push(...added);
    this.emit({ type: 'rows', added, changed: [], total: this.#total });
    this.emit({ type: 'records', records: added.map(fakeRecord), dropped: 0 });
    this.emit({ type: 'status', status: this.status });
    return added;
  }

  change(seq: number, change: Partial<RecipientRow>): void {
    this.#changes.set(seq, { ...this.#changes.get(seq), ...change });
    const row = this.#row(seq);
    this.emit({ type: 'rows', added: [], changed: [changeOf(row)], total: this.#total });
  }

  /** Many rows in one event, as the engine batches them, and the queues they are in. */
  changeMany(seqs: readonly number[], change: Partial<RecipientRow>): void {
    for (const seq of seqs) this.#changes.set(seq, { ...this.#changes.get(seq), ...change });
    const changed = seqs.map((seq) => changeOf(this.#row(seq)));
    this.emit({ type: 'rows', added: [], changed, total: this.#total });
    this.emit({ type: 'queues', queues: fakeQueueList(this.nowMs, this.#suspended) });
    this.emit({ type: 'status', status: this.status });
  }

  setStatus(change: Partial<EngineStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.emit({ type: 'status', status: this.status });
  }

  setClock(change: Partial<ClockStatus>): void {
    const clock = { ...this.status.clock, ...change };
    this.#startedMs = Date.now();
    this.setStatus({ clock });
  }

  emit(event: Unnumbered): void {
    const numbered = { ...event, seq: ++this.#seq } as LiveEvent;
    this.#ring.push(numbered);
    if (this.#ring.length > RING_EVENTS) this.#ring.shift();
    if (this.#isSilent) return;
    const text = JSON.stringify(numbered);
    for (const client of this.#clients) client.send(text);
  }

  /** Stops answering without closing anything. */
  goSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
  }

  dropConnections(): void {
    for (const client of this.#clients) client.close(1011);
  }

  get status(): EngineStatus {
    const count = this.#count;
    return {
      version: '0.1.0',
      workspace: '/home/dev/shop-staging',
      workspaceName: 'shop-staging',
      listeners: [
        {
          service: 'smtp',
          address: '127.0.0.1:1025',
          wanted: null,
          offers: ['STARTTLS', 'AUTH PLAIN'],
        },
        { service: 'http', address: '127.0.0.1:8000', wanted: null },
        { service: 'ui', address: this.#url.replace('http://', ''), wanted: null },
      ],
      policy: {
        file: 'policy/init.lua',
        loadedMs: FAKE_NOW_MS - 21 * 60_000 - 5000,
        error: null,
        needsRestart: null,
        handlers: ['smtp_server_message_received', 'get_queue_config'],
      },
      suppression: this.suppression.status,
      queued: count === 0 ? 0 : 31,
      nextDueMs: count === 0 ? null : this.nowMs + 41_000,
      mailCount: count,
      mailBytes: count * 40_000,
      receivedPerMinute: count === 0 ? 0 : 12,
      openHosts: [],
      captureLeaving: true,
      inspectLag: 0,
      flushCount: 0,
      commitSeq: this.#seq,
      warnings: [],
      ...this.#status,
      clock: { ...(this.#status.clock ?? REAL_CLOCK), nowMs: this.nowMs },
    };
  }

  get #newest(): number {
    return this.#generated + this.#added.length;
  }
  get #count(): number {
    return this.#newest - this.#deleted.size;
  }
  get #total(): { value: number; isExact: boolean } {
    return { value: this.#count, isExact: true };
  }

  #row(seq: number): RecipientRow {
    const row = this.#added[seq - this.#generated - 1] ?? fakeRow(seq, this.#generated);
    return { ...row, ...this.#changes.get(seq), isDeleted: this.#deleted.has(seq) };
  }

  #page(query: Record<string, string | undefined>): RowPage {
    const limit = Number(query['limit'] ?? 100);
    const filter = query['filter'] ?? '';
    const isShown = (seq: number): RecipientRow | null => {
      if (this.#deleted.has(seq)) return null;
      const row = this.#row(seq);
      return filter === '' || fakeMatches(row, filter) ? row : null;
    };
    const rows: RecipientRow[] = [];
    const newerThan = query['newerThan'];
    if (newerThan !== undefined) {
      for (let seq = Number(newerThan) + 1; seq <= this.#newest && rows.length < limit; seq++) {
        const row = isShown(seq);
        if (row) rows.unshift(row);
      }
    } else {
      const start = Math.min(this.#newest, Number(query['at'] ?? query['cursor'] ?? this.#newest));
      for (let seq = start; seq >= 1 && rows.length < limit; seq--) {
        const row = isShown(seq);
        if (row) rows.push(row);
      }
    }
    const last = rows.at(-1)?.seq ?? 0;
    return {
      rows,
      next: last > 1 && rows.length === limit ? String(last - 1) : null,
      total: filter === '' ? this.#total : this.#matching(isShown),
      oldestSeq: this.#newest === 0 ? null : 1,
      newestSeq: this.#newest === 0 ? null : this.#newest,
      commitSeq: this.#seq,
    };
  }

  #selected({ seqs, filter = '', limit = 100 }: ReplaySelection): RecipientRow[] {
    if (seqs) return seqs.map((seq) => this.#row(seq));
    return [...this.#page({ filter, limit: String(limit) }).rows];
  }

  #matching(isShown: (seq: number) => RecipientRow | null): { value: number; isExact: boolean } {
    let value = 0;
    const from = Math.max(1, this.#newest - FILTERED_SCAN_MAX);
    for (let seq = from; seq <= this.#newest && value < 10_000; seq++) if (isShown(seq)) value++;
    return { value, isExact: value < 10_000 && from === 1 };
  }

  #serveRows(): void {
    const server = this.#server;
    server.get('/api/v1/rows', (request) => this.#page(request.query as Record<string, string>));
    const seqOf = (params: unknown): number => Number((params as { seq: string }).seq);
    server.get('/api/v1/rows/:seq', ({ params }) => fakeDetail(this.#row(seqOf(params))));
    server.get('/api/v1/rows/:seq/journey', ({ params }) => fakeJourney(this.#row(seqOf(params))));
    server.get('/api/v1/rows/:seq/checks', () => FAKE_CHECKS);
    server.get('/api/v1/rows/:seq/attempts', ({ params }) => ({
      attempts: fakeAttempts(this.#row(seqOf(params))),
    }));
    const mark = (what: 'delete' | 'undelete') => (request: { body: unknown }) => {
      const { seqs } = request.body as RowsRequest;
      for (const seq of seqs) {
        if (what === 'delete') this.#deleted.add(seq);
        else this.#deleted.delete(seq);
      }
      const changed = seqs.map((seq) => changeOf(this.#row(seq)));
      this.emit({ type: 'rows', added: [], changed, total: this.#total });
      this.emit({ type: 'status', status: this.status });
      return { changed: seqs.length };
    };
    server.post('/api/v1/rows/delete', mark('delete'));
    server.post('/api/v1/rows/undelete', mark('undelete'));
    server.delete('/api/v1/messages', (request) => {
      const { filter = '' } = request.query as { filter?: string };
      const seqs = this.#page({ filter, limit: String(this.#newest) }).rows.map(({ seq }) => seq);
      return { ...mark('delete')({ body: { seqs } }), seqs };
    });
    server.post('/api/v1/links', (request) => {
      const link = request.body as LinkRequest;
      this.sent.links.push(link);
      const query = new URLSearchParams({
        seq: String(link.seq),
        part: link.part ?? '',
        theme: link.theme ?? '',
      });
      return {
        url: `/api/v1/links/${link.what}?${query.toString()}`,
        expiresRealMs: Date.now() + 60_000,
      };
    });
    server.get('/api/v1/links/:what', (request, reply) =>
      this.#download(
        (request.params as { what: string }).what,
        request.query as { seq: string },
        reply,
        request.headers.range,
      ),
    );
  }

  async #download(
    what: string,
    { seq, theme }: { seq: string; theme?: string },
    reply: FastifyReply,
    range: string | undefined,
  ): Promise<FastifyReply> {
    if (what === 'preview') {
      return reply
        .header(
          'content-security-policy',
          "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        )
        .type('text/html; charset=utf-8')
        .send(
          FAKE_HTML.replace('(prefers-color-scheme:dark)', theme === 'dark' ? 'all' : 'not all'),
        );
    }
    const bytes = Buffer.from(fakeSource(this.#row(Number(seq))));
    const end = /^bytes=0-(\d+)$/.exec(range ?? '')?.[1];
    if (end !== undefined && Number(end) + 1 < bytes.length) {
      return reply
        .code(206)
        .header('content-range', `bytes 0-${end}/${bytes.length}`)
        .type('text/plain')
        .send(bytes.subarray(0, Number(end) + 1));
    }
    return reply.type('text/plain').send(bytes);
  }

  #serveQueues(): void {
    const server = this.#server;
    const list = () =>
      this.#count === 0
        ? { scheduled: [], ready: [], nowMs: this.nowMs }
        : fakeQueueList(this.nowMs, this.#suspended);
    server.get('/api/v1/queues', list);
    server.get('/api/v1/queues/:name', ({ params }) =>
      fakeQueueDetail(list(), (params as { name: string }).name),
    );
    server.post('/api/v1/queues/actions', (request) => {
      const action = request.body as QueueAction;
      this.sent.actions.push(action);
      if (action.verb === 'suspend') this.#suspended.add(action.queue);
      if (action.verb === 'resume') this.#suspended.delete(action.queue);
      this.emit({ type: 'queues', queues: list() });
      const undo: QueueAction | null =
        action.verb === 'suspend'
          ? { verb: 'resume', queue: action.queue }
          : action.verb === 'set-due'
            ? { verb: 'set-due', changes: [] }
            : null;
      return { changed: 1, text: `Did ${action.verb} for 1 message`, undo };
    });
  }

  #serveRest(): void {
    const server = this.#server;
    server.get('/api/v1/status', () => this.status);
    server.get('/api/v1/records', (request) =>
      this.#records(request.query as Record<string, string>),
    );
    server.get('/api/v1/maildirs', () => ({ folders: fakeFolders(this.#count) }));
    server.get('/api/v1/maildirs/messages', (request) => {
      const { path = '' } = request.query as { path?: string };
      return { path, messages: this.#maildir(path), more: 0 };
    });
    server.post('/api/v1/maildirs/flags', (request) => {
      const change = request.body as MaildirFlagRequest;
      this.sent.flags.push(change);
      for (const message of this.#maildir(change.path)) {
        if (!change.uniques.includes(message.unique)) continue;
        const kept = [...message.flags].filter(
          (flag) => !change.remove.includes(flag) && !change.add.includes(flag),
        );
        this.#flags.set(message.unique, [...kept, ...change.add].sort().join(''));
      }
      this.emit({ type: 'maildir', path: change.path });
      return { changed: change.uniques.length };
    });
    server.get('/api/v1/policy/lines', (request) => {
      const { file = '', line = '1', around = '9' } = request.query as Record<string, string>;
      const firstLine = Math.max(1, Number(line) - Number(around));
      const lines = Array.from({ length: Number(around) * 2 + 1 }, (_, index) =>
        policyLine(firstLine + index),
      );
      return { file, firstLine, lines };
    });
    server.post('/api/v1/restart', () => {
      this.sent.restarts++;
      return { restarting: true };
    });
    server.post('/api/v1/send-test', () => {
      const to = 'test@example.com';
      this.add(1, { to, subject: 'A test message from Postyard', state: 'delivered', attempts: 1 });
      this.setStatus({});
      return { ok: true, reply: '250 OK', to };
    });
  }

  #records(query: Record<string, string | undefined>): object {
    const limit = Number(query['limit'] ?? 100);
    const types = query['types']?.split(',');
    const text = query['q'] ?? '';
    const records: RecordRow[] = [];
    let seq = Number(query['cursor'] ?? this.#newest);
    for (; seq >= 1 && records.length < limit; seq--) {
      const record = fakeRecord(this.#row(seq));
      if (types && !types.includes(record.type)) continue;
      if (jsonHasText(record.json, text)) records.push(record);
    }
    const counts = {
      Reception: 3458,
      Delivery: 301,
      TransientFailure: 64,
      Bounce: 19,
      Expiration: 3,
      Rejection: 18,
    };
    return {
      records,
      next: seq >= 1 ? String(seq) : null,
      commitSeq: this.#seq,
      ...(query['cursor'] === undefined && this.#count > 0 ? { counts } : {}),
    };
  }

  #maildir(path: string): MaildirMessage[] {
    const rows = this.#page({ limit: '40', filter: 'state:delivered' }).rows;
    return fakeMaildir(rows, path).map((message) => {
      const flags = this.#flags.get(message.unique) ?? message.flags;
      return {
        ...message,
        flags,
        folder: this.#flags.has(message.unique) ? 'cur' : message.folder,
      };
    });
  }

  #join(socket: WebSocket): void {
    socket.on('message', (data: Buffer) => {
      const request = JSON.parse(data.toString()) as LiveRequest;
      if (request.type !== 'hello') return;
      if (request.token !== this.token) return socket.close(4401, 'wrong token');
      socket.send(
        JSON.stringify({
          type: 'welcome',
          seq: this.#seq,
          status: this.status,
        } satisfies LiveEvent),
      );
      const oldest = this.#ring[0]?.seq ?? this.#seq + 1;
      if (request.since !== null && (request.since < oldest - 1 || request.since > this.#seq)) {
        socket.send(
          JSON.stringify({ type: 'resync', seq: this.#seq, reason: 'too old' } satisfies LiveEvent),
        );
      } else if (request.since !== null) {
        for (const event of this.#ring)
          if (event.seq > request.since) socket.send(JSON.stringify(event));
      }
      this.#clients.add(socket);
    });
    socket.on('close', () => this.#clients.delete(socket));
  }
}

function changeOf(row: RecipientRow): RowChange {
  const {
    seq,
    state,
    code,
    route,
    queue,
    attempts,
    nextDueMs,
    lastText,
    subject,
    hasAttachment,
    isDeleted,
  } = row;
  return {
    seq,
    state,
    code,
    route,
    queue,
    attempts,
    nextDueMs,
    lastText,
    subject,
    hasAttachment,
    isDeleted,
  };
}

function policyLine(line: number): string {
  const lines: Readonly<Record<number, string>> = {
    25: "kumo.on('make.webhook', function(domain, tenant, campaign)",
    26: '  local connection = {}',
    27: '  function connection:send(message)',
    28: '    local response = client:post(URL):body(message:get_data()):send()',
    29: '    if response:status_code() ~= 200 then',
    30: "      kumo.reject(400, 'billing API answered ' .. response:status_code())",
    31: '    end',
    32: "    return 'OK'",
    33: '  end',
    34: '  return connection',
    35: 'end)',
  };
  return lines[line] ?? (line % 6 === 0 ? '' : `-- line ${line}`);
}

export async function startFakeEngine(options: FakeOptions = {}): Promise<FakeEngine> {
  const engine = new FakeEngine(options);
  await engine.start(options.port);
  return engine;
}

if (import.meta.main) {
  const engine = await startFakeEngine({
    rows: Number(process.argv[2] ?? 1204),
    port: Number(process.argv[3] ?? 0),
  });
  console.log(engine.pageUrl);
  if (process.argv.includes('--live'))
    setInterval(() => engine.add(1, { state: 'delivered' }), 2000);
}
