/**
 * A connection to a Redis server, opened through the guard when first used and again after it
 * broke. Requests are answered in the order in which they were sent.
 *
 * Source: redis.io "Redis pipelining".
 */
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { LuaValue } from '../lua/lua-value.ts';
import { dialFirst } from './http-exchange.ts';
import type { HttpDoor } from './http-exchange.ts';
import { encodeCommand, RedisFailure, ReplyReader } from './redis-protocol.ts';

export interface RedisSettings {
  readonly url: URL;
  readonly username: string | null;
  readonly password: string | null;
  readonly responseTimeoutMs: number;
}

interface Waiting {
  resolve(value: LuaValue): void;
  reject(error: Error): void;
}

export class RedisConnection {
  readonly #door: HttpDoor;
  readonly #settings: RedisSettings;
  #socket: Promise<Socket> | null = null;
  readonly #waiting: Waiting[] = [];

  constructor(door: HttpDoor, settings: RedisSettings) {
    this.#door = door;
    this.#settings = settings;
  }

  /** @throws {Error} what the server said, or why it could not be reached */
  async query(words: readonly (string | Uint8Array)[]): Promise<LuaValue> {
    if (this.#door.network) return this.#door.network.redis(words);
    const socket = await (this.#socket ??= this.#open());
    return this.#ask(socket, words);
  }

  close(): void {
    const opening = this.#socket;
    this.#socket = null;
    void opening?.then(
      (socket) => socket.destroy(),
      () => undefined,
    );
  }

  async #open(): Promise<Socket> {
    try {
      const { url } = this.#settings;
      const isSecure = url.protocol === 'rediss:';
      const plain = await dialFirst(this.#door, url.hostname, Number(url.port || 6379), 'redis');
      const socket = isSecure ? tlsConnect({ socket: plain, servername: url.hostname }) : plain;
      this.#listen(socket);
      await this.#greet(socket);
      return socket;
    } catch (error) {
      this.#socket = null;
      throw error;
    }
  }

  #listen(socket: Socket): void {
    const reader = new ReplyReader();
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
        for (let reply = reader.next(); reply; reply = reader.next()) this.#answer(reply.value);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.#break(error));
    socket.on('close', () => this.#break(new Error('connection closed by the server')));
    socket.unref();
  }

  async #greet(socket: Socket): Promise<void> {
    const { url } = this.#settings;
    const username = this.#settings.username ?? decodeURIComponent(url.username);
    const password = this.#settings.password ?? decodeURIComponent(url.password);
    if (password !== '') {
      await this.#ask(socket, username === '' ? ['AUTH', password] : ['AUTH', username, password]);
    }
    const database = url.pathname.slice(1);
    if (database !== '') await this.#ask(socket, ['SELECT', database]);
  }

  #ask(socket: Socket, words: readonly (string | Uint8Array)[]): Promise<LuaValue> {
    return new Promise((resolve, reject) => {
      const timer = this.#door.clock.timer(this.#settings.responseTimeoutMs, () =>
        socket.destroy(new Error('timed out waiting for the server')),
      );
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          timer.cancel();
          settle(value);
        };
      this.#waiting.push({ resolve: done(resolve), reject: done(reject) });
      socket.write(encodeCommand(words));
    });
  }

  #answer(value: LuaValue | RedisFailure): void {
    const waiting = this.#waiting.shift();
    if (value instanceof RedisFailure) waiting?.reject(value);
    else waiting?.resolve(value);
  }

  #break(error: Error): void {
    this.#socket = null;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
