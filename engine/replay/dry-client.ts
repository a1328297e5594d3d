/**
 * The client of a dry conversation: greeting, EHLO, AUTH, MAIL, RCPT for each recipient, the data,
 * QUIT. A refusal ends it where a client would give up; a refused RCPT only loses that recipient.
 *
 * Source: RFC 5321 §3; RFC 4616 for AUTH PLAIN.
 */
import type { Duplex } from 'node:stream';

export interface DryEnvelope {
  readonly ehlo: string;
  readonly auth: { readonly user: string; readonly password: string } | null;
  /** `` is the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  readonly data: Uint8Array;
}

export interface ClientReply {
  readonly code: number;
  /** Lines joined by a blank, codes dropped. */
  readonly text: string;
}

export interface ClientStory {
  /** The reply to each RCPT, in order; those that were not sent are missing. */
  readonly recipients: readonly ClientReply[];
  /** The reply that decided: to the data, or the refusal before it. */
  readonly last: ClientReply;
  /** Verb that `last` answers. */
  readonly verb: 'connect' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA';
}

const LOST: ClientReply = { code: 0, text: 'the connection was closed without a reply' };

export async function converse(
  socket: Duplex,
  envelope: DryEnvelope,
  prepare: () => void,
): Promise<ClientStory> {
  const replies = new ReplyReader(socket);
  const recipients: ClientReply[] = [];
  const end = (verb: ClientStory['verb'], last: ClientReply): ClientStory => {
    socket.end('QUIT\r\n');
    return { recipients, last, verb };
  };
  const say = (line: string): Promise<ClientReply> => {
    socket.write(`${line}\r\n`);
    return replies.next();
  };
  const greeting = await replies.next();
  if (greeting.code !== 220) return end('connect', greeting);
  const hello = await say(`EHLO ${envelope.ehlo}`);
  if (hello.code !== 250) return end('EHLO', hello);
  if (envelope.auth !== null) {
    const { user, password } = envelope.auth;
    const plain = Buffer.from(`\0${user}\0${password}`, 'utf8').toString('base64');
    const auth = await say(`AUTH PLAIN ${plain}`);
    if (auth.code !== 235) return end('AUTH', auth);
  }
  prepare();
  const mail = await say(`MAIL FROM:<${envelope.from}>`);
  if (mail.code !== 250) return end('MAIL', mail);
  for (const to of envelope.to) {
    const reply = await say(`RCPT TO:<${to}>`);
    recipients.push(reply);
    if (reply.code === 0 || reply.code === 421) return end('RCPT', reply);
  }
  const refused = recipients.at(-1);
  if (refused && recipients.every(({ code }) => code >= 300)) return end('RCPT', refused);
  const go = await say('DATA');
  if (go.code !== 354) return end('DATA', go);
  socket.write(stuffed(envelope.data));
  const last = await replies.next();
  return end('DATA', last);
}

/** With dots stuffed and the final dot (RFC 5321 §4.5.2). */
function stuffed(data: Uint8Array): Buffer {
  const text = Buffer.from(data).toString('latin1').replace(/^\./gm, '..');
  const end = text === '' || text.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n';
  return Buffer.from(text + end, 'latin1');
}

class ReplyReader {
  readonly #ready: ClientReply[] = [];
  #text = '';
  #lines: string[] = [];
  #isClosed = false;
  #waiter: ((reply: ClientReply) => void) | null = null;

  constructor(socket: Duplex) {
    socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('utf8')));
    const closed = (): void => {
      this.#isClosed = true;
      this.#waiter?.(LOST);
    };
    socket.on('end', closed);
    socket.on('close', closed);
    socket.on('error', closed);
  }

  next(): Promise<ClientReply> {
    const ready = this.#ready.shift();
    if (ready) return Promise.resolve(ready);
    if (this.#isClosed) return Promise.resolve(LOST);
    return new Promise((resolve) => (this.#waiter = resolve));
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      this.#line(this.#text.slice(0, end).replace(/\r$/, ''));
      this.#text = this.#text.slice(end + 1);
    }
  }

  #line(line: string): void {
    this.#lines.push(line.slice(4));
    if (line[3] === '-') return;
    const reply = { code: Number(line.slice(0, 3)), text: this.#lines.join(' ') };
    this.#lines = [];
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter) waiter(reply);
    else this.#ready.push(reply);
  }
}
