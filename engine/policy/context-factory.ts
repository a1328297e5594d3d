/**
 * Makes contexts: a machine, the bindings, the chunk loader, and one run of the whole policy file.
 *
 * Source: reference `lua-api.md` §1.
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Bindings } from './bindings/bindings.ts';
import { PolicyError } from './events.ts';
import type { Heartbeat } from './heartbeat.ts';
import { installChunkLoader } from './lua/chunk-loader.ts';
import { LuaContext } from './lua/lua-context.ts';
import { LuaError, LuaFatalError } from './lua/lua-error.ts';
import type { Gate } from './lua/registration.ts';
import { PolicyContext } from './policy-context.ts';
import { PACKAGE_PATH_PREFIX, type PolicySource } from './policy-source.ts';
import type { PolicyWorld } from './policy-world.ts';

/** Ended contexts kept for another life. */
const RETIRED_COUNT_MAX = 16;
/** Above this they are not: wasm memory never shrinks. */
const RETIRED_MEMORY_BYTES_MAX = 32 * 1024 * 1024;

export interface ContextFactoryOptions {
  readonly world: PolicyWorld;
  readonly bindings: readonly Bindings[];
  readonly clock: Clock;
  readonly random: Random;
  readonly heartbeat: Heartbeat;
  readonly budgetMs: number | null;
  readonly memoryBytesMax: number | null;
  readonly gate: Gate | null;
  /** A module that is loaded after the policy. */
  readonly companion?: string | null;
  /** Where `warn` goes. */
  readonly warn: (text: string) => void;
}

export class ContextFactory {
  readonly #options: ContextFactoryOptions;
  /** Ended contexts, ready for another life. */
  readonly #retired: LuaContext[] = [];
  readonly #files = new WeakMap<LuaContext, PolicySource>();

  constructor(options: ContextFactoryOptions) {
    this.#options = options;
  }

  /** @throws {PolicyError} the policy cannot be compiled, or its run failed */
  async create(source: PolicySource): Promise<PolicyContext> {
    const { world, clock } = this.#options;
    const context = new PolicyContext(this.#luaFor(source), world.epoch, clock.monotonic());
    world.adopt(context);
    try {
      await context.lua.run(source.text, source.file);
    } catch (error) {
      this.dispose(context);
      throw policyErrorOf(error, null, source.file);
    }
    for (const event of context.handlers.keys()) source.events.add(event);
    const { companion } = this.#options;
    if (companion) await context.lua.run(`require '${companion}'`, companion);
    return context;
  }

  /** Ends a context. Its machine serves again, unless it grew large. */
  dispose(context: PolicyContext): void {
    const { lua } = context;
    this.#options.world.forget(context);
    lua.dispose();
    if (this.#retired.length < RETIRED_COUNT_MAX && lua.memoryBytes <= RETIRED_MEMORY_BYTES_MAX) {
      this.#retired.push(lua);
    }
  }

  #luaFor(source: PolicySource): LuaContext {
    const { random, world } = this.#options;
    const seed = [random.next(), random.next()].map((n) => Math.floor(n * 2 ** 31));
    const lua = this.#retired.pop() ?? this.#createLua();
    lua.renew(seed as [number, number]);
    this.#files.set(lua, source);
    if (world.isValidating) lua.setGlobal('_VALIDATING_CONFIG', true);
    return lua;
  }

  #createLua(): LuaContext {
    const { world, bindings, clock, heartbeat, budgetMs, memoryBytesMax, gate, warn } =
      this.#options;
    const lua = LuaContext.create({
      clock,
      ...(budgetMs === null ? {} : { budgetMs }),
      ...(memoryBytesMax === null ? {} : { memoryBytesMax }),
      ...(gate ? { gate } : {}),
      heartbeat: {
        enter: (sinceMs) => {
          heartbeat.enter(world.contextOf(lua.calls)?.currentEvent ?? 'policy file', sinceMs);
        },
        leave: () => heartbeat.leave(),
      },
      warn,
    });
    lua.register(bindings);
    const source = (): PolicySource => {
      const found = this.#files.get(lua);
      if (!found) throw new Error('Bug: a context without a policy');
      return found;
    };
    const files = {
      find: (path: string) => source().find(path),
      read: (path: string) => source().read(path),
    };
    installChunkLoader(lua, files, PACKAGE_PATH_PREFIX);
    lua.seal();
    return lua;
  }
}

/** Whatever a context threw, as the stages see it. Rejects are not this function's business. */
export function policyErrorOf(error: unknown, event: string | null, file?: string): PolicyError {
  if (error instanceof PolicyError) return error;
  const place = error instanceof LuaError || error instanceof LuaFatalError ? error.place : null;
  const message = error instanceof Error ? error.message : String(error);
  const where = place ?? (file === undefined ? null : { file });
  return new PolicyError(message, {
    ...(event === null ? {} : { event }),
    ...(where ?? {}),
    cause: error,
  });
}
