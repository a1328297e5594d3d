/** Messages and transactions for tests of the store and of what reads it. Seeded, so repeatable. */
import type { Clock } from '../../engine/base/clock.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import { newSessionId, SpoolIdSource } from '../../engine/base/ids.ts';
import type { EnvelopeAddress } from '../../engine/mail/envelope.ts';
import { Message } from '../../engine/mail/message.ts';
import type { SessionFacts, StoredTransaction } from '../../engine/store/store.ts';

export const NOON_MS = Date.UTC(2026, 2, 14, 12);

/** Goes on by a millisecond with every look, so that ids and times differ. */
export class TickingClock implements Clock {
  #nowMs: number;

  constructor(nowMs = NOON_MS) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return (this.#nowMs += 1);
  }

  monotonic(): number {
    return this.now();
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error('the ticking clock does not sleep'));
  }

  timer(): { cancel(): void } {
    return { cancel: () => undefined };
  }
}

export function address(email: string): EnvelopeAddress {
  const at = email.lastIndexOf('@');
  return at < 0
    ? { email, user: email, domain: '' }
    : { email, user: email.slice(0, at), domain: email.slice(at + 1) };
}

export interface TransactionFields extends Partial<StoredTransaction> {
  readonly to?: readonly string[];
  readonly subject?: string;
  readonly bodyText?: string;
  readonly queue?: string;
  /** Put before the data of each message, as a Received field is. */
  readonly prefix?: string;
}

/** Makes what reception would hand over. One message per recipient. */
export class MailMaker {
  readonly clock: Clock;
  readonly random = new SeededRandom(7);
  readonly #ids: SpoolIdSource;

  constructor(clock: Clock = new TickingClock()) {
    this.clock = clock;
    this.#ids = new SpoolIdSource(clock, this.random);
  }

  session(fields: Partial<SessionFacts> = {}): SessionFacts {
    const nowMs = this.clock.now();
    return {
      id: newSessionId(this.random),
      listener: '127.0.0.1:2525',
      peer: '127.0.0.1:40000',
      protocol: 'ESMTP',
      startedMs: nowMs,
      startedRealMs: nowMs,
      ehlo: 'client.test',
      tls: null,
      auth: null,
      ...fields,
    };
  }

  message(to: readonly string[], data: Uint8Array, sender = 'sender@shop.test'): Message {
    return new Message({
      id: this.#ids.next(),
      sender: address(sender),
      recipients: to.map(address),
      meta: { reception_protocol: 'ESMTP', tenant: 'acme' },
      data,
    });
  }

  transaction(fields: TransactionFields = {}): StoredTransaction {
    const {
      to = ['user@example.com'],
      subject = 'Hello',
      bodyText = 'Hi\r\n',
      prefix = '',
    } = fields;
    const { queue = 'example.com', sender = 'sender@shop.test' } = fields;
    const body = fields.body === undefined ? eml(subject, bodyText, sender ?? '', to) : fields.body;
    const nowMs = this.clock.now();
    const data = Buffer.concat([Buffer.from(prefix), body ?? new Uint8Array(0)]);
    return {
      session: fields.session ?? this.session(),
      startedMs: nowMs,
      endedMs: nowMs + 2,
      startedRealMs: nowMs,
      sender,
      code: 250,
      replyText: 'OK ids=1',
      body,
      messages: to.map((recipient) => ({
        message: this.message([recipient], prefix === '' && body ? body : data, sender ?? ''),
        queue,
        state: 'queued',
      })),
      refused: [],
      transcript: TRANSCRIPT,
      events: [],
      ...fields,
    };
  }
}

export const TRANSCRIPT: StoredTransaction['transcript'] = [
  { atMs: 0, who: 'server', text: '220 mx.test KumoMTA' },
  { atMs: 1, who: 'client', text: 'EHLO client.test' },
  { atMs: 2, who: 'server', text: '250-mx.test Aloha' },
  { atMs: 3, who: 'client', text: 'MAIL FROM:<sender@shop.test>' },
  { atMs: 4, who: 'server', text: '250 OK' },
];

export function eml(
  subject: string,
  text: string,
  from = 'sender@shop.test',
  to: readonly string[] = ['user@example.com'],
): Uint8Array {
  return Buffer.from(
    `From: <${from}>\r\nTo: ${to.join(', ')}\r\nSubject: ${subject}\r\n` +
      `Date: Sat, 14 Mar 2026 12:00:00 +0000\r\nMessage-Id: <1@shop.test>\r\n\r\n${text}`,
  );
}
