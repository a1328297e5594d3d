/** A client that hands over exactly these bytes: no MIME library between the test and the wire. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/**
 * Sends one message and resolves to the final reply.
 *
 * @param bytes the data as it should be stored; must end in CRLF; dots are stuffed here
 */
export async function sendRaw(
  port: number,
  envelope: { from: string; to: string | readonly string[] },
  bytes: Buffer,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const lines = new ReplyReader(socket);
  try {
    await lines.next();
    await say(socket, lines, 'EHLO client.test');
    await say(socket, lines, `MAIL FROM:<${envelope.from}>`);
    for (const to of [envelope.to].flat()) await say(socket, lines, `RCPT TO:<${to}>`);
    await say(socket, lines, 'DATA');
    socket.write(stuffDots(bytes));
    socket.write('.\r\n');
    const final = await lines.next();
    socket.write('QUIT\r\n');
    return final;
  } finally {
    socket.end();
  }
}

async function say(socket: Socket, lines: ReplyReader, command: string): Promise<void> {
  socket.write(`${command}\r\n`);
  const reply = await lines.next();
  if (!/^[23]/.test(reply)) throw new Error(`${command}: ${reply}`);
}

function stuffDots(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  return Buffer.from(
    (text.startsWith('.') ? '.' : '') + text.replaceAll('\r\n.', '\r\n..'),
    'latin1',
  );
}

/** Whole replies, multi-line ones joined by LF. */
class ReplyReader {
  #buffered = '';
  #replies: string[] = [];
  #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void } | null = null;
  #lines: string[] = [];
  #error: Error | null = null;

  constructor(socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#buffered += text;
      for (
        let end = this.#buffered.indexOf('\r\n');
        end >= 0;
        end = this.#buffered.indexOf('\r\n')
      ) {
        const line = this.#buffered.slice(0, end);
        this.#buffered = this.#buffered.slice(end + 2);
        this.#lines.push(line);
        if (line[3] === '-') continue;
        this.#replies.push(this.#lines.join('\n'));
        this.#lines = [];
      }
      this.#settle();
    });
    const fail = (error: Error): void => {
      this.#error ??= error;
      this.#settle();
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('The connection was closed')));
  }

  next(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const reply = this.#replies.shift();
    if (reply === undefined && this.#error === null) return;
    this.#waiting = null;
    if (reply !== undefined) waiting.resolve(reply);
    else if (this.#error !== null) waiting.reject(this.#error);
  }
}
