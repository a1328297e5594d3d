/**
 * Delivery by the policy itself (`protocol.custom_lua`): one session is one connection object,
 * built by the constructor event, that takes messages one by one or in batches.
 *
 * States: *new* → *connected* (the constructor returned) → *disconnected* (a 421, an error, or a
 * failed constructor). There is one way only: a session that lost its connection refuses the
 * next message with `only one connection attempt per session`, and that message fails for it.
 *
 * Source: reference `queues-delivery.md` §7; golden `lua-*`.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';
import { plainReply } from '../mail/smtp-reply.ts';
import { PolicyReject } from '../policy/events.ts';
import type { LuaConnection, PolicyEvents } from '../policy/events.ts';
import { CallTrace } from './attempt.ts';
import { ConnectFailure } from './deliverer.ts';
import type { AttemptReport, DeliverySession, Outcome, SessionAddress } from './deliverer.ts';

export interface LuaSessionSettings {
  readonly sessionId: string;
  /** The name of the constructor event. */
  readonly constructorEvent: string;
  readonly batchSize: number;
  readonly domain: string;
  readonly tenant: string | null;
  readonly campaign: string | null;
}

export interface LuaDeliveryDeps {
  readonly events: Pick<PolicyEvents, 'construct'>;
  readonly realClock: Clock;
}

export function openLuaSession(
  deps: LuaDeliveryDeps,
  settings: LuaSessionSettings,
): DeliverySession {
  return new LuaSession(deps, settings);
}

class LuaSession implements DeliverySession {
  readonly id: string;
  readonly isExhausted = false;
  readonly #deps: LuaDeliveryDeps;
  readonly #settings: LuaSessionSettings;
  #state: 'new' | 'connected' | 'disconnected' = 'new';
  #connection: LuaConnection | null = null;
  #phase = 'Starting';
  #isAborted = false;

  constructor(deps: LuaDeliveryDeps, settings: LuaSessionSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.id = settings.sessionId;
  }

  get phase(): string {
    return this.#phase;
  }

  get peer(): string | null {
    return this.#state === 'connected' ? this.#peerName : null;
  }

  async plan(): Promise<void> {
    // There is nothing to look up.
  }

  async connect(): Promise<void> {
    if (this.#state === 'connected') return;
    if (this.#state === 'disconnected') {
      throw new ConnectFailure('only one connection attempt per session');
    }
    this.#state = 'disconnected';
    this.#phase = 'AttemptingConnection';
    const { constructorEvent, domain, tenant, campaign } = this.#settings;
    const trace = new CallTrace(this.#deps.realClock);
    try {
      const { events } = this.#deps;
      const built = await events.construct(constructorEvent, domain, tenant, campaign, trace);
      if (this.#isAborted) {
        built.release();
        throw new Error('the session was aborted');
      }
      this.#connection = built;
      this.#state = 'connected';
    } catch (error) {
      throw new ConnectFailure(toError(error).message, { events: trace.calls });
    }
  }

  async deliver(messages: readonly Message[], recorded?: Promise<void>): Promise<AttemptReport> {
    await recorded;
    const connection = this.#connection;
    if (connection === null) throw new Error('invalid connection object');
    this.#phase = 'DeliveringMessage';
    const trace = new CallTrace(this.#deps.realClock);
    try {
      const text = await connection.send(messages, this.#settings.batchSize, trace);
      return this.#report({ kind: 'delivered', reply: plainReply(200, text) }, trace);
    } catch (error) {
      if (!(error instanceof PolicyReject)) {
        await this.close();
        throw error;
      }
      const isTransient = error.code >= 400 && error.code < 500;
      if (error.code === 421) await this.close();
      return this.#report(
        {
          kind: isTransient ? 'deferred' : 'bounced',
          reply: plainReply(error.code, error.text),
        },
        trace,
      );
    }
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#drop();
    if (connection === null) return;
    this.#phase = 'Closing';
    await connection.close();
    connection.release();
  }

  abort(): void {
    this.#isAborted = true;
    const connection = this.#connection;
    this.#drop();
    connection?.release();
  }

  #drop(): void {
    this.#state = 'disconnected';
    this.#connection = null;
  }

  get #peerName(): string {
    return `Lua via ${this.#settings.constructorEvent}`;
  }

  #report(outcome: Omit<Outcome, 'recipients'>, trace: CallTrace): AttemptReport {
    const address: SessionAddress = {
      peerAddress: { name: this.#peerName, addr: '0.0.0.0' },
      sourceAddress: null,
      tls: null,
    };
    this.#phase = 'Idle';
    return {
      outcomes: [{ ...outcome, recipients: 'all' }],
      address,
      transcript: [],
      events: trace.calls,
      details: { constructor: this.#settings.constructorEvent },
      connectionBroken: this.#state !== 'connected',
    };
  }
}
