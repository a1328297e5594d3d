/**
 * The live stream: one WebSocket per window. Events are numbered and kept in a bounded ring, so a
 * window that lost its connection continues where it was; one that was away too long, or reads
 * too slowly, is told to resync instead of losing events silently. Rows and records are gathered
 * and sent at most ten times a second: a burst costs the window one update, not thousands.
 */
import type { WebSocket } from '@fastify/websocket';
import type { Clock, Timer } from '../base/clock.ts';
import type {
  Count,
  EngineStatus,
  LiveEvent,
  LiveRequest,
  QueueList,
  RecipientRow,
  RecordRow,
  RowChange,
} from './protocol.ts';
import type { Token } from './token.ts';

const RING_EVENTS_MAX = 512;
const BATCH_INTERVAL_MS = 100;
/** What comes after a rest is told sooner: somebody waits for it to appear. */
const FIRST_BATCH_WAIT_MS = 5;
const BATCH_ROWS_MAX = 2_000;
const BATCH_RECORDS_MAX = 500;
/** A window whose socket has this much unsent is behind; it is told to resync when it caught up. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;
const HELLO_DEADLINE_MS = 10_000;

type Unnumbered<T> = T extends { seq: number } ? Omit<T, 'seq'> : never;

interface Client {
  readonly socket: WebSocket;
  isBehind: boolean;
  maildir: string | null;
}

/** What the stream asks when it composes a message. */
export interface LiveSources {
  status(): EngineStatus;
  total(): Count;
  queues(): QueueList;
  /** A window opened (or closed: null) this maildir. */
  watchMaildir(path: string, isOpen: boolean): void;
}

export class LiveStream {
  readonly #token: Token;
  readonly #clock: Clock;
  readonly #sources: LiveSources;
  readonly #clients = new Set<Client>();
  readonly #ring: LiveEvent[] = [];
  #seq = 0;
  #added: RecipientRow[] = [];
  #changed = new Map<number, RowChange>();
  #records: RecordRow[] = [];
  #droppedRecords = 0;
  #droppedRows = false;
  #queuesChanged = false;
  #statusChanged = false;
  #farEndsChanged = false;
  #timer: Timer | null = null;
  /** Monotonic; when the last batch went out. */
  #flushedMs = -Infinity;

  constructor(token: Token, clock: Clock, sources: LiveSources) {
    this.#token = token;
    this.#clock = clock;
    this.#sources = sources;
  }

  /** Whether anybody looks; without, there is nothing to prepare. */
  get isWatched(): boolean {
    return this.#clients.size > 0;
  }

  rowsAdded(rows: readonly RecipientRow[]): void {
    if (this.#clients.size === 0) return this.#skip();
    if (this.#added.length + rows.length > BATCH_ROWS_MAX) this.#droppedRows = true;
    else this.#added.push(...rows);
    this.#arm();
  }

  rowsChanged(changes: readonly RowChange[]): void {
    if (this.#clients.size === 0) return this.#skip();
    for (const change of changes) {
      const earlier = this.#changed.get(change.seq);
      if (earlier === undefined && this.#changed.size >= BATCH_ROWS_MAX) this.#droppedRows = true;
      else this.#changed.set(change.seq, { ...earlier, ...change });
    }
    this.#arm();
  }

  recordAdded(record: RecordRow): void {
    if (this.#clients.size === 0) return;
    if (this.#records.length < BATCH_RECORDS_MAX) this.#records.push(record);
    else this.#droppedRecords++;
    this.#arm();
  }

  queuesChanged(): void {
    this.#queuesChanged = true;
    this.#arm();
  }

  statusChanged(): void {
    this.#statusChanged = true;
    this.#arm();
  }

  /** What the windows show is out of date as a whole. */
  resync(reason: string): void {
    if (this.#clients.size > 0) this.#emit({ type: 'resync', reason });
  }

  farEndsChanged(): void {
    this.#farEndsChanged = true;
    this.#arm();
  }

  maildirChanged(path: string): void {
    this.#emit({ type: 'maildir', path });
  }

  print(level: string, text: string, timeMs: number): void {
    if (this.#clients.size > 0) this.#emit({ type: 'print', level, text, timeMs });
  }

  accept(socket: WebSocket): void {
    let client: Client | null = null;
    const deadline = this.#clock.timer(HELLO_DEADLINE_MS, () => socket.close(4401, 'no hello'));
    socket.on('message', (raw: Buffer) => {
      const request = parseRequest(raw);
      if (request === null) return socket.close(4400, 'not a request');
      if (request.type === 'hello') {
        deadline.cancel();
        if (!this.#token.matches(request.token)) return socket.close(4401, 'wrong token');
        client ??= this.#join(socket, request.since);
      } else if (client === null) {
        socket.close(4401, 'hello first');
      } else {
        this.#watch(client, request.maildir);
      }
    });
    socket.on('close', () => {
      deadline.cancel();
      if (client === null) return;
      this.#watch(client, null);
      this.#clients.delete(client);
    });
    socket.on('error', () => socket.terminate());
  }

  close(): void {
    this.#timer?.cancel();
    for (const { socket } of this.#clients) socket.close(1001, 'engine stops');
    this.#clients.clear();
  }

  #join(socket: WebSocket, since: number | null): Client {
    const client: Client = { socket, isBehind: false, maildir: null };
    this.#clients.add(client);
    const oldest = this.#ring[0]?.seq ?? this.#seq + 1;
    const canContinue = since !== null && since <= this.#seq && since >= oldest - 1;
    this.#send(client, {
      type: 'welcome',
      seq: canContinue ? since : this.#seq,
      status: this.#sources.status(),
    });
    if (canContinue) {
      for (const event of this.#ring) if (event.seq > since) this.#send(client, event);
    } else if (since !== null) {
      this.#send(client, {
        type: 'resync',
        seq: this.#seq,
        reason: 'the events since then are no longer kept',
      });
    }
    return client;
  }

  #watch(client: Client, path: string | null): void {
    if (client.maildir === path) return;
    const old = client.maildir;
    client.maildir = path;
    if (path !== null) this.#sources.watchMaildir(path, true);
    if (old !== null && ![...this.#clients].some((other) => other.maildir === old))
      this.#sources.watchMaildir(old, false);
  }

  /** Nobody looks: nothing is composed, but what comes next cannot continue an old stream. */
  #skip(): void {
    if (this.#ring.length === 0) return;
    this.#ring.length = 0;
    this.#seq++;
  }

  #arm(): void {
    if (this.#clients.size === 0) return;
    if (this.#timer !== null) return;
    const restMs = this.#flushedMs + BATCH_INTERVAL_MS - this.#clock.monotonic();
    this.#timer = this.#clock.timer(Math.max(FIRST_BATCH_WAIT_MS, restMs), () => {
      this.#timer = null;
      this.#flushedMs = this.#clock.monotonic();
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#droppedRows) {
      this.#droppedRows = false;
      this.#added = [];
      this.#changed = new Map();
      this.#emit({ type: 'resync', reason: 'more rows than a window can follow' });
    } else if (this.#added.length > 0 || this.#changed.size > 0) {
      const event = {
        type: 'rows',
        added: this.#added,
        changed: [...this.#changed.values()],
        total: this.#sources.total(),
      } as const;
      this.#added = [];
      this.#changed = new Map();
      this.#emit(event);
    }
    if (this.#records.length > 0) {
      const event = {
        type: 'records',
        records: this.#records,
        dropped: this.#droppedRecords,
      } as const;
      this.#records = [];
      this.#droppedRecords = 0;
      this.#emit(event);
    }
    if (this.#queuesChanged) {
      this.#queuesChanged = false;
      this.#emit({ type: 'queues', queues: this.#sources.queues() });
    }
    if (this.#farEndsChanged) {
      this.#farEndsChanged = false;
      this.#emit({ type: 'far-ends' });
    }
    if (this.#statusChanged) {
      this.#statusChanged = false;
      this.#emit({ type: 'status', status: this.#sources.status() });
    }
  }

  #emit(event: Unnumbered<LiveEvent>): void {
    const numbered = { ...event, seq: ++this.#seq } as LiveEvent;
    this.#ring.push(numbered);
    if (this.#ring.length > RING_EVENTS_MAX) this.#ring.shift();
    for (const client of this.#clients) this.#send(client, numbered);
  }

  #send(client: Client, event: LiveEvent): void {
    if (client.socket.bufferedAmount > BUFFERED_BYTES_MAX) {
      client.isBehind = true;
      return;
    }
    if (client.isBehind) {
      client.isBehind = false;
      client.socket.send(
        JSON.stringify({ type: 'resync', seq: this.#seq, reason: 'this window read too slowly' }),
      );
    }
    client.socket.send(JSON.stringify(event));
  }
}

function parseRequest(raw: Buffer): LiveRequest | null {
  try {
    const value = JSON.parse(raw.toString('utf8')) as Partial<Record<string, unknown>>;
    if (value['type'] === 'hello' && typeof value['token'] === 'string') {
      return {
        type: 'hello',
        token: value['token'],
        since: typeof value['since'] === 'number' ? value['since'] : null,
      };
    }
    if (value['type'] === 'watch') {
      return {
        type: 'watch',
        maildir: typeof value['maildir'] === 'string' ? value['maildir'] : null,
      };
    }
    return null;
  } catch {
    return null;
  }
}
