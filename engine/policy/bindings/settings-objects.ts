/**
 * The userdata that `kumo.make_*` returns. Queue, path and domain configurations can be read like
 * tables (detached copies, unset options as NULL); pools and sources are opaque.
 *
 * Source: reference `lua-api.md` §3.2, §12.
 */
import type { JsonObject } from '../../mail/json.ts';
import type { UserdataType } from '../lua/host-function.ts';
import type { Bindings } from './bindings.ts';
import { HostObject, type LuaValue } from '../lua/lua-value.ts';
import { jsonWithNulls, luaJsonText } from '../lua-json.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  ListenerDomain,
  QueueConfig,
} from '../settings.ts';

/** A configuration with its printed form, and what the script gave for it. */
abstract class ReadableConfig<T> extends HostObject {
  readonly value: T;
  readonly #makeJson: () => JsonObject;
  readonly #given: LuaValue;
  #json: JsonObject | null = null;

  constructor(value: T, makeJson: () => JsonObject, given: LuaValue) {
    super();
    this.value = value;
    this.#makeJson = makeJson;
    this.#given = given;
  }

  /** Made when a script first reads a field. */
  get json(): JsonObject {
    return (this.#json ??= this.#makeJson());
  }

  override describe(): string {
    return `${this.luaTypeName} ${givenText(this.#given)}`;
  }
}

export class QueueConfigObject extends ReadableConfig<QueueConfig> {
  readonly luaTypeName = 'QueueConfig';
}

export class EgressPathObject extends ReadableConfig<EgressPathConfig> {
  readonly luaTypeName = 'EgressPathConfig';
}

export class ListenerDomainObject extends ReadableConfig<ListenerDomain> {
  readonly luaTypeName = 'EsmtpDomain';
}

export class EgressPoolObject extends HostObject {
  readonly luaTypeName = 'EgressPool';
  readonly value: EgressPool;

  constructor(value: EgressPool) {
    super();
    this.value = value;
  }

  override describe(): string {
    const entries = this.value.entries.map((e) => `${e.name}=${e.weight}`).join(', ');
    return `EgressPool ${this.value.name} {${entries}}`;
  }
}

export class EgressSourceObject extends HostObject {
  readonly luaTypeName = 'EgressSource';
  readonly value: EgressSource;

  constructor(value: EgressSource) {
    super();
    this.value = value;
  }

  override describe(): string {
    return `EgressSource ${this.value.name}`;
  }
}

function readable<T extends ReadableConfig<unknown>>(
  name: string,
  type: abstract new (...args: never[]) => T,
): UserdataType<T> {
  return {
    name,
    class: type,
    index: (self, key) =>
      typeof key === 'string' && Object.hasOwn(self.json, key)
        ? jsonWithNulls(self.json[key] ?? null)
        : undefined,
    length: () => 0,
    pairs: (self) =>
      Object.entries(self.json).map(([key, value]) => [key, jsonWithNulls(value)] as const),
  };
}

export const SETTINGS_TYPES: Bindings['types'] = [
  readable('QueueConfig', QueueConfigObject),
  readable('EgressPathConfig', EgressPathObject),
  readable('EsmtpDomain', ListenerDomainObject),
  { name: 'EgressPool', class: EgressPoolObject },
  { name: 'EgressSource', class: EgressSourceObject },
];

function givenText(given: LuaValue): string {
  try {
    return luaJsonText(given);
  } catch {
    return '{…}';
  }
}
