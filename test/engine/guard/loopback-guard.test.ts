/** The guard: what passes, what is refused before a packet, what the ledger says. */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import type { Clock } from '../../../engine/base/clock.ts';
import { DialTimeout } from '../../../engine/guard/dial.ts';
import { GuardRefusal } from '../../../engine/guard/guard.ts';
import type { DialTarget, LedgerRow } from '../../../engine/guard/guard.ts';
import { LoopbackGuard } from '../../../engine/guard/loopback-guard.ts';
import type { LoopbackGuardOptions } from '../../../engine/guard/loopback-guard.ts';

const clock = new SystemClock({ keepAlive: false });
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
});

function guardWith(options: Partial<LoopbackGuardOptions> = {}): {
  guard: LoopbackGuard;
  rows: LedgerRow[];
} {
  const rows: LedgerRow[] = [];
  const guard = new LoopbackGuard({ clock, ledger: (row) => rows.push(row), ...options });
  return { guard, rows };
}

function target(fields: Partial<DialTarget>): DialTarget {
  return {
    kind: 'smtp',
    address: '127.0.0.1',
    port: 9,
    host: 'mx.example.com',
    timeoutMs: 2000,
    ...fields,
  };
}

async function listen(at: { host: string; port: number } | { path: string }): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).end('hello'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, resolve));
  const address = server.address();
  return typeof address === 'string' ? 0 : (address as AddressInfo).port;
}

describe('dial()', () => {
  test('connects to loopback under any name and writes no row', async () => {
    const { guard, rows } = guardWith();
    const port = await listen({ host: '127.0.0.1', port: 0 });
    const socket = await guard.dial(target({ port }));
    const text = await new Promise((resolve) => socket.once('data', (d) => resolve(String(d))));
    socket.destroy();
    expect(text).toBe('hello');
    expect(rows).toEqual([]);
  });

  test('refuses an address outside, names the host and writes a row', async () => {
    const { guard, rows } = guardWith();
    const refused = guard.dial(target({ address: '192.0.2.1', port: 25 }));
    await expect(refused).rejects.toThrow(new GuardRefusal('mx.example.com'));
    await expect(refused).rejects.toThrow('guard: mx.example.com is not open');
    expect(rows).toMatchObject([
      { kind: 'smtp', target: 'mx.example.com (192.0.2.1:25)', allowed: false, why: 'not opened' },
    ]);
  });

  test('never takes a name for an address', async () => {
    const { guard } = guardWith({ isPermissive: true });
    await expect(guard.dial(target({ address: 'mx.example.com' }))).rejects.toThrow(/is a name/);
  });

  test('gives the system error of a refused connection', async () => {
    const { guard } = guardWith();
    const port = await listen({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    await expect(guard.dial(target({ port }))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('gives up after its timeout', async () => {
    // A clock whose timers are over at once: no connection is that fast.
    const hurried: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: () => Promise.resolve(),
      timer: (_delayMs, callback) => {
        queueMicrotask(callback);
        return { cancel: () => {} };
      },
    };
    const port = await listen({ host: '127.0.0.1', port: 0 });
    const { guard } = guardWith({ clock: hurried });
    const dialled = guard.dial(target({ port, timeoutMs: 1500 }));
    await expect(dialled).rejects.toBeInstanceOf(DialTimeout);
    await expect(dialled).rejects.toMatchObject({ code: 'ETIMEDOUT', timeoutMs: 1500 });
  });

  test('lets everything pass in strict mode and writes the row', async () => {
    const { guard, rows } = guardWith({ isPermissive: true });
    expect(guard.allows({ host: 'mx.example.com', address: '192.0.2.1' })).toBe(true);
    // UDP: connecting sends nothing.
    (await guard.dialDatagram(target({ kind: 'dns', address: '192.0.2.53', port: 53 }))).close();
    expect(rows).toMatchObject([{ allowed: true, why: 'strict mode' }]);
  });

  test('stops when it is aborted', async () => {
    const { guard } = guardWith();
    const stop = new AbortController();
    stop.abort(new Error('stopping'));
    await expect(guard.dial(target({ signal: stop.signal }))).rejects.toThrow('stopping');
  });

  test('connects from a local address', async () => {
    const { guard } = guardWith();
    const port = await listen({ host: '127.0.0.1', port: 0 });
    const socket = await guard.dial(target({ port, localAddress: '127.0.0.2' }));
    expect(socket.localAddress).toBe('127.0.0.2');
    socket.destroy();
  });

  test('refuses unix sockets unless they are allowed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-guard-'));
    const path = join(folder, 'sock');
    await listen({ path });
    await expect(guardWith().guard.dial(target({ address: path, host: path }))).rejects.toThrow(
      `guard: ${path} is not open`,
    );
    const open = guardWith({ allowUnixSockets: true });
    (await open.guard.dial(target({ address: path, host: path }))).destroy();
    expect(open.rows).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe('dialDatagram()', () => {
  test('asks a name server only about opened names, even one on loopback', async () => {
    const { guard, rows } = guardWith();
    guard.open('workspace', ['mx.example.com']);
    const peer = createSocket('udp4');
    await new Promise<void>((resolve) => peer.bind(0, '127.0.0.1', resolve));
    const heard = new Promise((resolve) => peer.once('message', (data) => resolve(String(data))));
    const socket = await guard.dialDatagram(target({ kind: 'dns', port: peer.address().port }));
    socket.send('ping');
    expect(await heard).toBe('ping');
    socket.close();
    peer.close();
    await expect(
      guard.dialDatagram(target({ kind: 'dns', address: '192.0.2.53', port: 53, host: 'a.test' })),
    ).rejects.toThrow('guard: a.test is not open');
    await expect(
      guard.dialDatagram(target({ kind: 'dns', port: 53, host: 'a.test' })),
    ).rejects.toThrow('guard: a.test is not open');
    expect(rows).toMatchObject([
      { allowed: true, why: 'workspace: mx.example.com' },
      { allowed: false, target: 'a.test (192.0.2.53:53)' },
      { allowed: false, target: 'a.test (127.0.0.1:53)' },
    ]);
  });
});

describe('open()', () => {
  test('opens names, suffixes, addresses and networks, per owner', () => {
    const { guard } = guardWith();
    const outside = { host: 'mx.example.com', address: '192.0.2.1' };
    expect(guard.allows(outside)).toBe(false);
    guard.open('workspace', ['MX.Example.com.']);
    expect(guard.allows(outside)).toBe(true);
    expect(guard.allows({ host: 'other.example.com', address: '192.0.2.1' })).toBe(false);
    guard.open('workspace', []);
    expect(guard.allows(outside)).toBe(false);
    guard.open('route smarthost', ['*.example.com']);
    expect(guard.allows(outside)).toBe(true);
    expect(guard.allows({ host: 'example.com' })).toBe(false);
    guard.open('route smarthost', ['192.0.2.0/24', '2001:db8::/32']);
    expect(guard.allows(outside)).toBe(true);
    expect(guard.allows({ host: '[2001:db8::1]' })).toBe(true);
    expect(guard.allows({ host: 'mx.example.com' })).toBe(false);
    guard.open('route smarthost', ['smtp.relay.test:587']);
    expect(guard.allows({ host: 'smtp.relay.test', address: '198.51.100.1' })).toBe(true);
    expect(guard.openHosts()).toEqual(['smtp.relay.test:587']);
  });

  test('says what an entry should be and changes nothing', () => {
    const { guard } = guardWith();
    guard.open('workspace', ['a.test']);
    expect(() => guard.open('workspace', ['a b'])).toThrow(/found "a b", expected a name/);
    expect(() => guard.open('workspace', ['10.0.0.1/8'])).toThrow(/host part of address/);
    expect(guard.openHosts()).toEqual(['a.test']);
  });

  test('knows every spelling of loopback', () => {
    const { guard } = guardWith();
    for (const host of ['127.9.9.9', '::1', '[::1]', '[IPv6:::1]', '0.0.0.0', 'localhost.']) {
      expect(guard.allows({ host }), host).toBe(true);
    }
    expect(guard.allows({ host: 'x.test', address: '::ffff:127.0.0.1' })).toBe(true);
    expect(guard.allows({ host: 'x.test', address: '::ffff:192.0.2.1' })).toBe(false);
    expect(guard.allows({ host: 'localhost.evil.test' })).toBe(false);
  });
});

test('refuse() writes the row of what was not even tried', () => {
  const { guard, rows } = guardWith();
  expect(guard.refuse('dns', 'example.com').message).toBe('guard: example.com is not open');
  expect(rows).toMatchObject([{ kind: 'dns', target: 'example.com', allowed: false }]);
});
