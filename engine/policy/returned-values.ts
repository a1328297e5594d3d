/**
 * What handlers return, as the stages want it. A wrong kind is an error in mlua's words.
 *
 * Source: reference `lua-api.md` §2, §8.5.
 */
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { addressFromLua } from './bindings/address.ts';
import {
  EgressPathObject,
  EgressPoolObject,
  EgressSourceObject,
  ListenerDomainObject,
  QueueConfigObject,
} from './bindings/settings-objects.ts';
import { AUTH_INFO } from './auth-info.ts';
import { isAbsent, mluaType, SerdeError, tableOf } from './config-serde.ts';
import type { AuthResult } from './events.ts';
import { HostObject, LuaFloat, LuaTable, type LuaValue } from './lua/lua-value.ts';
import { coercedText } from './lua/number-text.ts';
import { luaJsonText, luaToJson } from './lua-json.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  ListenerDomain,
  QueueConfig,
} from './settings.ts';

type Returned = readonly LuaValue[];

export function queueConfig([value]: Returned): QueueConfig {
  return object(value, QueueConfigObject, 'QueueConfig').value;
}

export function egressPool([value]: Returned): EgressPool {
  return object(value, EgressPoolObject, 'EgressPool').value;
}

export function egressSource([value]: Returned): EgressSource {
  return object(value, EgressSourceObject, 'EgressSource').value;
}

export function egressPath([value]: Returned): EgressPathConfig {
  return object(value, EgressPathObject, 'EgressPathConfig').value;
}

export function listenerDomain([value]: Returned): ListenerDomain | null {
  return value === undefined ? null : object(value, ListenerDomainObject, 'EsmtpDomain').value;
}

function object<T extends HostObject>(
  value: LuaValue,
  type: abstract new (...args: never[]) => T,
  name: string,
): T {
  if (value instanceof type) return value;
  if (value instanceof HostObject) throw new Error('userdata is not expected type');
  throw conversion(value, name);
}

/** Lua's truth: everything but nil and false. */
export function isTrue([value]: Returned): boolean {
  return value !== undefined && value !== null && value !== false;
}

/** Nil, or an array of texts. */
export function optionalStrings([value]: Returned): string[] | null {
  if (value === undefined) return null;
  if (!(value instanceof LuaTable)) throw conversion(value, 'Vec');
  return value.sequence.map((item) => coercedText(item) ?? fail(item, 'String'));
}

/** Nil, or an integer as mlua coerces it. */
export function optionalInteger(value: LuaValue, rustType: 'u16' | 'i64'): number | null {
  if (value === undefined) return null;
  const number = coercedNumber(value);
  if (number === undefined) {
    throw conversion(value, rustType, 'expected number or string coercible to number');
  }
  const whole = Math.trunc(number);
  if (rustType === 'u16' && !(whole >= 0 && whole <= 0xffff)) {
    throw conversion(value, rustType, 'out of range');
  }
  return whole;
}

export function rewrittenResponse([status, text]: Returned): {
  status: number | null;
  text: string | null;
} {
  return {
    status: optionalInteger(status, 'u16'),
    text: text === undefined ? null : (coercedText(text) ?? fail(text, 'String')),
  };
}

/** A boolean, or an AuthInfo table with at least one identity. */
export function authResult([value]: Returned): AuthResult {
  if (typeof value === 'boolean') return value;
  try {
    if (tableOf(value)) return AUTH_INFO.read(value, 'buffered');
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
  }
  throw new Error(
    `deserialize error: data did not match any variant of untagged enum AuthKind, while processing ${jsonText(value)}`,
  );
}

/** The overrides that `smtp_server_get_dynamic_parameters` must return. */
export function overrides([value]: Returned): JsonObject {
  const json = tableOf(value) ? luaToJson(value) : null;
  if (json !== null && typeof json === 'object' && !Array.isArray(json)) return json;
  throw new Error(
    `deserialize error: invalid type: ${mluaType(value)}, expected table, while processing ${jsonText(value)}`,
  );
}

/** Nil, or batches of addresses; of a table only the sequence part counts. */
export function addressBatches([value]: Returned): EnvelopeAddress[][] | null {
  if (isAbsent(value)) return null;
  if (!(value instanceof LuaTable)) throw conversion(value, 'Vec');
  return value.sequence.map((batch) => {
    if (!(batch instanceof LuaTable)) throw conversion(batch, 'Vec');
    return batch.sequence.map(addressFromLua);
  });
}

/** An access list as plain data; nil means that the handler does not know the resource. */
export function aclDefinition([value]: Returned): JsonValue | null {
  if (isAbsent(value)) return null;
  if (value instanceof HostObject && 'definition' in value) return value.definition as JsonValue;
  throw conversion(value, 'AccessControlList');
}

function coercedNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof LuaFloat) return value.value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

function fail(value: LuaValue, wanted: string): never {
  throw conversion(value, wanted, 'expected string or number');
}

function conversion(value: LuaValue, wanted: string, detail?: string): Error {
  const suffix = detail === undefined ? '' : ` (${detail})`;
  return new Error(`error converting Lua ${mluaType(value)} to ${wanted}${suffix}`);
}

function jsonText(value: LuaValue): string {
  try {
    return luaJsonText(value);
  } catch (error) {
    return `<${(error as Error).message}>`;
  }
}
