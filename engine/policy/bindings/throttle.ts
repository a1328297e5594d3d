/**
 * `kumo.make_throttle`: rate limits that all contexts share, counted on the mail clock together
 * with the queues' own limits.
 *
 * Source: reference `lua-api.md` §3.6.
 */
import { burstOf, type GcraResult } from '../../base/gcra.ts';
import { formatDuration } from '../../base/duration.ts';
import { adjustDue } from '../../mail/scheduling.ts';
import { parseThrottle } from '../config-scalars.ts';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject, LUA_NULL, type LuaValue } from '../lua/lua-value.ts';
import type { ThrottleSpec } from '../settings.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import { MessageObject } from './message-object.ts';

class UserThrottle extends HostObject {
  readonly luaTypeName = 'UserThrottle';
  readonly name: string;
  readonly spec: ThrottleSpec;

  constructor(name: string, spec: ThrottleSpec) {
    super();
    this.name = name;
    this.spec = spec;
  }

  get key(): string {
    return `lua-user-throttle-${this.name}`;
  }
}

export function throttleBindings(deps: CoreDeps): Bindings {
  const take = (throttle: UserThrottle): GcraResult =>
    deps.world.gcra.take(throttle.key, throttle.spec, deps.mailClock.monotonic());
  const type: UserdataType<UserThrottle> = {
    name: 'UserThrottle',
    class: UserThrottle,
    methods: {
      throttle: {
        effect: 'write',
        signature: 'throttle() -> table',
        doc: 'Counts one; says whether that was too many.',
        run: (throttle) => resultForLua(take(throttle)),
      },
      sleep_if_throttled: {
        effect: 'write',
        signature: 'sleep_if_throttled() -> boolean',
        doc: 'Counts one, waiting until it may go; true when it had to wait.',
        run: async (throttle) => {
          let waited = false;
          for (;;) {
            const { retryAfterSeconds } = take(throttle);
            if (retryAfterSeconds === null) return waited;
            waited = true;
            await deps.mailClock.sleep(retryAfterSeconds * 1000);
          }
        },
      },
      delay_message_if_throttled: {
        effect: 'write',
        signature: 'delay_message_if_throttled(msg) -> boolean',
        doc: 'Counts one; a message that is too many becomes due later.',
        run: (throttle, call) => {
          const { message } = call.object(1, MessageObject);
          const { retryAfterSeconds } = take(throttle);
          if (retryAfterSeconds === null) return false;
          const due = deps.mailClock.now() + retryAfterSeconds * 1000;
          message.due = adjustDue(message.scheduling, due);
          return true;
        },
      },
      explain: {
        effect: 'pure',
        signature: 'explain() -> string',
        doc: 'The limit in words.',
        run: (throttle) => explain(throttle.spec),
      },
    },
  };
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          make_throttle: {
            effect: 'pure',
            signature: 'make_throttle(name, spec) -> throttle',
            doc: 'A rate limit shared by all contexts.',
            run: (call) => new UserThrottle(call.string(1), throttleArgument(call.string(2))),
          },
        },
      },
    ],
    types: [type],
  };
}

function throttleArgument(spec: string): ThrottleSpec {
  try {
    return parseThrottle(spec);
  } catch (error) {
    throw new Error(`bad argument #2: ${(error as Error).message}`, { cause: error });
  }
}

function resultForLua(result: GcraResult): LuaValue {
  const span = (secs: number): LuaValue => ({ secs, nanos: 0 });
  return {
    throttled: result.isThrottled,
    limit: result.limit,
    remaining: result.remaining,
    reset_after: span(result.resetAfterSeconds),
    retry_after: result.retryAfterSeconds === null ? LUA_NULL : span(result.retryAfterSeconds),
  };
}

function explain(spec: ThrottleSpec): string {
  const each = formatDuration(spec.periodMs / spec.limit);
  return [
    `${spec.limit} per ${formatDuration(spec.periodMs)}`,
    `one every ${each}`,
    `bursts of up to ${burstOf(spec)}`,
  ].join('\n');
}
