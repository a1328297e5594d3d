import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { LocalResolver } from '../../../../engine/dns/local-resolver.ts';
import { LoopbackGuard } from '../../../../engine/guard/loopback-guard.ts';
import type { Bindings } from '../../../../engine/policy/bindings/bindings.ts';
import { cryptoBindings } from '../../../../engine/policy/bindings/crypto.ts';
import { digestBindings } from '../../../../engine/policy/bindings/digest.ts';
import { httpBindings } from '../../../../engine/policy/bindings/http.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let seen: Seen[];
let answer: (request: Seen, response: ServerResponse) => void;
let bindings: Bindings[];
let connections: number;

beforeEach(async () => {
  seen = [];
  connections = 0;
  answer = (_, response) => response.end('fine');
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body,
      };
      seen.push(one);
      answer(one, response);
    });
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { clock } = fakeDeps();
  const deps = fakeDeps({
    guard: new LoopbackGuard({ clock, ledger: () => undefined }),
    resolver: new LocalResolver({ clock, system: null }),
  });
  bindings = [httpBindings(deps), cryptoBindings(deps), digestBindings(deps)];
});
afterEach(async () => {
  for (const group of bindings) await group.close?.();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const run = (code: string): Promise<string[]> => {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return traceLua(
    bindings,
    `local client = kumo.http.build_client { user_agent = 'golden' }\n${code}`,
    { base },
  );
};

it('posts with headers and reads the answer once', async () => {
  answer = (_, response) => response.writeHead(202, 'Whatever', { 'X-Left': 'over' }).end('later');
  expect(
    await run(`
      local r = client:post(base .. '/hook?x=1'):header('Content-Type', 'application/json'):headers { ['X-Token'] = 'abc' }:body '{"a":1}':send()
      trace(r:status_code(), r:status_reason(), r:status_is_success(), r:status_is_client_error(), r:content_length(), r:headers()['x-LEFT'])
      for k, v in pairs(r:headers()) do if k == 'x-left' then trace(k, v) end end
      trace(r:text(), r:status_is_success())
      try(r.headers, r)
      try(r.text, r)
    `),
  ).toEqual([
    '202 Accepted true false nil over',
    'x-left over',
    'later true',
    'error broken response wrapper',
    'error broken response wrapper',
  ]);
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: '/hook?x=1',
    headers: {
      'content-type': 'application/json',
      'x-token': 'abc',
      'user-agent': 'golden',
      'content-length': '7',
    },
    body: '{"a":1}',
  });
});

it('keeps the connection for the next request', async () => {
  await run(`for _ = 1, 3 do client:get(base):send():text() end`);
  expect([seen.length, connections]).toEqual([3, 1]);
});

it('builds credentials, forms and parts', async () => {
  await run(`
    client:put(base):basic_auth('u', 'p'):form_url_encoded { a = 'x y&' }:send()
    client:post(base):bearer_auth 't':form_multipart_data { f = { data = 'DATA', file_name = 'a".txt', content_type = 'text/plain' } }:send()
  `);
  expect(seen[0]).toMatchObject({
    headers: {
      authorization: `Basic ${btoa('u:p')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'a=x+y%26',
  });
  expect(seen[1]?.headers.authorization).toBe('Bearer t');
  const boundary = /boundary=(\S+)/.exec(seen[1]?.headers['content-type'] ?? '')?.[1];
  expect(seen[1]?.body).toBe(
    `--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="a%22.txt"\r\nContent-Type: text/plain\r\n\r\nDATA\r\n--${boundary}--\r\n`,
  );
});

it('follows redirects and unpacks', async () => {
  answer = ({ url }, response) =>
    url === '/end'
      ? response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('packed'))
      : response.writeHead(302, { Location: '/end' }).end();
  expect(
    await run(`
      local r = client:post(base .. '/start'):body 'x':send()
      trace(r:headers()['content-encoding'], r:text())
    `),
  ).toEqual(['nil packed']);
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /start', 'GET /end']);
});

it('explains what cannot be sent', async () => {
  answer = () => undefined;
  expect(
    await run(`
      local r = client:get 'http://127.0.0.1:1/'
      try(r.send, r)
      try(r.send, r)
      local slow = client:get(base):timeout(0.05)
      try(slow.send, slow)
      try(slow.timeout, client:get(base), 5)
      local wrong = client:get 'ftp://x'
      try(wrong.send, wrong)
      local outside = client:get 'http://192.0.2.1/'
      try(outside.send, outside)
      client:close()
      try(client.get, client, base)
      try(kumo.http.build_client)
      trace(kumo.http.build_url('http://x.test/a?b=1', { c = 'd e' }))
    `).then((lines) => lines.map((line) => line.replace(/127\.0\.0\.1:\d{2,}/, 'SERVER'))),
  ).toEqual([
    'error error sending request for url (http://127.0.0.1:1/)',
    'error broken request builder',
    'error error sending request for url (http://SERVER/)',
    'error invalid timeout duration',
    'error builder error',
    'error guard: 192.0.2.1 is not open',
    'error client has been closed',
    'error bad argument #1: error converting Lua nil to table',
    'http://x.test/a?b=1&c=d+e',
  ]);
});

it('listens to websockets', async () => {
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    for (const word of ['one', 'two', 'three']) socket.send(word);
    socket.close();
  });
  expect(
    await run(`
      local ws, response = kumo.http.connect_websocket((base:gsub('http', 'ws')))
      trace(response:status_code(), ws:recv())
      trace(ws:recv_batch(2))
      trace(ws:recv())
    `),
  ).toEqual(['101 one', '{1=two,2=three}', 'nil']);
  sockets.close();
});

it('encrypts, decrypts and signs for AWS', async () => {
  expect(
    await run(`
      local key = { key_data = '0123456789abcdef' }
      for _, mode in ipairs { 'Ecb', 'Cbc' } do
        local secret = kumo.crypto.aes_encrypt_block(mode, 'attack at dawn', { key = key })
        trace(#secret, kumo.crypto.aes_decrypt_block(mode, secret, { key = key }).bytes)
      end
      try(kumo.crypto.aes_encrypt_block, 'Ecb', 'x', { key = { key_data = 'short' } })
      trace(kumo.secrets.load { key_data = 'open sesame' })
      trace(kumo.crypto.aws_sign_v4 {
        access_key = { key_data = 'AKIDEXAMPLE' }, secret_key = { key_data = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
        region = 'us-east-1', service = 'service', method = 'GET', uri = 'https://example.amazonaws.com/',
        timestamp = '20150830T123600Z',
      }.signature)
    `),
  ).toEqual([
    '16 attack at dawn',
    '32 attack at dawn',
    'error Cannot use a key of 5 bytes, expected 16 or 32',
    'open sesame',
    // AWS's own test suite, case get-vanilla.
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  ]);
});
