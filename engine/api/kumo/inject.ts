/**
 * Injection: from a request to messages in their queues, one per recipient. The HTTP route, the
 * policy's `kumo.api.inject` and deferred generation all come here.
 *
 * Each recipient stands alone: what is wrong with one does not stop the others. A message's
 * Reception is recorded when it is durable, and only then is it queued.
 *
 * Source: reference `http-logs-reception.md` §1.3–1.6.
 */
import { hostname } from 'node:os';
import { toError } from '../../base/assert.ts';
import type { SpoolIdSource } from '../../base/ids.ts';
import type { Metrics } from '../../log/metrics.ts';
import { formatMailbox, parseAddrSpec } from '../../mail/address-list.ts';
import { canonicalLineEnds } from '../../mail/conformance.ts';
import { NULL_SENDER } from '../../mail/envelope.ts';
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import { cloneJson } from '../../mail/json.ts';
import type { JsonObject } from '../../mail/json.ts';
import { Message } from '../../mail/message.ts';
import { parseEnvelopeAddress } from '../../mail/path.ts';
import { plainReply } from '../../mail/smtp-reply.ts';
import { applySupplementalHeader, httpReceivedHeader } from '../../mail/trace-headers.ts';
import type { PolicyEvents } from '../../policy/events.ts';
import type { ReceptionOverlay } from '../../reception/overlay.ts';
import type { Trail } from '../../reception/trail.ts';
import { HttpProblem } from './http-problem.ts';
import { InjectBatch, OverlayRefusal, unlessDeferred } from './inject-batch.ts';
import type { BatchDeps, Generated, InjectAnswer } from './inject-batch.ts';
import { compileContent } from './inject-content.ts';
import type { CompiledContent } from './inject-content.ts';
import { authFromMeta, authToMeta, originMeta, sessionFacts } from './inject-origin.ts';
import type { InjectOrigin } from './inject-origin.ts';
import {
  readInjectRequest,
  storedRequest,
  templateContext,
  traceSettings,
} from './inject-request.ts';
import type { InjectRecipient, InjectRequest } from './inject-request.ts';

export interface InjectorDeps extends BatchDeps {
  readonly ids: SpoolIdSource;
  readonly events: Pick<PolicyEvents, 'has' | 'httpMessageGenerated'>;
  readonly metrics: Metrics;
  /** Routes and suppression; null in strict mode. */
  readonly overlay: ReceptionOverlay | null;
  /** Why nothing may be injected now (`waiting for spool startup`); null when it may. */
  readonly refusal: () => string | null;
}

const GENERATOR_QUEUE = 'generator.kumomta.internal';

export class Injector {
  readonly #deps: InjectorDeps;

  constructor(deps: InjectorDeps) {
    this.#deps = deps;
  }

  /** @throws {HttpProblem} the request as a whole is refused */
  async inject(request: InjectRequest, origin: InjectOrigin): Promise<InjectAnswer> {
    const refusal = this.#deps.refusal();
    if (refusal !== null) throw new HttpProblem(503, refusal);
    const { sender, content } = this.#prepare(request);
    if (!request.deferred_generation) return this.#run(request, sender, content, origin);
    await this.#defer(request, sender, origin);
    return { success_count: 0, fail_count: 0, failed_recipients: [], errors: [] };
  }

  /**
   * The messages of a request, nothing stored or queued and no event called.
   * @throws {Error} the request or one of its recipients is wrong
   */
  build(request: InjectRequest, origin: InjectOrigin): Message[] {
    const { sender, content } = this.#prepare(request);
    return request.recipients.map((r) => this.#generate(request, r, sender, content, origin));
  }

  /** Carries out the injection that a message of the generator queue holds. */
  async generate(wrapper: Message): Promise<void> {
    const request = readInjectRequest(wrapper.data);
    const auth = authFromMeta(wrapper.meta['auth_info']);
    const peerIp = String(wrapper.getMeta('received_from') ?? '127.0.0.1');
    await this.inject(request, {
      auth,
      peerIp,
      localIp: String(wrapper.getMeta('received_via') ?? peerIp),
      hostname: String(wrapper.getMeta('hostname') ?? hostname()),
      listener: GENERATOR_QUEUE,
    });
  }

  #prepare(request: InjectRequest): { sender: EnvelopeAddress; content: CompiledContent } {
    let sender: EnvelopeAddress;
    try {
      sender = parseEnvelopeAddress(request.envelope_sender);
    } catch (error) {
      const { message } = toError(error);
      throw new HttpProblem(500, `envelope_sender: ${message}`, { cause: error });
    }
    return { sender, content: compileContent(request, this.#deps.random) };
  }

  async #run(
    request: InjectRequest,
    sender: EnvelopeAddress,
    content: CompiledContent,
    origin: InjectOrigin,
  ): Promise<InjectAnswer> {
    const batch = new InjectBatch(this.#deps, request, sender, origin);
    for (const [index, recipient] of request.recipients.entries()) {
      this.#deps.metrics.add('total_messages_received', ['http_listener']);
      try {
        const message = this.#generate(request, recipient, sender, content, origin);
        batch.add({ index, ...(await this.#decide(request, message, origin, batch.trail)) });
      } catch (error) {
        batch.fail(index, error);
      }
      if (batch.isFull) await batch.finish();
    }
    await batch.finish();
    return batch.answer();
  }

  /** @throws {Error} the recipient's address or a template is wrong */
  #generate(
    request: InjectRequest,
    recipient: InjectRecipient,
    sender: EnvelopeAddress,
    content: CompiledContent,
    origin: InjectOrigin,
  ): Message {
    const { ids, mailClock } = this.#deps;
    const address = recipientAddress(recipient.email);
    const toHeader = formatMailbox(recipient.name, parseAddrSpec(recipient.email).address);
    const context = templateContext(request, recipient, toHeader);
    const id = ids.next();
    const nowMs = mailClock.now();
    const body = content.expand(context, toHeader, nowMs);
    const received = traceSettings(request).receivedHeader
      ? httpReceivedHeader({
          senderDomain: sender.domain,
          peerIp: origin.peerIp,
          hostname: hostname(),
          id,
          recipient: address.email,
          dateMs: nowMs,
        })
      : '';
    const data = canonicalLineEnds(Buffer.concat([Buffer.from(received), body]));
    const meta: JsonObject = { ...originMeta(origin) };
    if (Object.keys(recipient.metadata).length > 0) meta['extra'] = cloneJson(recipient.metadata);
    return new Message({ id, sender, recipients: [address], meta, data });
  }

  /** Asks the policy and the overlay. @throws {Error} either of them refuses the message */
  async #decide(
    request: InjectRequest,
    message: Message,
    origin: InjectOrigin,
    trail: Trail,
  ): Promise<Omit<Generated, 'index'>> {
    const { events, overlay } = this.#deps;
    if (events.has('http_message_generated')) {
      await events.httpMessageGenerated(message, origin.auth, trail);
    }
    let fate: Generated['fate'] = 'queued';
    if (message.getMeta('queue') === 'null')
      fate = isMarkedSuppressed(message) ? 'suppressed' : 'null';
    else if (overlay) {
      const { listener, peerIp } = origin;
      const verdict = await overlay.apply(message, {
        sessionId: '',
        listener,
        peerIp,
        trace: trail,
      });
      if (verdict !== 'keep') {
        // An injected message has one recipient: there is nothing to divide.
        if (verdict.kind === 'divide')
          throw new Error('Bug: a message of one recipient was divided');
        if (verdict.kind === 'reject') throw new OverlayRefusal(verdict);
        message.setMeta('queue', 'null');
        fate = verdict.state;
      }
    }
    const queue = message.queueName();
    if (queue === 'null' && fate === 'queued') fate = 'null';
    const trace = traceSettings(request);
    if (fate === 'queued' && trace.supplementalHeader) applySupplementalHeader(message, trace);
    return { message, queue, fate };
  }

  /** Queues the request itself; it is carried out by `generate`. */
  async #defer(
    request: InjectRequest,
    sender: EnvelopeAddress,
    origin: InjectOrigin,
  ): Promise<void> {
    const { ids, store, log, queue } = this.#deps;
    const message = new Message({
      id: ids.next(),
      sender,
      recipients: [NULL_SENDER],
      meta: {
        ...originMeta(origin),
        auth_info: authToMeta(origin.auth),
        queue: GENERATOR_QUEUE,
      },
      data: Buffer.from(storedRequest(request)),
    });
    const saved = store.saveMessage(message, GENERATOR_QUEUE, sessionFacts(this.#deps, origin));
    await unlessDeferred(saved, request.deferred_spool, this.#deps);
    await log.record({
      type: 'Reception',
      message,
      response: plainReply(250, ''),
      peerAddress: { name: '', addr: origin.peerIp },
    });
    await queue.insert(message, 'Received', null);
  }
}

function recipientAddress(email: string): EnvelopeAddress {
  try {
    return parseEnvelopeAddress(email);
  } catch (error) {
    const { message } = toError(error);
    throw new Error(`recipient email ${email}: ${message}`, { cause: error });
  }
}

function isMarkedSuppressed(message: Message): boolean {
  const mark = message.getMeta('suppressed');
  return mark !== undefined && mark !== false && mark !== '';
}
