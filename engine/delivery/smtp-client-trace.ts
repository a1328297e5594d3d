/**
 * What happens in SMTP deliveries, told to whoever watches (`/api/admin/trace-smtp-client/v1`).
 * Nothing is made while nobody does. Credentials do not get here: it is told what the transcript
 * is told.
 *
 * Source: reference `http-logs-reception.md` §2.10.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { SmtpSessionSettings } from './deliverer.ts';
import { addressText } from './smtp-debug-text.ts';
import type { Candidate } from './smtp-plan.ts';

/** Who watches. */
export interface ClientTraceSink {
  readonly isWatched: boolean;
  publish(meta: JsonObject, payload: JsonValue): void;
}

/** One session's side of it. */
export class ClientTrace {
  readonly #sink: ClientTraceSink | null;
  #meta: JsonObject;

  constructor(sink: ClientTraceSink | null, settings: SmtpSessionSettings) {
    this.#sink = sink;
    this.#meta = {
      egress_pool: settings.pool ?? 'unspecified',
      egress_source: settings.source.name,
      id: settings.sessionId,
      ready_queue_name: settings.readyQueue,
    };
  }

  planned(candidates: readonly Candidate[]): void {
    this.#meta['mx_plan'] = candidates.map(({ address: { name, ip, port } }) => ({
      name,
      addr: addressText(ip, port),
    }));
    this.#publish('BeginSession');
  }

  obtained(message: Message): void {
    const queue = message.queueName();
    const { domain, routingDomain, tenant, campaign } = parseQueueName(queue);
    this.#meta = {
      ...this.#meta,
      message_id: message.id,
      sender: message.sender.email,
      recipient: message.recipients.map(({ email }) => email),
      domain,
      routing_domain: routingDomain,
      ...(campaign === null ? {} : { campaign }),
      ...(tenant === null ? {} : { tenant }),
      queue_name: queue,
    };
    this.#publish('MessageObtained');
  }

  connected({ address, port }: Candidate, localAddress: string | null): void {
    this.#meta = {
      ...this.#meta,
      source_address: localAddress,
      mx_host: address.name,
      mx_address: addressText(address.ip, port),
    };
    this.#publish('Connected');
  }

  /** @param text a command without its CRLF */
  wrote(text: string): void {
    this.#publish({ Write: `${text}\r\n` });
  }

  sentBody(body: Uint8Array): void {
    if (this.#sink?.isWatched === true) this.#publish({ Write: Buffer.from(body).toString() });
  }

  /** @param line of a reply, code included */
  read(line: string): void {
    this.#publish({ Read: `${line}\r\n` });
  }

  noted(message: string): void {
    this.#publish({ Diagnostic: { level: 'INFO', message } });
  }

  closed(): void {
    this.#publish('Closed');
  }

  #publish(payload: JsonValue): void {
    if (this.#sink?.isWatched === true) this.#sink.publish({ ...this.#meta }, payload);
  }
}
