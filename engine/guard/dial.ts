/**
 * Opens sockets: the only file of the engine that connects anywhere. `loopback-guard.ts` decides
 * before it is called.
 *
 * Addresses only, never names: Node would ask the system's DNS. A socket that is handed over has
 * an error listener, since an error before its owner listens must not end the process; the owner
 * looks at `socket.errored`.
 */
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { assert, toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { DialTarget } from './guard.ts';

/** The connection was not there after `timeoutMs`; not the system's own ETIMEDOUT. */
export class DialTimeout extends Error {
  readonly code = 'ETIMEDOUT';
  readonly timeoutMs: number;

  constructor(target: DialTarget) {
    super(`Cannot connect to ${describe(target)}: no answer within ${target.timeoutMs} ms`);
    this.name = 'DialTimeout';
    this.timeoutMs = target.timeoutMs;
  }
}

export function isUnixPath(address: string): boolean {
  return address.startsWith('/');
}

/** `ip:port`, `[ip]:port` for IPv6, or the path. */
export function describe(target: { readonly address: string; readonly port: number }): string {
  if (isUnixPath(target.address)) return target.address;
  const ip = target.address.includes(':') ? `[${target.address}]` : target.address;
  return `${ip}:${target.port}`;
}

/** A connected TCP or unix socket. Rejects with the system's error, `DialTimeout` or the abort reason. */
export function dialStream(target: DialTarget, clock: Clock): Promise<Socket> {
  assert(
    isUnixPath(target.address) || isIP(target.address) !== 0,
    `dialled ${target.address}, which is a name`,
  );
  return new Promise((resolve, reject) => {
    if (target.signal?.aborted) return reject(toError(target.signal.reason));
    const socket = connect(
      isUnixPath(target.address)
        ? { path: target.address }
        : {
            host: target.address,
            port: target.port,
            autoSelectFamily: false,
            noDelay: true,
            ...(target.localAddress === undefined ? {} : { localAddress: target.localAddress }),
          },
    );
    const settle = (error: Error | null): void => {
      timer.cancel();
      target.signal?.removeEventListener('abort', onAbort);
      socket.off('error', settle).off('connect', onConnect);
      if (error === null) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const onConnect = (): void => settle(null);
    const onAbort = (): void => settle(toError(target.signal?.reason));
    const timer = clock.timer(target.timeoutMs, () => settle(new DialTimeout(target)));
    target.signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => {});
    socket.once('error', settle).once('connect', onConnect);
  });
}

/** A UDP socket bound to a free port and connected to the target. */
export function dialDatagram(target: DialTarget): Promise<DatagramSocket> {
  const family = isIP(target.address);
  assert(family !== 0, `dialled ${target.address} by UDP, which is not an address`);
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    socket.on('error', () => {});
    const onError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.connect(target.port, target.address, () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });
}
