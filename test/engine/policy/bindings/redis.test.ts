import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalResolver } from '../../../../engine/dns/local-resolver.ts';
import { LoopbackGuard } from '../../../../engine/guard/loopback-guard.ts';
import type { Bindings } from '../../../../engine/policy/bindings/bindings.ts';
import {
  encodeCommand,
  RedisFailure,
  ReplyReader,
} from '../../../../engine/policy/bindings/redis-protocol.ts';
import { redisBindings } from '../../../../engine/policy/bindings/redis.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

describe('ReplyReader', () => {
  const read = (text: string): unknown => {
    const reader = new ReplyReader();
    // One byte at a time: nothing may be answered before it is complete.
    for (const byte of Buffer.from(text).subarray(0, -1)) {
      reader.push(Uint8Array.of(byte));
      expect(reader.next()).toBeUndefined();
    }
    reader.push(Buffer.from(text).subarray(-1));
    return reader.next()?.value;
  };

  it.each([
    ['+OK\r\n', 'OK'],
    [':42\r\n', 42],
    [':9223372036854775807\r\n', 9223372036854775807n],
    ['$5\r\nhe\r\no\r\n', Buffer.from('he\r\no')],
    ['$-1\r\n', undefined],
    ['*2\r\n$1\r\na\r\n*1\r\n:1\r\n', [Buffer.from('a'), [1]]],
    ['%1\r\n$1\r\nk\r\n#t\r\n', new Map([['k', true]])],
    [',1.5\r\n', 1.5],
    ['_\r\n', undefined],
    ['=7\r\ntxt:abc\r\n', Buffer.from('abc')],
  ])('reads %j', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it('gives failures as values and goes on', () => {
    const reader = new ReplyReader();
    reader.push(Buffer.from('-ERR no\r\n+OK\r\n'));
    expect(reader.next()?.value).toBeInstanceOf(RedisFailure);
    expect(reader.next()?.value).toBe('OK');
  });

  it('refuses what is not the protocol', () => {
    const reader = new ReplyReader();
    reader.push(Buffer.from('HTTP/1.1 200 OK\r\n'));
    expect(() => reader.next()).toThrow('Cannot read a reply: it begins with "H"');
  });
});

describe('redis.open', () => {
  let server: Server;
  let bindings: Bindings;
  let seen: string[];
  let sockets: Set<Socket>;
  let answer: (command: string) => string;

  beforeEach(async () => {
    seen = [];
    sockets = new Set();
    answer = () => '+OK\r\n';
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('data', (chunk) => {
        const words = [...chunk.toString().matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map((m) => m[1]);
        seen.push(words.join(' '));
        socket.write(answer(words[0] ?? ''));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { clock } = fakeDeps();
    const guard = new LoopbackGuard({ clock, ledger: () => undefined });
    bindings = redisBindings(
      fakeDeps({ guard, resolver: new LocalResolver({ clock, system: null }) }),
    );
  });
  afterEach(async () => {
    await bindings.close?.();
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });

  const run = (code: string): Promise<string[]> => {
    const { port } = server.address() as AddressInfo;
    return traceLua([bindings], `local redis = require 'redis'\n${code}`, { port });
  };

  it('greets once, spreads lists and returns replies', async () => {
    answer = (command) => (command === 'LRANGE' ? '*2\r\n$1\r\na\r\n:2\r\n' : '+OK\r\n');
    expect(
      await run(`
        local node = string.format('redis://:secret@127.0.0.1:%d/3', port)
        local db = redis.open { node = node }
        trace(db:query('SET', 'k', 1.5), db:query('LRANGE', { 'list', 0, -1 }))
        redis.open({ node = node }):query('PING')
      `),
    ).toEqual(['OK {1=a,2=2}']);
    expect(seen).toEqual(['AUTH secret', 'SELECT 3', 'SET k 1.5', 'LRANGE list 0 -1', 'PING']);
  });

  it('raises what the server refuses and survives a broken connection', async () => {
    let count = 0;
    answer = () => {
      count++;
      if (count === 1) return '-ERR wrong\r\n';
      if (count === 2) sockets.forEach((socket) => socket.destroy());
      return '+OK\r\n';
    };
    expect(
      await run(`
        local db = redis.open { node = 'redis://127.0.0.1:' .. port }
        try(db.query, db, 'BAD')
        try(db.query, db, 'LOST')
        trace(db:query 'AGAIN')
      `),
    ).toEqual(['error ERR wrong', 'error connection closed by the server', 'OK']);
  });

  it('explains clusters and wrong parameters', async () => {
    expect(
      await run(`
        try(redis.open, { node = { 'redis://a', 'redis://b' } })
        try(redis.open, { node = 'http://x' })
        try(redis.open, {})
      `),
    ).toEqual([
      'error redis clusters exist in KumoMTA but not in Postyard: open one node, without cluster',
      'error Redis URL did not parse- InvalidClientConfig: http://x',
      'error deserialize error: missing field `node`, while processing {}',
    ]);
  });
});

it('encodes commands as bulk strings', () => {
  expect(encodeCommand(['SET', 'é']).toString()).toBe('*2\r\n$3\r\nSET\r\n$2\r\né\r\n');
});
