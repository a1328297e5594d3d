/**
 * What Lua is doing right now, in memory that another thread can read. A count hook cannot stop a
 * loop inside a C function (`string.find` with a hostile pattern); a watcher that sees the same
 * event in progress for too long can name it and restart the engine.
 *
 * Layout: int32 0 is 1 while Lua runs; int32 1 counts entries; float64 1 is the monotonic start;
 * bytes 16.. are the event's name, zero-terminated.
 */
import type { MonotonicMs } from '../base/clock.ts';

const NAME_OFFSET = 16;
const NAME_BYTES_MAX = 112;

export class Heartbeat {
  readonly buffer = new SharedArrayBuffer(NAME_OFFSET + NAME_BYTES_MAX);
  readonly #words = new Int32Array(this.buffer, 0, 2);
  readonly #started = new Float64Array(this.buffer, 8, 1);
  readonly #name = new Uint8Array(this.buffer, NAME_OFFSET, NAME_BYTES_MAX);
  readonly #encoded = new Map<string, Uint8Array>();

  enter(event: string, sinceMs: MonotonicMs): void {
    const name = this.#encode(event);
    this.#name.set(name);
    this.#name[name.length] = 0;
    this.#started[0] = sinceMs;
    Atomics.add(this.#words, 1, 1);
    Atomics.store(this.#words, 0, 1);
  }

  leave(): void {
    Atomics.store(this.#words, 0, 0);
  }

  #encode(event: string): Uint8Array {
    let name = this.#encoded.get(event);
    if (!name) {
      name = Buffer.from(event, 'utf8').subarray(0, NAME_BYTES_MAX - 1);
      // Events are few, but scripts may make up names.
      if (this.#encoded.size < 1_000) this.#encoded.set(event, name);
    }
    return name;
  }
}

/** The event in progress and since when; null while Lua is idle. Works on any thread. */
export function readHeartbeat(
  buffer: SharedArrayBuffer,
): { readonly event: string; readonly sinceMs: MonotonicMs; readonly entry: number } | null {
  const words = new Int32Array(buffer, 0, 2);
  if (Atomics.load(words, 0) === 0) return null;
  const name = Buffer.from(new Uint8Array(buffer, NAME_OFFSET, NAME_BYTES_MAX));
  return {
    event: name.toString('utf8', 0, name.indexOf(0)),
    sinceMs: new Float64Array(buffer, 8, 1)[0] ?? 0,
    entry: Atomics.load(words, 1),
  };
}
