/** The system's DNS against a name server of our own on loopback: guard, cache, truncation, forgery. */
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { decode, encode, streamDecode, streamEncode } from 'dns-packet';
import type { Answer, Packet } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import type { Clock } from '../../../engine/base/clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import { SystemDns } from '../../../engine/dns/system-dns.ts';
import type { LedgerRow } from '../../../engine/guard/guard.ts';
import { LoopbackGuard } from '../../../engine/guard/loopback-guard.ts';

const NOERROR = 0;
const SERVFAIL = 2;
const NXDOMAIN = 3;

/** Answers from a table; counts what it was asked. */
class NameServer {
  readonly asked: string[] = [];
  readonly answers = new Map<string, { rcode?: number; records?: Answer[]; truncated?: boolean }>();
  mode: 'answer' | 'silent' | 'forge-first' = 'answer';
  #udp: DatagramSocket = createSocket('udp4');
  #tcp: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const packet = streamDecode(bytes);
      if (packet) socket.end(streamEncode(this.#reply(packet, 'tcp')));
    });
  });
  port = 0;

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#tcp.listen(0, '127.0.0.1', resolve));
    this.port = (this.#tcp.address() as AddressInfo).port;
    await new Promise<void>((resolve) => this.#udp.bind(this.port, '127.0.0.1', resolve));
    this.#udp.on('message', (bytes, from) => {
      if (this.mode === 'silent') return void this.asked.push('?');
      const packet = decode(bytes);
      if (this.mode === 'forge-first') {
        this.#udp.send(
          encode({ ...this.#reply(packet, 'forged'), id: (packet.id ?? 0) ^ 1 }),
          from.port,
          from.address,
        );
        this.#udp.send(Buffer.from('garbage'), from.port, from.address);
      }
      this.#udp.send(encode(this.#reply(packet, 'udp')), from.port, from.address);
    });
  }

  async stop(): Promise<void> {
    this.#udp.close();
    await new Promise((resolve) => this.#tcp.close(resolve));
  }

  #reply(packet: Packet, how: 'udp' | 'tcp' | 'forged'): Packet {
    const question = packet.questions?.[0];
    const key = `${question?.type} ${question?.name}`;
    this.asked.push(`${how} ${key}`);
    const found = this.answers.get(key) ?? { rcode: NXDOMAIN };
    const isCut = how === 'udp' && found.truncated === true;
    return {
      type: 'response',
      ...(packet.id === undefined ? {} : { id: packet.id }),
      flags: (found.rcode ?? NOERROR) | (isCut ? 0x200 : 0),
      questions: packet.questions,
      answers: isCut || how === 'forged' ? [] : (found.records ?? []),
    };
  }
}

let server: NameServer;
let rows: LedgerRow[];
let guard: LoopbackGuard;
const clock = new SystemClock({ keepAlive: false });
let mailNow = 0;
const mailClock: Clock = {
  now: () => mailNow,
  monotonic: () => mailNow,
  sleep: () => Promise.resolve(),
  timer: () => ({ cancel: () => {} }),
};

beforeEach(async () => {
  server = new NameServer();
  await server.start();
  rows = [];
  guard = new LoopbackGuard({ clock, ledger: (row) => rows.push(row) });
});

afterEach(() => server.stop());

function systemDns(options: { clock?: Clock; servers?: () => string[] } = {}): SystemDns {
  return new SystemDns({
    guard,
    clock,
    mailClock,
    random: new SeededRandom(1),
    servers: () => [`127.0.0.1:${server.port}`],
    ...options,
  });
}

function resolver(dns: SystemDns): LocalResolver {
  return new LocalResolver({ clock, system: dns });
}

describe('query()', () => {
  test('sends nothing about a name that is not open', async () => {
    const local = resolver(systemDns());
    await expect(local.lookupMx('example.com')).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'guard: example.com is not open',
    });
    expect(await local.lookupTxt('example.com')).toEqual([]);
    expect(server.asked).toEqual([]);
    expect(rows).toMatchObject([
      { kind: 'dns', target: 'example.com', allowed: false },
      { kind: 'dns', target: 'example.com', allowed: false },
    ]);
  });

  test('asks about opened names, and about the exchanges of an opened domain', async () => {
    guard.open('workspace', ['example.com']);
    server.answers.set('MX example.com', {
      records: [
        {
          type: 'MX',
          name: 'example.com',
          ttl: 60,
          data: { preference: 5, exchange: 'MX.host.test' },
        },
      ],
    });
    server.answers.set('A mx.host.test', {
      records: [
        { type: 'CNAME', name: 'mx.host.test', ttl: 60, data: 'real.host.test' },
        { type: 'A', name: 'real.host.test', ttl: 60, data: '192.0.2.5' },
      ],
    });
    server.answers.set('AAAA mx.host.test', {
      records: [{ type: 'AAAA', name: 'mx.host.test', ttl: 60, data: '2001:db8:0:0::5' }],
    });
    const local = resolver(systemDns());
    await expect(local.lookupAddr('mx.host.test')).rejects.toMatchObject({ code: 'REFUSED' });
    const mx = await local.lookupMx('example.com');
    expect(mx).toMatchObject({ hosts: ['mx.host.test.'], answeredBy: 'DNS server 127.0.0.1' });
    expect(await local.lookupAddr('mx.host.test')).toEqual(['192.0.2.5', '2001:db8::5']);
    expect(rows.filter((row) => row.allowed).map((row) => row.why)).toContain(
      'workspace: example.com',
    );
  });

  test('believes an answer as long as it says, and a failure for five minutes', async () => {
    guard.open('workspace', ['*']);
    server.answers.set('TXT a.test', {
      records: [{ type: 'TXT', name: 'a.test', ttl: 60, data: ['one ', 'two'] }],
    });
    server.answers.set('TXT bad.test', { rcode: SERVFAIL });
    const local = resolver(systemDns());
    const ask = async (): Promise<number> => {
      expect(await local.lookupTxt('a.test')).toEqual(['one two']);
      await expect(local.lookupTxt('bad.test')).rejects.toMatchObject({ code: 'SERVFAIL' });
      expect(await local.lookupTxt('none.test')).toEqual([]);
      return server.asked.length;
    };
    const first = await ask();
    expect(await ask()).toBe(first);
    mailNow += 61_000;
    expect(await ask()).toBe(first + 1);
    mailNow += 5 * 60_000;
    expect(await ask()).toBeGreaterThan(first + 3);
  });

  test('asks again by TCP when the answer was cut', async () => {
    guard.open('workspace', ['*']);
    server.answers.set('TXT long.test', {
      truncated: true,
      records: [{ type: 'TXT', name: 'long.test', ttl: 60, data: 'x'.repeat(200) }],
    });
    expect(await resolver(systemDns()).lookupTxt('long.test')).toEqual(['x'.repeat(200)]);
    expect(server.asked).toEqual(['udp TXT long.test', 'tcp TXT long.test']);
  });

  test('ignores answers that do not fit the question', async () => {
    guard.open('workspace', ['*']);
    server.mode = 'forge-first';
    server.answers.set('A a.test', {
      records: [{ type: 'A', name: 'a.test', ttl: 60, data: '192.0.2.1' }],
    });
    expect(await resolver(systemDns()).lookupAddr('a.test', 'Ipv4Only')).toEqual(['192.0.2.1']);
  });

  test('one question serves all who ask at the same time', async () => {
    guard.open('workspace', ['*']);
    server.answers.set('A a.test', {
      records: [{ type: 'A', name: 'a.test', ttl: 60, data: '192.0.2.1' }],
    });
    const local = resolver(systemDns());
    await Promise.all([1, 2, 3].map(() => local.lookupAddr('a.test', 'Ipv4Only')));
    expect(server.asked).toEqual(['udp A a.test']);
  });

  test('gives up after five seconds of silence', async () => {
    guard.open('workspace', ['*']);
    server.mode = 'silent';
    // A clock on which a second takes two milliseconds.
    const fast: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() * 500,
      sleep: (ms) => clock.sleep(ms / 500),
      timer: (ms, callback) => clock.timer(ms / 500, callback),
    };
    const dns = systemDns({ clock: fast });
    const local = new LocalResolver({ clock: fast, system: dns });
    await expect(local.lookupMx('slow.test')).rejects.toThrow(
      /^MX lookup for slow\.test failed after .*: request timed out$/,
    );
    expect(server.asked.length).toBeGreaterThanOrEqual(2);
  });

  test('does not ask for what is no DNS name, nor without servers', async () => {
    guard.open('workspace', ['*']);
    const local = resolver(systemDns());
    await expect(local.lookupMx(`${'x'.repeat(64)}.test`)).rejects.toMatchObject({
      code: 'NXDOMAIN',
    });
    await expect(local.lookupMx('a..test')).rejects.toMatchObject({ code: 'NXDOMAIN' });
    expect(server.asked).toEqual([]);
    const none = resolver(systemDns({ servers: () => [] }));
    await expect(none.lookupAddr('a.test')).rejects.toThrow('the system has no name server');
  });
});
