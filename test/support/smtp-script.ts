/**
 * An SMTP client for tests that says lines and hands back replies, as a person with telnet would.
 * Every wait has a timeout, so that a test fails with what it waited for.
 *
 *   await using smtp = await SmtpScript.connect(listener.address);
 *   expect(await smtp.say('NOOP')).toEqual(['250 the goggles do nothing']);
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

const WAIT_MS = 5_000;

export class SmtpScript {
  /** Lines of the banner. */
  banner: string[] = [];
  #socket: Socket;
  #text = '';
  #hasEnded = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#attach(socket);
  }

  /** @param address `ip:port` */
  static async connect(
    address: string,
    options: { readonly tls?: ConnectionOptions; readonly first?: Buffer } = {},
  ): Promise<SmtpScript> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    const target = { host, port: Number(address.slice(colon + 1)), noDelay: true };
    const socket = options.tls
      ? connectTls({ ...target, rejectUnauthorized: false, ...options.tls })
      : connect(target);
    const script = new SmtpScript(socket);
    if (options.first) socket.write(options.first);
    script.banner = await script.reply();
    return script;
  }

  /** Says a line and reads one reply: its lines, or `['!closed']`. */
  async say(line: string): Promise<string[]> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  /** Says each line in turn; the replies, multi-line ones joined by ` | `. */
  async sayAll(...lines: readonly string[]): Promise<string[]> {
    const replies: string[] = [];
    for (const line of lines) replies.push((await this.say(line)).join(' | '));
    return replies;
  }

  /** All lines in one write, then a reply for each. */
  async pipeline(...lines: readonly string[]): Promise<string[]> {
    this.write(lines.map((line) => `${line}\r\n`).join(''));
    const replies: string[] = [];
    for (const _ of lines) replies.push((await this.reply()).join(' | '));
    return replies;
  }

  /** A body: LF becomes CRLF, dots are stuffed, the final dot is sent. */
  async body(text: string): Promise<string[]> {
    const lines = text.replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..');
    this.write(`${lines}${lines.endsWith('\r\n') ? '' : '\r\n'}.\r\n`);
    return this.reply();
  }

  /** A whole transaction; the reply to its body. */
  async send(from: string, to: readonly string[], text: string): Promise<string[]> {
    await this.say(`MAIL FROM:<${from}>`);
    for (const recipient of to) await this.say(`RCPT TO:<${recipient}>`);
    await this.say('DATA');
    return this.body(text);
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Reads one reply that is due. */
  async reply(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end < 0) {
        if (this.#hasEnded) return ['!closed'];
        await this.#more();
        continue;
      }
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      lines.push(line);
      if (line[3] !== '-') return lines;
    }
  }

  /** TLS from here on; STARTTLS has been answered. */
  async startTls(options: ConnectionOptions = {}): Promise<void> {
    const raw = this.#socket;
    raw.removeAllListeners();
    const secure = connectTls({ socket: raw, rejectUnauthorized: false, ...options });
    this.#socket = secure;
    this.#attach(secure);
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
  }

  /** Closes our side only. */
  endWriting(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }

  #attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('utf8');
      this.#wake();
    });
    const ended = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', ended);
  }

  async #more(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        timer = setTimeout(
          () => reject(new Error(`No reply within ${WAIT_MS} ms; so far: ${this.#text}`)),
          WAIT_MS,
        );
      });
    } finally {
      clearTimeout(timer);
    }
  }
}
