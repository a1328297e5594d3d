/**
 * One HTTP exchange of a policy: resolved by our resolver, connected through the guard, with
 * reqwest's defaults (10 redirects, gzip taken, connections kept for the next request).
 *
 * Source: RFC 9110, RFC 9112; reqwest 0.12; reference `lua-api.md` §3.14.
 */
import { Agent, request as httpRequest } from 'node:http';
import type { ClientRequestArgs, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { GuardRefusal } from '../../guard/guard.ts';
import type { Guard } from '../../guard/guard.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { LuaValue } from '../lua/lua-value.ts';

const REDIRECTS_MAX = 10;
/** A policy never needs more of an answer; beyond this the exchange fails. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 30_000;
/** Not sent on to another host. */
const SECRET_HEADERS = ['authorization', 'cookie', 'proxy-authorization', 'www-authenticate'];

export interface HttpDoor {
  readonly clock: Clock;
  readonly guard: Guard;
  readonly resolver: Resolver;
  readonly network?: NetworkAnswers;
}

/** Answers in the network's place (dry runs). */
export interface NetworkAnswers {
  /** @throws {Error} there is no answer and nobody may be asked */
  http(question: HttpQuestion, ask: () => Promise<HttpAnswer>): Promise<HttpAnswer>;
  /** @throws {Error} as above */
  redis(words: readonly (string | Uint8Array)[]): Promise<LuaValue>;
}

export interface HttpQuestion {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array | null;
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** In order of arrival, lower-case names. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** Where redirects ended. */
  readonly url: URL;
}

/** @throws {Error} the sentence of Rust's `url` crate */
export function parseUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new Error(
      /^[a-z][a-z0-9+.-]*:/i.test(text) ? 'invalid URL' : 'relative URL without a base',
    );
  }
  return new URL(text);
}

/** Connections of one client, kept for its next requests. */
export class HttpConnections {
  readonly #plain: Agent;
  readonly #secure: Agent;

  constructor(door: HttpDoor, options: { idleTimeoutMs: number; acceptInvalidCerts: boolean }) {
    const agent = (isSecure: boolean): Agent =>
      new GuardedAgent(
        { keepAlive: true, timeout: options.idleTimeoutMs },
        (target, done) => void openSocket(door, target, isSecure, options.acceptInvalidCerts, done),
      );
    this.#plain = agent(false);
    this.#secure = agent(true);
  }

  agentFor(url: URL): Agent {
    return url.protocol === 'https:' ? this.#secure : this.#plain;
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return [this.#plain, this.#secure].every((agent) => Object.keys(agent.sockets).length === 0);
  }

  /** Ends idle connections; those in use end with their request. */
  close(): void {
    for (const agent of [this.#plain, this.#secure]) {
      agent.maxFreeSockets = 0;
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    }
  }

  /** Ends every connection at once. */
  destroy(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

type SocketCallback = (error: Error | null, socket: Duplex) => void;

class GuardedAgent extends Agent {
  readonly #open: (target: ClientRequestArgs, done: SocketCallback) => void;

  constructor(
    options: { keepAlive: boolean; timeout: number },
    open: (target: ClientRequestArgs, done: SocketCallback) => void,
  ) {
    super(options);
    this.#open = open;
  }

  override createConnection(target: ClientRequestArgs, done?: SocketCallback): undefined {
    if (done) this.#open(target, done);
  }
}

async function openSocket(
  door: HttpDoor,
  target: ClientRequestArgs,
  isSecure: boolean,
  acceptInvalidCerts: boolean,
  done: SocketCallback,
): Promise<void> {
  const none = null as unknown as Duplex;
  try {
    const host = String(target.host);
    const port = Number(target.port);
    const socket = await dialFirst(door, host, port);
    if (!isSecure) return done(null, socket);
    const secure = tlsConnect({
      socket,
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: !acceptInvalidCerts,
      ALPNProtocols: ['http/1.1'],
    });
    const onError = (error: Error): void => done(error, none);
    secure.once('error', onError);
    secure.once('secureConnect', () => {
      secure.off('error', onError);
      done(null, secure);
    });
  } catch (error) {
    done(error as Error, none);
  }
}

/** The first address of the host that takes a connection. */
export async function dialFirst(
  door: HttpDoor,
  host: string,
  port: number,
  kind: 'http' | 'websocket' | 'redis' = 'http',
): Promise<Socket> {
  const bare = host.replace(/^\[|\]$/g, '');
  const addresses = isIP(bare) ? [bare] : await addressesOf(door, bare);
  let failure: unknown = new Error(
    'failed to lookup address information: Name or service not known',
  );
  for (const address of addresses) {
    try {
      const timeoutMs = CONNECT_TIMEOUT_MS;
      return await door.guard.dial({ kind, address, port, host: bare, timeoutMs });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function addressesOf(door: HttpDoor, host: string): Promise<string[]> {
  // RFC 6761 §6.3: localhost never reaches a name server.
  if (/^(?:.*\.)?localhost\.?$/i.test(host)) return ['127.0.0.1', '::1'];
  return door.resolver.lookupAddr(host);
}

/** Asks, following redirects. @throws {Error} reqwest's sentence, or the guard's refusal */
export function exchange(
  door: HttpDoor,
  connections: HttpConnections,
  question: HttpQuestion,
): Promise<HttpAnswer> {
  const ask = (): Promise<HttpAnswer> => askFollowing(door, connections, question);
  return door.network ? door.network.http(question, ask) : ask();
}

async function askFollowing(
  door: HttpDoor,
  connections: HttpConnections,
  question: HttpQuestion,
): Promise<HttpAnswer> {
  const abort = new AbortController();
  const timer = door.clock.timer(question.timeoutMs, () => abort.abort());
  try {
    let current = question;
    for (let hops = 0; ; hops++) {
      const answer = await ask(connections, current, abort.signal);
      const next = redirected(current, answer);
      if (!next) return answer;
      if (hops === REDIRECTS_MAX) throw new Error('error following redirect: too many redirects');
      current = next;
    }
  } catch (error) {
    if (error instanceof GuardRefusal) throw error;
    // The name was not even asked for: what the policy sees says who refused.
    if (error instanceof DnsError && error.code === 'REFUSED') throw error;
    const message = (error as Error).message;
    if (/^error /.test(message)) throw error;
    throw new Error(`error sending request for url (${question.url.href})`, { cause: error });
  } finally {
    timer.cancel();
  }
}

function ask(
  connections: HttpConnections,
  question: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { url, method, body } = question;
    const request = httpRequest({
      agent: connections.agentFor(url),
      protocol: 'http:',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      method,
      path: `${url.pathname}${url.search}`,
      headers: requestHeaders(question),
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      readBody(response).then((bytes) => resolve({ ...answerOf(response, bytes), url }), reject);
    });
    request.end(body ?? undefined);
  });
}

function requestHeaders({ url, headers, body, method }: HttpQuestion): Record<string, string> {
  const all: Record<string, string> = {
    accept: '*/*',
    'accept-encoding': 'gzip, br, deflate',
    host: url.host,
    ...Object.fromEntries(headers),
  };
  const sendsBody = body !== null || ['POST', 'PUT', 'PATCH'].includes(method);
  if (sendsBody) all['content-length'] = String(body?.length ?? 0);
  return all;
}

async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > BODY_BYTES_MAX) {
        throw new Error(`error reading response: body is over ${BODY_BYTES_MAX} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if ((error as Error).message.startsWith('error ')) throw error;
    throw new Error('error decoding response body', { cause: error });
  }
  return Buffer.concat(chunks);
}

function answerOf(response: IncomingMessage, bytes: Uint8Array): Omit<HttpAnswer, 'url'> {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
    headers.push([response.rawHeaders[i]?.toLowerCase() ?? '', response.rawHeaders[i + 1] ?? '']);
  }
  const status = response.statusCode ?? 0;
  const decoder = decoderFor(response.headers['content-encoding']);
  if (!decoder || bytes.length === 0) return { status, headers, body: bytes };
  const isAboutEncoding = (name: string): boolean =>
    name === 'content-encoding' || name === 'content-length';
  try {
    const body = decoder(bytes, { maxOutputLength: BODY_BYTES_MAX });
    return { status, headers: headers.filter(([name]) => !isAboutEncoding(name)), body };
  } catch (error) {
    throw new Error('error decoding response body', { cause: error });
  }
}

function decoderFor(encoding: string | undefined): typeof gunzipSync | undefined {
  if (encoding === 'gzip') return gunzipSync;
  if (encoding === 'deflate') return inflateSync;
  return encoding === 'br' ? brotliDecompressSync : undefined;
}

function redirected(question: HttpQuestion, answer: HttpAnswer): HttpQuestion | undefined {
  const location = answer.headers.find(([name]) => name === 'location')?.[1];
  if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.status))
    return undefined;
  if (!URL.canParse(location, answer.url)) return undefined;
  const url = new URL(location, answer.url);
  const becomesGet =
    answer.status === 303
      ? question.method !== 'HEAD'
      : answer.status < 303 && question.method === 'POST';
  const headers = new Map(question.headers);
  if (url.host !== question.url.host) SECRET_HEADERS.forEach((name) => headers.delete(name));
  if (!becomesGet) return { ...question, url, headers };
  ['content-type', 'content-length'].forEach((name) => headers.delete(name));
  return { ...question, url, headers, method: 'GET', body: null };
}
