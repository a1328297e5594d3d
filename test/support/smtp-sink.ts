/**
 * A scripted SMTP server for tests of the delivering client: each verb has a reply or a list of
 * them (the last one repeats), and replies may drop, hang, or wait. What it saw is kept per
 * connection: as events, and as the raw chunks in which the bytes arrived.
 *
 * Replies: a line break makes a multi-line reply. `!drop` closes instead of answering, `!hang`
 * never answers, `!delay SECONDS reply` waits, `!then-drop reply` answers and closes, `!reset`
 * resets the connection, `!raw text` sends the text as it is (escapes \r \n are line ends).
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';

export type Script = string | readonly string[];

export interface SinkScript {
  banner?: Script;
  ehlo?: Script;
  mail?: Script;
  rcpt?: Script | Readonly<Record<string, Script>>;
  data?: Script;
  dot?: Script;
  rset?: Script;
  quit?: Script;
  auth?: Script;
  starttls?: Script;
  other?: Script;
  /** One reply per accepted recipient after the final dot. */
  lmtp?: boolean;
  /** DATA is answered 354 even without a recipient. */
  dataWithoutRcpt?: boolean;
  tls?: { cert: string; key: string };
  /** Says this unasked, right after the reply to the final dot. */
  unsolicited?: { afterDot: string };
  /** Told of each body as it came, before the final dot is answered. */
  onData?: (data: string) => void;
}

export type SinkEvent =
  | { readonly c: string }
  | { readonly s: string }
  | { readonly data: string }
  | { readonly tls: string };

export interface SinkConnection {
  readonly events: SinkEvent[];
  readonly chunks: string[];
  isOpen: boolean;
}

const DEFAULTS = {
  banner: '220 sink.golden.test ESMTP',
  ehlo: '250-sink.golden.test\n250-PIPELINING\n250-ENHANCEDSTATUSCODES\n250 8BITMIME',
  mail: '250 2.1.0 sender ok',
  rcpt: '250 2.1.5 recipient ok',
  data: '354 go ahead',
  dot: '250 2.0.0 queued',
  rset: '250 2.0.0 reset',
  quit: '221 2.0.0 bye',
  auth: '235 2.7.0 welcome',
  starttls: '220 2.0.0 ready',
  other: '502 5.5.1 not implemented',
} as const;

type Verb = keyof typeof DEFAULTS;

class Drop extends Error {}

export class SmtpSink {
  readonly connections: SinkConnection[] = [];
  readonly #script: SinkScript;
  readonly #positions = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  /** What is below a TLS socket. */
  readonly #plain = new WeakMap<Socket, Socket>();
  readonly #server: Server;
  port = 0;

  private constructor(script: SinkScript) {
    this.#script = script;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(script: SinkScript = {}, at?: { path: string }): Promise<SmtpSink> {
    const sink = new SmtpSink(script);
    await new Promise<void>((resolve) => {
      if (at) sink.#server.listen(at, resolve);
      else sink.#server.listen(0, '127.0.0.1', resolve);
    });
    if (!at) sink.port = (sink.#server.address() as AddressInfo).port;
    return sink;
  }

  /** A port on which nobody listens. */
  static async refusedPort(): Promise<number> {
    const sink = await SmtpSink.start();
    await sink.close();
    return sink.port;
  }

  get openCount(): number {
    return this.connections.filter((connection) => connection.isOpen).length;
  }

  /** Events of a connection without the QUIT at its end. */
  seen(index = 0): SinkEvent[] {
    const events = [...(this.connections[index]?.events ?? [])];
    const isTail = (event: SinkEvent | undefined): boolean =>
      event !== undefined &&
      (('c' in event && event.c === 'QUIT') || ('s' in event && event.s === DEFAULTS.quit));
    while (isTail(events.at(-1))) events.pop();
    return events;
  }

  commands(index = 0): string[] {
    return this.seen(index).flatMap((event) => ('c' in event ? [event.c] : []));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const connection: SinkConnection = { events: [], chunks: [], isOpen: true };
    this.connections.push(connection);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      connection.isOpen = false;
      this.#sockets.delete(socket);
    });
    void this.#serve(socket, connection).catch((error: unknown) => {
      socket.destroy();
      if (!(error instanceof Drop)) throw error;
    });
  }

  async #serve(plain: Socket, connection: SinkConnection): Promise<void> {
    let socket: Socket = plain;
    let input = new LineInput(socket, connection);
    let accepted = 0;
    const say = (verb: Verb, key?: string): Promise<string> =>
      this.#say(socket, connection, this.#next(verb, key));
    await say('banner');
    for (;;) {
      const line = await input.line();
      if (line === null) return;
      connection.events.push({ c: line });
      const verb = verbOf(line);
      if (verb === 'quit') {
        await say('quit');
        socket.end();
        return;
      }
      if (verb === 'mail' || verb === 'rset') accepted = 0;
      if (verb === 'rcpt') {
        const address = /<([^>]*)>/.exec(line)?.[1] ?? '';
        if (/^2/.test(await say('rcpt', address))) accepted++;
        continue;
      }
      if (verb === 'data') {
        const isRefused = accepted === 0 && !this.#script.dataWithoutRcpt;
        const text = isRefused ? this.#refuseData() : this.#next('data');
        if (!(await this.#say(socket, connection, text)).startsWith('354')) continue;
        const data = await input.data();
        if (data === null) return;
        connection.events.push({ data });
        this.#script.onData?.(data);
        const replies = this.#script.lmtp ? Math.max(accepted, 1) : 1;
        for (let i = 0; i < replies; i++) await say('dot');
        const more = this.#script.unsolicited?.afterDot;
        if (more !== undefined) await this.#say(socket, connection, more);
        continue;
      }
      const reply = await say(verb);
      if (verb === 'starttls' && reply.startsWith('220') && this.#script.tls) {
        input.stop();
        const secure = await this.#startTls(plain, connection);
        if (!secure) return;
        socket = secure;
        input = new LineInput(socket, connection);
      }
    }
  }

  #refuseData(): string {
    const text = this.#next('data');
    return text.startsWith('354') ? '503 5.5.1 no valid recipients' : text;
  }

  async #startTls(plain: Socket, connection: SinkConnection): Promise<TLSSocket | null> {
    const secureContext = createSecureContext(this.#script.tls);
    const secure = new TLSSocket(plain, { isServer: true, secureContext });
    secure.on('error', () => {});
    this.#plain.set(secure, plain);
    return new Promise((resolve) => {
      const done = (text: string, result: TLSSocket | null): void => {
        if (!connection.events.some((event) => 'tls' in event))
          connection.events.push({ tls: text });
        resolve(result);
      };
      secure.once('secure', () => done('handshake ok', secure));
      secure.once('close', () => done('handshake failed', null));
    });
  }

  #next(verb: Verb, key?: string): string {
    const scripted = this.#script[verb];
    const isTable = typeof scripted === 'object' && !Array.isArray(scripted);
    const table = isTable ? (scripted as Readonly<Record<string, Script>>) : null;
    const script: Script = table
      ? (table[key ?? ''] ?? table['default'] ?? DEFAULTS[verb])
      : ((scripted as Script | undefined) ?? DEFAULTS[verb]);
    const list = typeof script === 'string' ? [script] : script;
    const name = table ? `${verb} ${key}` : verb;
    const position = this.#positions.get(name) ?? 0;
    this.#positions.set(name, position + 1);
    return list[Math.min(position, list.length - 1)] ?? '';
  }

  async #say(socket: Socket, connection: SinkConnection, text: string): Promise<string> {
    const delay = /^!delay ([\d.]+) ([\s\S]*)$/.exec(text);
    if (delay) {
      await sleep(Number(delay[1]) * 1000);
      return this.#say(socket, connection, delay[2] ?? '');
    }
    if (text === '!drop' || text === '!hang' || text === '!reset') {
      connection.events.push({ s: text });
      if (text === '!hang') await new Promise((resolve) => socket.once('close', resolve));
      if (text === '!reset') (this.#plain.get(socket) ?? socket).resetAndDestroy();
      throw new Drop();
    }
    const isLast = text.startsWith('!then-drop ');
    const reply = isLast ? text.slice('!then-drop '.length) : text;
    connection.events.push({ s: isLast ? `${reply} !drop` : reply });
    const raw = /^!raw ([\s\S]*)$/.exec(reply)?.[1];
    const bytes =
      raw === undefined
        ? `${reply.split('\n').join('\r\n')}\r\n`
        : raw.replaceAll('\\r', '\r').replaceAll('\\n', '\n');
    await new Promise((resolve) => socket.write(Buffer.from(bytes, 'latin1'), resolve));
    if (isLast) {
      socket.end();
      throw new Drop();
    }
    return reply;
  }
}

function verbOf(line: string): Verb {
  const word = line.slice(0, 4).toUpperCase();
  const verbs: Readonly<Record<string, Verb>> = {
    EHLO: 'ehlo',
    LHLO: 'ehlo',
    MAIL: 'mail',
    RCPT: 'rcpt',
    DATA: 'data',
    RSET: 'rset',
    QUIT: 'quit',
    AUTH: 'auth',
    STAR: 'starttls',
  };
  return verbs[word] ?? 'other';
}

/** Lines and bodies of one socket, in the order in which they come. */
class LineInput {
  readonly #socket: Socket;
  readonly #connection: SinkConnection;
  #text = '';
  #isEnded = false;
  #wake: (() => void) | null = null;

  constructor(socket: Socket, connection: SinkConnection) {
    this.#socket = socket;
    this.#connection = connection;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  stop(): void {
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
    this.#socket.pause();
  }

  async line(): Promise<string | null> {
    const line = await this.#upTo('\r\n');
    return line === null ? null : Buffer.from(line, 'latin1').toString('utf8');
  }

  async data(): Promise<string | null> {
    if (await this.#startsWith('.\r\n')) {
      this.#text = this.#text.slice(3);
      return '';
    }
    const data = await this.#upTo('\r\n.\r\n');
    return data === null ? null : `${Buffer.from(data, 'latin1').toString('utf8')}\r\n`;
  }

  async #startsWith(text: string): Promise<boolean> {
    while (this.#text.length < text.length && !this.#isEnded) await this.#more();
    return this.#text.startsWith(text);
  }

  async #upTo(end: string): Promise<string | null> {
    for (;;) {
      const at = this.#text.indexOf(end);
      if (at >= 0) {
        const found = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + end.length);
        return found;
      }
      if (this.#isEnded) return null;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#text += bytes.toString('latin1');
    this.#connection.chunks.push(bytes.toString('utf8'));
    this.#wake?.();
  };
  readonly #onEnd = (): void => {
    this.#isEnded = true;
    this.#wake?.();
  };
}
