/**
 * The policy that is in force: asks its contexts, one at a time each. A question takes a context,
 * runs the event in it and gives it back; after an error the context ends. A question that began
 * before the policy was replaced finishes in the context that it has.
 *
 * States: none (before the first load and after `close`: every question is refused), in force.
 *
 * Source: reference `lua-api.md` §1.2, §1.3.
 */
import type { Clock } from '../base/clock.ts';
import { policyErrorOf } from './context-factory.ts';
import type { ContextPool } from './context-pool.ts';
import type { EventTrace } from './event-call.ts';
import type { EventDispatcher, EventRequest } from './event-dispatcher.ts';
import { PolicyError, PolicyReject, type LuaConnection } from './events.ts';
import { LuaSession } from './lua-session.ts';
import type { LuaValue } from './lua/lua-value.ts';
import type { PolicySource } from './policy-source.ts';
import type { PolicyServices } from './services.ts';

export interface PresentPolicyParts {
  readonly dispatcher: EventDispatcher;
  readonly clock: Clock;
  readonly isStrict: boolean;
  readonly diagnostic: PolicyServices['diagnostic'];
}

export class PresentPolicy {
  readonly #dispatcher: EventDispatcher;
  readonly #clock: Clock;
  readonly #isStrict: boolean;
  readonly #diagnostic: PolicyServices['diagnostic'];
  #pool: ContextPool | null = null;

  constructor(parts: PresentPolicyParts) {
    this.#dispatcher = parts.dispatcher;
    this.#clock = parts.clock;
    this.#isStrict = parts.isStrict;
    this.#diagnostic = parts.diagnostic;
  }

  get source(): PolicySource | null {
    return this.#pool?.source ?? null;
  }

  has(event: string): boolean {
    return this.#pool?.source.events.has(event) ?? false;
  }

  /** The contexts of `pool` answer from here on. */
  replaceBy(pool: ContextPool): void {
    this.#pool?.close();
    this.#pool = pool;
  }

  /** Idle contexts end; new ones are made of the same files. */
  forgetContexts(): void {
    this.#pool?.clear();
  }

  close(): void {
    this.#pool?.close();
    this.#pool = null;
  }

  async ask<T>(request: EventRequest<T>): Promise<T> {
    const pool = this.#present();
    if (!pool.source.events.has(request.event)) return request.missing();
    const taken = pool.take();
    const context = taken instanceof Promise ? await taken : taken;
    let answer: T;
    try {
      const running = this.#dispatcher.run(context, request);
      answer = running instanceof Promise ? await running : running;
    } catch (error) {
      // KumoMTA drops the context after any error. A reject leaves it as sound as a success does,
      // and making another one for each suppressed recipient would cost more than the event.
      if (error instanceof PolicyReject && !this.#isStrict) pool.put(context);
      else pool.discard(context);
      throw error;
    }
    pool.put(context);
    return answer;
  }

  /** A custom-Lua session: keeps its context until it ends. */
  async construct(
    constructor: string,
    args: readonly LuaValue[],
    trace: EventTrace | null,
  ): Promise<LuaConnection> {
    const pool = this.#present();
    const context = await pool.take();
    const handler = context.handlers.get(constructor)?.[0];
    if (!handler) {
      pool.put(context);
      throw new PolicyError('error converting Lua nil to function', { event: constructor });
    }
    try {
      const ref = await this.#dispatcher.construct(
        context,
        { event: constructor, args, trace },
        handler,
      );
      return new LuaSession({
        context,
        ref,
        constructorName: constructor,
        clock: this.#clock,
        done: (used, outcome) => (outcome === 'reusable' ? pool.put(used) : pool.discard(used)),
        log: (text) => this.#diagnostic('error', text),
      });
    } catch (error) {
      pool.discard(context);
      throw error;
    }
  }

  /**
   * Every handler of these events, in one context.
   * @throws {PolicyError} `call init callback: …`
   */
  async runInOneContext(events: readonly string[]): Promise<void> {
    const pool = this.#present();
    const context = await pool.take();
    for (const event of events) {
      try {
        await this.#dispatcher.runAll(context, event);
      } catch (error) {
        pool.discard(context);
        const { message, file, line } = policyErrorOf(error, event);
        throw new PolicyError(`call ${event} callback: ${message}`, {
          event,
          ...(file === null ? {} : { file }),
          ...(line === null ? {} : { line }),
          cause: error,
        });
      }
    }
    pool.put(context);
  }

  #present(): ContextPool {
    if (!this.#pool) throw new PolicyError('Cannot ask the policy: none is loaded');
    return this.#pool;
  }
}

export function notRegistered(event: string): PolicyError {
  return new PolicyError(`Event ${event} has not been registered`, { event });
}
