/**
 * One dialer: nothing in the engine opens a connection outward but `guard/dial.ts`. What Node and
 * the packages offer for that is listed here, and so is every file that uses one of them for
 * something else, with the reason. A new use is a complaint until it goes through the guard.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Module -> names that connect, look up or run programs; `*` is the whole module. */
const OUTWARD: Readonly<Record<string, readonly string[] | '*'>> = {
  net: ['connect', 'createConnection', 'Socket'],
  tls: ['connect', 'TLSSocket'],
  http: ['request', 'get', 'Agent', 'globalAgent', 'ClientRequest'],
  https: ['request', 'get', 'Agent', 'globalAgent'],
  http2: ['connect'],
  dgram: '*',
  dns: '*',
  'dns/promises': '*',
  inspector: '*',
  child_process: '*',
  undici: '*',
  ws: '*',
  nodemailer: '*',
  axios: '*',
  'smtp-connection': '*',
};
/** Of Node, without an import. */
const GLOBALS = ['fetch', 'WebSocket', 'EventSource'];

/** `file: name` -> why it is no second door. */
const KNOWN: Readonly<Record<string, string>> = {
  'engine/guard/dial.ts: net.connect': 'the dialer',
  'engine/guard/dial.ts: dgram.createSocket': 'the dialer',
  'engine/delivery/smtp-tls.ts: tls.connect': 'TLS over a socket of the guard',
  'engine/policy/bindings/http-exchange.ts: tls.connect': 'TLS over a socket of the guard',
  'engine/policy/bindings/http-exchange.ts: http.request': 'its agent takes sockets of the guard',
  'engine/policy/bindings/http-exchange.ts: http.Agent': 'its agent takes sockets of the guard',
  'engine/policy/bindings/http-websocket.ts: tls.connect': 'TLS over a socket of the guard',
  'engine/policy/bindings/http-websocket.ts: ws.WebSocket': 'given a socket of the guard',
  'engine/policy/bindings/redis-connection.ts: tls.connect': 'TLS over a socket of the guard',
  'engine/policy/bindings/lua-io.ts: child_process.spawnSync': 'io.popen, in strict mode only',
  'engine/policy/bindings/lua-os.ts: child_process.spawnSync': 'os.execute, in strict mode only',
  'engine/compose/name-servers.ts: dns.getServers': 'reads the configuration, asks nobody',
  'engine/api/kumo/trace-socket.ts: ws.WebSocketServer': 'takes connections of its own listener',
  'engine/api/kumo/trace-socket.ts: WebSocket': 'the type of a connection that came in',
  'engine/reception/tls.ts: tls.TLSSocket': 'the server side of an accepted connection',
  'engine/api/send-test.ts: nodemailer.createTransport': 'to the engine itself, on loopback',
  'engine/api/suppression-demo.ts: nodemailer.createTransport': 'to the engine itself',
  'engine/commands/send.ts: nodemailer.createTransport': 'the command is a client, not the engine',
  'engine/policy/stuck-worker.ts: inspector.Session': 'within the process; opens no port',
  'engine/commands/open-browser.ts: child_process.spawn': 'starts the browser that was asked for',
};
/** A command is a client of the running engine: it asks the API on loopback, in a process of its own. */
const COMMAND_ASKS_ENGINE = /^engine\/commands\/[^:]+: fetch$/;
/** TLS over a given socket: each call must hand one over. */
const TLS_CALL = /(?:\btlsConnect|(?<![.\w])connect)\(([^;]*?)\)/g;

/** Every outward name that `text` imports or uses, as `module.name`. */
function outwardNames(text: string): string[] {
  const found: string[] = [];
  const imports =
    /^import\s+(?!type\b)(?:([\w$]+)\s*,?\s*)?(?:(\*\s*as\s+[\w$]+)|\{([^}]*)\})?\s*from\s*'([^']+)'/gm;
  for (const [, whole, star, names, from] of text.matchAll(imports)) {
    const module = (from ?? '').replace(/^node:/, '');
    const outward = OUTWARD[module];
    if (outward === undefined) continue;
    if (whole !== undefined || star !== undefined) found.push(`${module}.*`);
    for (const item of (names ?? '').split(',')) {
      const name = /^(?!type )([\w$]+)/.exec(item.trim())?.[1];
      if (name !== undefined && (outward === '*' || outward.includes(name)))
        found.push(`${module}.${name}`);
    }
  }
  const loaded = /(?:\bimport|\brequire|getBuiltinModule)\(\s*['"`](?:node:)?([^'"`]+)['"`]\s*\)/g;
  for (const [, module] of text.matchAll(loaded))
    if (OUTWARD[module ?? ''] !== undefined) found.push(`${module}.*`);
  const bare = text.replace(/\/\*[^]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'/g, '');
  for (const name of GLOBALS) {
    const isImported = found.some((one) => one.endsWith(`.${name}`));
    if (!isImported && new RegExp(`(?<![.\\w#])(?:new ${name}|${name}\\()`).test(bare))
      found.push(name);
  }
  return found;
}

const files = readdirSync(join(root, 'engine'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('engine', name));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('nothing connects outward but the guard', () => {
  const uses = files
    .flatMap((file) => outwardNames(read(file)).map((name) => `${file}: ${name}`))
    .filter((use) => !COMMAND_ASKS_ENGINE.test(use));
  const unknown = uses.filter((use) => KNOWN[use] === undefined);
  expect(unknown, 'go through guard.dial, or say here why not').toEqual([]);
  expect(Object.keys(KNOWN).filter((use) => !uses.includes(use))).toEqual([]);
});

test('TLS is only ever spoken over a socket that the guard opened', () => {
  const overGiven = files.filter((file) =>
    Object.keys(KNOWN).some((use) => use === `${file}: tls.connect`),
  );
  for (const file of overGiven) {
    const text = read(file);
    for (const [call, options = ''] of text.matchAll(TLS_CALL)) {
      const isGiven = /\bsocket\b/.test(options) || /connectionOptions\(/.test(options);
      expect(isGiven, `${file}: ${call}`).toBe(true);
    }
    expect(text, file).toMatch(/\bsocket(?::|,)/);
  }
});

test('the rule sees what it is there for', () => {
  expect(outwardNames(`import net from 'node:net';`)).toEqual(['net.*']);
  expect(outwardNames(`import * as http from 'http';`)).toEqual(['http.*']);
  expect(outwardNames(`import {\n  createServer,\n  connect as dial,\n} from 'node:net';`)).toEqual(
    ['net.connect'],
  );
  expect(outwardNames(`const dns = await import('node:dns/promises');`)).toEqual([
    'dns/promises.*',
  ]);
  expect(outwardNames(`await fetch(url); new WebSocket(url);`)).toEqual(['fetch', 'WebSocket']);
  expect(outwardNames(`import { WebSocket } from 'ws'; new WebSocket(u)`)).toEqual([
    'ws.WebSocket',
  ]);
  expect(outwardNames(`import type { Socket } from 'node:net'; this.fetch(x);`)).toEqual([]);
  expect(outwardNames(`import { createServer, type Socket } from 'node:net';`)).toEqual([]);
  expect(outwardNames(`// fetch(url)\nconst text = 'fetch(url)';`)).toEqual([]);
});
