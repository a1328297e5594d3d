/**
 * Both ends of a connection that exists only in memory: reception gets one as its client's socket,
 * the dry conversation speaks into the other.
 */
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

class End extends Duplex {
  other: End | null = null;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    // The other end pushes.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = null;
    if (other !== null && !other.destroyed) other.destroy();
    done(error);
  }
}

/** Reception asks no more of a socket than a stream can do, as long as nobody begins TLS. */
export function memorySocket(): { readonly server: Socket; readonly client: Duplex } {
  const server = new End();
  const client = new End();
  server.other = client;
  client.other = server;
  return { server: server as unknown as Socket, client };
}
