/**
 * Loads the policy and puts it in force. A new version is run once in a fresh context before it
 * replaces the present one; a broken file changes nothing. Stages ask `events`.
 *
 *     const host = new ScriptHost(options);
 *     const loaded = await host.load('/workspace/policy/init.lua');   // { ok } or { ok: false, error }
 *     await host.init();                                              // pre_init, init: once
 *     await host.events.smtpServerMailFrom(…);                        // PolicyEvents
 *     await host.close();
 *
 * Source: reference `lua-api.md` §1.
 */
import type { GcraStore } from '../base/gcra.ts';
import { allBindings } from './bindings/all-groups.ts';
import type { BindingDeps, Bindings } from './bindings/bindings.ts';
import type { CoreDeps } from './bindings/core-deps.ts';
import { readKey } from './bindings/key-source.ts';
import { ContextFactory, policyErrorOf } from './context-factory.ts';
import { ContextPool } from './context-pool.ts';
import { EventCalls } from './event-calls.ts';
import { EventDispatcher } from './event-dispatcher.ts';
import type { PolicyEvents } from './events.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Gate } from './lua/registration.ts';
import type { LuaValue } from './lua/lua-value.ts';
import { PolicySource } from './policy-source.ts';
import { PolicyWorld } from './policy-world.ts';
import { notRegistered, PresentPolicy } from './present-policy.ts';
import type { PolicyServices } from './services.ts';
import type { KeySource } from './settings.ts';

/** Lua time and memory of one call in ordinary mode. */
const ORDINARY_BUDGET_MS = 5_000;
const ORDINARY_MEMORY_BYTES_MAX = 256 * 1024 * 1024;

export interface ScriptHostOptions {
  readonly deps: Omit<BindingDeps, 'callEvent'>;
  /** KumoMTA's ways: no budgets, `print` to stdout, programs may be run. */
  readonly isStrict: boolean;
  readonly isValidating?: boolean;
  /** Folder that holds `policy-extras/`, in place of `/opt/kumomta/share`. */
  readonly extrasDir: string | null;
  /** A Lua module that every context loads after the policy; its events are not the policy's. */
  readonly companion?: string;
  /** Null: unlimited. Default: as the mode says. */
  readonly budgetMs?: number | null;
  readonly memoryBytesMax?: number | null;
  /** The rate counters that queues use, too. */
  readonly gcra?: GcraStore;
  /** Told of every event that a handler is called for. */
  readonly onEvent?: (event: string, seconds: number) => void;
  readonly stdout?: (bytes: Uint8Array) => void;
  readonly exit?: (code: number) => void;
  /** Replaces host functions by their effect (dry runs). */
  readonly gate?: Gate;
  /** Begins with copies of what the contexts of another host share. */
  readonly forkOf?: PolicyWorld;
  /** Of another host: whoever watches that one notices a hang of this one. */
  readonly heartbeat?: Heartbeat;
  /** Unsaved texts of policy files, by absolute path. */
  readonly edited?: ReadonlyMap<string, string>;
}

export interface PolicyProblem {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

export type LoadResult =
  { readonly ok: true } | { readonly ok: false; readonly error: PolicyProblem };

export class ScriptHost {
  /** What stages ask of the policy. */
  readonly events: PolicyEvents;
  readonly world: PolicyWorld;
  readonly heartbeat: Heartbeat;
  readonly #options: ScriptHostOptions;
  readonly #deps: CoreDeps;
  readonly #bindings: readonly Bindings[];
  readonly #factory: ContextFactory;
  readonly #present: PresentPolicy;

  constructor(options: ScriptHostOptions) {
    const { deps, isStrict } = options;
    this.#options = options;
    this.world = new PolicyWorld({
      ...options,
      onPrint: (text) => deps.services.diagnostic('info', text),
    });
    if (options.forkOf) this.world.copyFrom(options.forkOf, deps);
    this.heartbeat = options.heartbeat ?? new Heartbeat();
    this.#deps = {
      ...deps,
      world: this.world,
      callEvent: (event, args) => this.callEvent(event, args),
    };
    this.#bindings = allBindings(this.#deps);
    const { budgetMs = isStrict ? null : ORDINARY_BUDGET_MS } = options;
    const { memoryBytesMax = isStrict ? null : ORDINARY_MEMORY_BYTES_MAX } = options;
    this.#factory = new ContextFactory({
      world: this.world,
      bindings: this.#bindings,
      clock: deps.clock,
      random: deps.random,
      heartbeat: this.heartbeat,
      budgetMs,
      memoryBytesMax,
      gate: options.gate ?? null,
      companion: options.companion ?? null,
      warn: (text) => deps.services.diagnostic('warn', text.trimEnd()),
    });
    const diagnostic: PolicyServices['diagnostic'] = (level, text) =>
      deps.services.diagnostic(level, text);
    this.#present = new PresentPolicy({
      dispatcher: new EventDispatcher(deps.clock, options.onEvent),
      clock: deps.clock,
      isStrict,
      diagnostic,
    });
    this.events = new EventCalls(this.#present, diagnostic);
    this.world.events = this.events;
  }

  /** The loaded policy file; null before the first success. */
  get file(): string | null {
    return this.#present.source?.file ?? null;
  }

  /** Runs `file` in a fresh context; when that succeeds it is the policy from now on. */
  async load(file: string): Promise<LoadResult> {
    let pool: ContextPool;
    try {
      const source = PolicySource.read(file, {
        mapPath: this.#options.deps.mapPath,
        extrasDir: this.#options.extrasDir,
        ...(this.#options.edited ? { edited: this.#options.edited } : {}),
      });
      pool = new ContextPool(source, {
        factory: this.#factory,
        world: this.world,
        clock: this.#deps.clock,
        random: this.#deps.random,
      });
      this.world.policyFolder = source.folder;
      pool.put(await this.#factory.create(source));
    } catch (error) {
      const { message, file: where, line } = policyErrorOf(error, null, file);
      return { ok: false, error: { file: where ?? file, line, message } };
    }
    this.#present.replaceBy(pool);
    return { ok: true };
  }

  /**
   * Makes a new config epoch: idle contexts end, memoized values that depend on it are forgotten,
   * and the policy is read again.
   */
  async bumpEpoch(): Promise<LoadResult> {
    this.world.epoch++;
    this.#present.forgetContexts();
    const { file } = this;
    if (file === null) return { ok: true };
    const result = await this.load(file);
    if (!result.ok) {
      this.#deps.services.diagnostic('error', `policy not reloaded: ${result.error.message}`);
    }
    return result;
  }

  /**
   * `pre_init`, then `init`, in one context.
   * @throws {PolicyError} `call init callback: …`
   */
  async init(): Promise<void> {
    await this.#present.runInOneContext(['pre_init', 'init']);
  }

  /** `validate_config`; whether the policy passed. */
  async validate(): Promise<boolean> {
    await this.#present.runInOneContext(['validate_config']);
    return !this.world.validationFailed;
  }

  /** Calls an event that is not in the catalogue, in a context of its own. */
  callEvent(event: string, args: readonly LuaValue[]): Promise<readonly LuaValue[]> {
    return this.#present.ask({
      event,
      args,
      trace: null,
      convert: (values) => values,
      missing: () => {
        throw notRegistered(event);
      },
    });
  }

  /** The bytes that a key setting stands for. */
  async loadKey(source: KeySource): Promise<Uint8Array> {
    if (source.kind === 'event') {
      return readKey(this.#deps, { ...source, args: source.args as LuaValue[] });
    }
    return readKey(this.#deps, source);
  }

  async close(): Promise<void> {
    this.#present.close();
    for (const group of this.#bindings) await group.close?.();
  }

  /** Events with a handler in the present policy. */
  eventNames(): readonly string[] {
    return [...(this.#present.source?.events ?? [])].sort();
  }
}
