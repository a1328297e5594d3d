/**
 * Every call from Lua to the host during a dry run, with its arguments and what came of it, and the
 * gate that decides by the declared effect what a call may do: read and count on copies, or be
 * shown and nothing else.
 *
 * A function that writes and stands in neither list is refused: a new one has to be thought about.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../base/clock.ts';
import { printable, SECRET } from '../policy/call-recorder.ts';
import type { Effect, HostCall, HostFunction, HostResult } from '../policy/lua/host-function.ts';
import type { LuaPlace } from '../policy/lua/lua-error.ts';
import { chunkFile } from '../policy/lua/lua-place.ts';
import { MultiValue, type LuaValue } from '../policy/lua/lua-value.ts';
import type { Gate } from '../policy/lua/registration.ts';

/** Calls kept of one dry run; more are counted. */
const CALLS_MAX = 5_000;

export interface HostCallEntry {
  /** The event it was made from; `policy file` while that ran. */
  readonly event: string;
  readonly name: string;
  readonly effect: Effect;
  what: 'done' | 'recorded' | 'stubbed' | 'not-stubbed' | 'sent' | 'withheld';
  readonly args: readonly string[];
  /** What was asked of the network; absent when nothing was. */
  question?: string;
  result: string;
  durationMs: number;
  readonly place: LuaPlace | null;
}

/** What a withheld call gives back in place of its own answer. */
type Withheld = (call: HostCall) => HostResult;
const nothing: Withheld = () => undefined;

/** Acts on the world. They are shown; what they would change stays as it is. */
const WITHHELD: Readonly<Record<string, Withheld>> = {
  'kumo.inject_message': nothing,
  'kumo.spawn_task': nothing,
  'Message.save': nothing,
  'kumo.bump_config_epoch': nothing,
  'kumo.api.admin.bounce.bounce': () => ({}),
  'kumo.api.admin.bounce.delete': nothing,
  'kumo.api.admin.suspend.suspend': () => ({}),
  'kumo.api.admin.suspend.delete': nothing,
  'kumo.api.admin.suspend_ready_q.suspend': () => ({}),
  'kumo.api.admin.suspend_ready_q.delete': nothing,
};

/** They go through services of the dry run, which only notice. */
const NOTED = new Set([
  'kumo.start_esmtp_listener',
  'kumo.start_http_listener',
  'kumo.define_spool',
  'kumo.configure_local_logs',
  'kumo.configure_log_hook',
  'kumo.configure_log_disposition_hook',
  'kumo.configure_bounce_classifier',
  'kumo.configure_accounting_db_path',
  'kumo.aaa.configure_acct_log',
  'kumo.api.inject.inject_v1',
  'kumo.log_error',
  'kumo.log_warn',
  'kumo.log_info',
  'kumo.log_debug',
]);

/**
 * They change the message at hand, the Lua context, a forked piece of shared state, or a copy of a
 * file; or they are refused by themselves in ordinary mode. Prefixes end with a dot.
 */
const HARMLESS: readonly string[] = [
  '_G.',
  'FILE*.',
  'AsyncFile.',
  'kumo.fs.open',
  'sqlite.open',
  'Conn.',
  'UserThrottle.',
  'Queue.',
  'CounterSeries.',
  'kumo.mpsc.define',
  'kumo.counter_series.define',
  'ConnectionMetaData.',
  'Message.',
  'MimePart.',
  'HeaderMap.',
  'kumo.on',
  'kumo.validation_failed',
  'kumo.set_',
  'kumo.apply_supplemental_trace_header',
  'kumo.dns.configure_test_resolver',
  'kumo.dns.configure_resolver',
  'kumo.dns.define_resolver',
  'kumo.aaa.set_fall_back_to_acl_map',
  // Absent here: each raises an explained error.
  'Producer.',
  'NatsClient.',
  'AmqpClient.',
  'kumo.kafka.',
  'kumo.nats.',
  'kumo.amqp.',
];

/** Arguments that are not shown. */
const SECRETS =
  /^(?:kumo\.(?:secrets|crypto|digest\.hmac)|Request\.(?:basic_auth|bearer_auth)|redis\.open)/;

export type Handling = 'run' | 'note' | 'withhold' | 'refuse';

/** What a dry run does with a function of this name and effect. */
export function handlingOf(name: string, effect: Effect): Handling {
  if (Object.hasOwn(WITHHELD, name)) return 'withhold';
  if (NOTED.has(name)) return 'note';
  if (effect !== 'write') return 'run';
  return HARMLESS.some((known) => name.startsWith(known)) ? 'run' : 'refuse';
}

export class HostCallLog {
  readonly #clock: Clock;
  readonly #replacements: Readonly<Record<string, HostFunction['run']>>;
  readonly #guards: Readonly<Record<string, (call: HostCall) => void>>;
  readonly #current = new AsyncLocalStorage<HostCallEntry>();
  readonly #eventOf: (call: HostCall) => string;
  #entries: HostCallEntry[] = [];
  #lostCount = 0;

  /**
   * @param replacements by name, for functions that need a way of their own
   * @param guards by name, called first; they throw what is refused
   */
  constructor(parts: {
    readonly clock: Clock;
    readonly eventOf: (call: HostCall) => string;
    readonly replacements: Readonly<Record<string, HostFunction['run']>>;
    readonly guards: Readonly<Record<string, (call: HostCall) => void>>;
  }) {
    this.#clock = parts.clock;
    this.#eventOf = parts.eventOf;
    this.#replacements = parts.replacements;
    this.#guards = parts.guards;
  }

  readonly gate: Gate = (name, fn) => {
    const handling = handlingOf(name, fn.effect);
    const withheld = WITHHELD[name];
    const own = this.#guarded(name, this.#replacements[name] ?? fn.run);
    const run =
      handling === 'refuse'
        ? () => {
            throw new Error(`${name} is refused in a dry run: it writes outside of the message`);
          }
        : handling === 'withhold' && withheld !== undefined
          ? withheld
          : own;
    const what = handling === 'run' ? 'done' : 'withheld';
    return (call) => this.#run(name, fn.effect, what, run, call);
  };

  /**
   * Says how the network was answered, from anywhere inside of the call.
   * @param question what was asked, perhaps with the answer: `GET http://… → 200`
   */
  answered(what: HostCallEntry['what'], question: string): void {
    const entry = this.#current.getStore();
    if (!entry) return;
    entry.what = what;
    entry.question = question;
  }

  /** Hands over what has gathered and begins anew. */
  take(): HostCallEntry[] {
    const taken = this.#entries;
    if (this.#lostCount > 0) {
      taken.push({
        event: '',
        name: `… and ${this.#lostCount} more calls`,
        effect: 'pure',
        what: 'done',
        args: [],
        result: '',
        durationMs: 0,
        place: null,
      });
    }
    this.#entries = [];
    this.#lostCount = 0;
    return taken;
  }

  #guarded(name: string, run: HostFunction['run']): HostFunction['run'] {
    const guard = this.#guards[name];
    if (guard === undefined) return run;
    return (call) => {
      guard(call);
      return run(call);
    };
  }

  #run(
    name: string,
    effect: Effect,
    what: HostCallEntry['what'],
    run: HostFunction['run'],
    call: HostCall,
  ): HostResult {
    if (this.#entries.length >= CALLS_MAX) {
      this.#lostCount++;
      return run(call);
    }
    const at = call.where(1);
    const entry: HostCallEntry = {
      event: this.#eventOf(call),
      name: name.replace(/^_G\./, ''),
      effect,
      what,
      args: argumentsOf(name, call),
      result: '',
      durationMs: 0,
      place: at && at.line > 0 ? { file: chunkFile(at.source), line: at.line } : null,
    };
    this.#entries.push(entry);
    const startedMs = this.#clock.monotonic();
    const ended = (result: string): void => {
      entry.result = result;
      entry.durationMs = this.#clock.monotonic() - startedMs;
    };
    const failed = (thrown: unknown): never => {
      ended(`raised ${firstLine(thrown instanceof Error ? thrown.message : String(thrown))}`);
      throw thrown;
    };
    try {
      const result = this.#current.run(entry, () => run(call));
      if (!(result instanceof Promise)) {
        ended(resultText(result));
        return result;
      }
      return result.then((value) => {
        ended(resultText(value));
        return value;
      }, failed);
    } catch (thrown) {
      return failed(thrown);
    }
  }
}

function argumentsOf(name: string, call: HostCall): string[] {
  const isSecret = SECRETS.test(name);
  return Array.from({ length: call.count }, (_, i) =>
    isSecret ? SECRET : argumentText(call, i + 1),
  );
}

function argumentText(call: HostCall, n: number): string {
  const type = call.typeName(n);
  // Reading a function would take a reference to it.
  if (type === 'function' || type === 'thread') return type;
  try {
    return printable(call.value(n));
  } catch {
    return type;
  }
}

function resultText(result: LuaValue | MultiValue): string {
  if (result instanceof MultiValue) return result.values.map(printable).join(', ');
  return result === undefined ? 'nil' : printable(result);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
