/**
 * One question and its answer on the wire: UDP, and TCP when the answer did not fit. Sockets come
 * from the guard and are closed on every path.
 *
 * Source: RFC 1035 §4.2, RFC 7766.
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { DialTarget, Guard } from '../guard/guard.ts';
import { DnsError } from './resolver.ts';

/** Reads a packet; null when it is not the answer. */
type Read<T> = (bytes: Buffer) => T | null;

export async function exchangeDatagrams<T>(
  guard: Guard,
  clock: Clock,
  target: DialTarget,
  question: Buffer,
  read: Read<T>,
): Promise<T> {
  const socket: DatagramSocket = await guard.dialDatagram(target);
  try {
    return await withTimeout(clock, target, (resolve, reject) => {
      socket.on('error', reject);
      // Anything that is no answer to this question may be forged: it is ignored.
      socket.on('message', (bytes) => {
        const packet = read(bytes);
        if (packet !== null) resolve(packet);
      });
      socket.send(question);
    });
  } finally {
    socket.close();
  }
}

export async function exchangeStream<T>(
  guard: Guard,
  clock: Clock,
  target: DialTarget,
  question: Buffer,
  read: Read<T>,
): Promise<T> {
  const socket: Socket = await guard.dial(target);
  try {
    return await withTimeout(clock, target, (resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the name server closed the connection')));
      socket.on('data', (bytes) => {
        // The length in front is 16 bits, which bounds what is kept.
        received = Buffer.concat([received, bytes]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const packet = read(received.subarray(2, 2 + received.readUInt16BE(0)));
        if (packet === null) reject(new Error('the name server answered another question'));
        else resolve(packet);
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.length);
      socket.write(Buffer.concat([length, question]));
    });
  } finally {
    socket.destroy();
  }
}

function withTimeout<T>(
  clock: Clock,
  target: DialTarget,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.timer(target.timeoutMs, () =>
      settle(() =>
        reject(new DnsError('TIMEOUT', `${target.address}: no answer for ${target.host}`)),
      ),
    );
    const settle = (done: () => void): void => {
      timer.cancel();
      done();
    };
    start(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(toError(error))),
    );
  });
}
