/**
 * What all contexts of one engine share: caches, rate counters, queues between scripts, the config
 * epoch and the tuning that scripts set. It outlives reloads of the policy.
 *
 * Source: reference `lua-api.md` §1.2–1.4, §3.3, §3.6, §3.7.
 */
import type { Clock } from '../base/clock.ts';
import { GcraStore } from '../base/gcra.ts';
import type { CounterSeries } from './bindings/counter-series.ts';
import type { MemoizeCache } from './bindings/memoize-cache.ts';
import type { MessageQueue } from './bindings/mpsc-queue.ts';
import type { PolicyEvents } from './events.ts';
import type { LuaContextHandle } from './lua/host-function.ts';
import type { PolicyContext } from './policy-context.ts';
import type { SetupNote } from './setup-notes.ts';

export interface PolicyWorldOptions {
  /** As KumoMTA: `print` goes to stdout, programs may be run, `os.exit` ends the process. */
  readonly isStrict: boolean;
  /** `--validate`: nothing is bound, spawned or opened. */
  readonly isValidating?: boolean;
  readonly gcra?: GcraStore;
  /** Where `print` and `io.write` of strict mode go. */
  readonly stdout?: (bytes: Uint8Array) => void;
  readonly exit?: (code: number) => void;
  /** Ordinary mode: lines printed outside of any traced call. */
  readonly onPrint?: (text: string) => void;
}

export class PolicyWorld {
  readonly isStrict: boolean;
  readonly isValidating: boolean;
  readonly gcra: GcraStore;
  readonly caches = new Map<string, MemoizeCache>();
  readonly queues = new Map<string, MessageQueue>();
  readonly counters = new Map<string, CounterSeries>();
  readonly tuning = {
    contextUsesMax: 1024,
    contextAgeMsMax: 300_000,
    spareContextsMax: 8192,
    /** Chance in percent that a returned context is collected. */
    collectPercent: 0,
  };
  readonly memory: { hard: number | null; soft: number | null; low: number | null } = {
    hard: null,
    soft: null,
    low: null,
  };
  /** What the policy set up so far. */
  readonly setup: SetupNote[] = [];
  monitorGlobs: readonly string[] = ['/opt/kumomta/etc/**/*.{lua,json,toml,yaml}'];
  /** `kumo.validation_failed()` was called. */
  validationFailed = false;
  epoch = 1;
  /** Where the policy file is; set when it is loaded. */
  policyFolder: string | null = null;
  /** The events of the policy, for functions that run handlers in contexts of their own. */
  events: PolicyEvents | null = null;
  readonly #contexts = new Map<number, PolicyContext>();
  readonly #stdout: (bytes: Uint8Array) => void;
  readonly #exit: ((code: number) => void) | null;
  readonly #onPrint: ((text: string) => void) | null;

  constructor(options: PolicyWorldOptions) {
    this.isStrict = options.isStrict;
    this.isValidating = options.isValidating ?? false;
    this.gcra = options.gcra ?? new GcraStore();
    this.#stdout = options.stdout ?? ((bytes) => void process.stdout.write(bytes));
    this.#exit = options.exit ?? null;
    this.#onPrint = options.onPrint ?? null;
  }

  /** Takes copies of what another engine's contexts share; neither sees the other's changes. */
  copyFrom(other: PolicyWorld, clocks: { mailClock: Clock; clock: Clock }): void {
    for (const [name, cache] of other.caches) this.caches.set(name, cache.copy(clocks));
    for (const [name, queue] of other.queues) this.queues.set(name, queue.copy());
    for (const [name, series] of other.counters) {
      this.counters.set(name, series.copy(clocks.mailClock));
    }
    this.gcra.copyFrom(other.gcra);
    this.epoch = other.epoch;
  }

  /** A glob of the policy's world as one of this machine. */
  realGlob(glob: string): string {
    const prefix = '/opt/kumomta/etc/';
    if (this.policyFolder === null || !glob.startsWith(prefix)) return glob;
    return `${this.policyFolder}/${glob.slice(prefix.length)}`;
  }

  adopt(context: PolicyContext): void {
    this.#contexts.set(context.lua.calls.id, context);
  }

  forget(context: PolicyContext): void {
    this.#contexts.delete(context.lua.calls.id);
  }

  contextOf(handle: LuaContextHandle): PolicyContext | undefined {
    return this.#contexts.get(handle.id);
  }

  /** A line that a script printed. */
  print(text: string, line: number | undefined, handle: LuaContextHandle): void {
    const recorder = this.contextOf(handle)?.recorder;
    recorder?.print(text, line);
    if (this.isStrict) this.#stdout(Buffer.from(`${text}\n`, 'utf8'));
    else if (!recorder) this.#onPrint?.(text);
  }

  /** Raw output of `io.write`. */
  writeOut(bytes: Uint8Array, handle: LuaContextHandle | null): void {
    if (this.isStrict) this.#stdout(bytes);
    if (handle === null) return;
    const text = Buffer.from(bytes).toString('utf8').replace(/\n$/, '');
    const recorder = this.contextOf(handle)?.recorder;
    recorder?.print(text, undefined);
    if (!this.isStrict && !recorder) this.#onPrint?.(text);
  }

  /** @throws {Error} the process is not the script's to end */
  exit(code: number): undefined {
    if (!this.isStrict || !this.#exit) {
      throw new Error('os.exit is not available here: a policy may not end the engine');
    }
    this.#exit(code);
    return undefined;
  }
}
