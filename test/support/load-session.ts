/**
 * One persistent SMTP session under load: the next message goes out in one write as soon as the
 * 250 of the one before was read, until there is none or the connection dies.
 */
import { connect } from 'node:net';

export interface LoadMail {
  readonly to: string;
  /** Headers and body; dots are not stuffed. */
  readonly data: string;
}

/**
 * @param options.next the next message; null ends the session
 * @param options.onAccepted its 250 was read
 * @param options.onRefused another reply to the final dot; the session goes on
 * @returns resolves when the connection is closed
 */
export function loadSession<T extends LoadMail>(
  port: number,
  options: {
    next: () => T | null;
    onAccepted: (mail: T) => void;
    onRefused?: (mail: T, reply: string) => void;
  },
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let buffered = '';
    let pending: T | null = null;
    let isDataNext = false;
    const next = (): void => {
      pending = options.next();
      if (pending === null) return void socket.end('QUIT\r\n');
      const { to, data } = pending;
      socket.write(`MAIL FROM:<a@shop.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n${data}.\r\n`);
    };
    const take = (line: string): void => {
      if (line.startsWith('220 ')) return next();
      if (line.startsWith('354 ')) return void (isDataNext = true);
      if (!isDataNext || pending === null) return;
      isDataNext = false;
      if (line.startsWith('250 OK ids=')) options.onAccepted(pending);
      else options.onRefused?.(pending, line);
      next();
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      buffered += text;
      for (let end = buffered.indexOf('\r\n'); end >= 0; end = buffered.indexOf('\r\n')) {
        const line = buffered.slice(0, end);
        buffered = buffered.slice(end + 2);
        take(line);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}
