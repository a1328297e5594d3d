/**
 * SQLite databases that policies open. Policies open a database in every handler and leave closing
 * to the garbage collector; so handles of one path share connections, and a handle that needs
 * its connection for itself (an open transaction, temporary tables, pragmas, a database in memory)
 * keeps it until it ends.
 *
 * A connection whose file was replaced since is not used again.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Idle connections kept per path and busy timeout. */
const IDLE_MAX = 4;

/** Statements whose effect is on the connection itself and would leak into other handles. */
const CONNECTION_STATE = /^\s*(?:pragma|attach|detach|create\s+temp|begin|savepoint)/i;

interface Connection {
  readonly db: DatabaseSync;
  readonly fileId: string;
}

export class SqlitePool {
  readonly #idle = new Map<string, Connection[]>();
  readonly #handles = new Set<SqliteHandle>();

  open(path: string, busyTimeoutMs: number): SqliteHandle {
    const handle = new SqliteHandle(
      () => this.#take(path, busyTimeoutMs),
      (connection) => this.#giveBack(path, busyTimeoutMs, connection),
      () => this.#handles.delete(handle),
      isPrivate(path) ? 'keep' : 'share',
    );
    // Opening creates the file and reports what is wrong with it at once.
    handle.use('', () => undefined);
    this.#handles.add(handle);
    return handle;
  }

  close(): void {
    for (const handle of [...this.#handles]) handle.close();
    for (const { db } of [...this.#idle.values()].flat()) db.close();
    this.#idle.clear();
  }

  #take(path: string, busyTimeoutMs: number): Connection {
    const idle = this.#idle.get(`${busyTimeoutMs} ${path}`) ?? [];
    for (let known = idle.pop(); known; known = idle.pop()) {
      if (known.fileId === fileIdOf(path)) return known;
      known.db.close();
    }
    const db = new DatabaseSync(path, {
      timeout: busyTimeoutMs,
      enableForeignKeyConstraints: false,
      // SQLite's own default, which KumoMTA has: "x" may be a text.
      enableDoubleQuotedStringLiterals: true,
    });
    return { db, fileId: fileIdOf(path) };
  }

  #giveBack(path: string, busyTimeoutMs: number, connection: Connection): void {
    const key = `${busyTimeoutMs} ${path}`;
    const idle = this.#idle.get(key) ?? [];
    if (idle.length >= IDLE_MAX) return connection.db.close();
    idle.push(connection);
    this.#idle.set(key, idle);
  }
}

/** Whether the database is the connection's own and ends with it. */
function isPrivate(path: string): boolean {
  return path === '' || path.includes(':memory:');
}

/** One `sqlite.open`: it owns a connection only while it has to. */
export class SqliteHandle {
  readonly #take: () => Connection;
  readonly #giveBack: (connection: Connection) => void;
  readonly #onClose: () => void;
  #owned: Connection | null = null;
  #keeps: boolean;
  #isClosed = false;

  constructor(
    take: () => Connection,
    giveBack: (connection: Connection) => void,
    onClose: () => void,
    connection: 'keep' | 'share',
  ) {
    this.#take = take;
    this.#giveBack = giveBack;
    this.#onClose = onClose;
    this.#keeps = connection === 'keep';
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws {Error} `connection was closed`, or SQLite's error */
  use<T>(sql: string, work: (db: DatabaseSync) => T): T {
    if (this.#isClosed) throw new Error('connection was closed');
    const connection = this.#owned ?? this.#take();
    this.#owned = connection;
    this.#keeps ||= CONNECTION_STATE.test(sql) && !/^\s*(?:begin|savepoint)/i.test(sql);
    try {
      return work(connection.db);
    } finally {
      if (!this.#keeps && !connection.db.isTransaction) {
        this.#owned = null;
        this.#giveBack(connection);
      }
    }
  }

  /** Rolls back what is open. Closing twice is allowed. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owned?.db.close();
    this.#owned = null;
    this.#onClose();
  }
}

/** Tells a replaced file from the one that was opened. */
function fileIdOf(path: string): string {
  try {
    // An inode number may be given to the next file at once, its time of birth not.
    const { dev, ino, birthtimeNs } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return '';
  }
}
