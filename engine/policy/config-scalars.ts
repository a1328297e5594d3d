/**
 * The scalar formats that many settings share: durations, rates, limits, networks, keys.
 *
 * Source: reference `lua-api.md` §0.7; recorded error texts of KumoMTA.
 */
import { CidrSet, parseNetwork } from '../base/cidr.ts';
import { parseDurationMs } from '../base/duration.ts';
import { parseIp } from '../base/ip.ts';
import {
  anything,
  bytes,
  defaulted,
  invalidType,
  invalidValue,
  list,
  parsed,
  path,
  record,
  required,
  SerdeError,
  struct,
  tableOf,
  text,
  untagged,
  type Shape,
} from './config-serde.ts';
import { LuaFloat, type LuaValue } from './lua/lua-value.ts';
import type { KeySource, ThrottleSpec } from './settings.ts';

/** Milliseconds, from seconds or a text like `1h 30m`. */
export const duration: Shape<number> = {
  read(value) {
    if (typeof value === 'string') {
      const ms = parseDurationMs(value);
      if (ms === undefined) throw invalidValue(value, 'a duration');
      return ms;
    }
    const seconds = value instanceof LuaFloat ? value.value : value;
    if (typeof seconds !== 'number') throw invalidType(value, 'a duration');
    if (seconds < 0) {
      const why =
        Number.isInteger(seconds) && !(value instanceof LuaFloat)
          ? 'out of range integral type conversion attempted'
          : 'cannot convert float seconds to Duration: value is negative';
      throw new SerdeError(
        `duration must either be a string or a positive integer specifying the number of seconds. (error: ${why})`,
      );
    }
    return seconds * 1000;
  },
};

const UNIT_MS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  day: 86_400_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
};

/** @throws {Error} the text is not `[local:]LIMIT/[N]UNIT[,max_burst=B]` */
export function parseThrottle(given: string): ThrottleSpec {
  const forceLocal = given.startsWith('local:');
  const spec = forceLocal ? given.slice('local:'.length) : given;
  const slash = spec.indexOf('/');
  if (slash < 0) throw new Error(`expected 'limit/period', got ${given}`);
  const bad = (why: string): Error => new Error(`invalid ThrottleSpec \`${given}\`: ${why}`);
  const digits = spec.slice(0, slash).replace(/[_,]/g, '');
  if (!/^\d+$/.test(digits)) {
    throw bad(
      digits === '' ? 'cannot parse integer from empty string' : 'invalid digit found in string',
    );
  }
  const [period = '', burst, ...rest] = spec.slice(slash + 1).split(',');
  const unit = /^(\d*)\s*([a-z]+)$/.exec(period.trim());
  const unitMs = UNIT_MS[unit?.[2] ?? ''];
  if (!unit || unitMs === undefined) throw bad(`unknown period quantity ${period}`);
  const maxBurst = burst === undefined ? null : /^max_burst=(\d+)$/.exec(burst.trim());
  if (rest.length > 0 || maxBurst === undefined || (burst !== undefined && maxBurst === null)) {
    throw bad(`unexpected ${[burst, ...rest].join(',')}, expected max_burst=N`);
  }
  const limit = Number(digits);
  if (limit === 0) throw bad('limit must be greater than 0!');
  const periodMs = (unit[1] ? Number(unit[1]) : 1) * unitMs;
  if (periodMs === 0) throw bad('period must be greater than 0!');
  return throttle(limit, periodMs, maxBurst ? Number(maxBurst[1]) : null, forceLocal);
}

function throttle(
  limit: number,
  periodMs: number,
  maxBurst: number | null,
  forceLocal: boolean,
): ThrottleSpec {
  const unit = (['d', 'h', 'm', 's'] as const).find((u) => periodMs % (UNIT_MS[u] ?? 1) === 0);
  const count = periodMs / (UNIT_MS[unit ?? 's'] ?? 1000);
  const period = `${count === 1 ? '' : count}${unit ?? 's'}`;
  const burst = maxBurst === null ? '' : `,max_burst=${maxBurst}`;
  const spec = `${forceLocal ? 'local:' : ''}${limit}/${period}${burst}`;
  return { limit, periodMs, maxBurst, forceLocal, text: spec };
}

export const throttleSpec: Shape<ThrottleSpec> = parsed(text, parseThrottle);

export interface LimitSpec {
  readonly limit: number;
  readonly forceLocal: boolean;
}

/** A positive integer, `[local:]N`, or a table. */
export const limitSpec: Shape<LimitSpec> = {
  read(value) {
    if (typeof value === 'number' && Number.isInteger(value)) return positive(value, false, value);
    if (typeof value === 'string') {
      const match = /^(local:)?([\d_,]+)$/.exec(value);
      if (!match) throw new SerdeError(`invalid LimitSpec \`${value}\``);
      const limit = Number((match[2] ?? '').replace(/[_,]/g, ''));
      return positive(limit, match[1] !== undefined, value);
    }
    const table = tableOf(value);
    const limit = table?.get('limit');
    if (typeof limit === 'number' && Number.isInteger(limit)) {
      return positive(limit, table?.get('force_local') === true, limit);
    }
    throw invalidType(value, 'a positive integer or a string like [local:]N');
  },
};

function positive(limit: number, forceLocal: boolean, value: LuaValue): LimitSpec {
  if (limit <= 0) throw invalidValue(value, 'a limit that is greater than 0');
  return { limit, forceLocal };
}

/** How settings print a limit. */
export function limitJson(spec: LimitSpec): number | string {
  return spec.forceLocal ? `local:${spec.limit}` : spec.limit;
}

export const cidrSet: Shape<CidrSet> = parsed(list(text), (entries) => {
  const problems = entries.flatMap((entry) => networkProblem(entry));
  if (problems.length > 0) throw new SerdeError(problems.join(', '));
  return new CidrSet(entries);
});

function networkProblem(entry: string): string[] {
  try {
    parseNetwork(entry);
    return [];
  } catch (error) {
    return [`${entry}: ${(error as Error).message}`];
  }
}

export const ipAddress: Shape<string> = parsed(text, (value) => {
  if (!parseIp(value)) throw new SerdeError('invalid IP address syntax');
  return value;
});

/** `"10%"` of the disk, or bytes. */
export const minFree: Shape<string | number> = {
  read(value) {
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    if (typeof value === 'string') {
      if (/^\d+(\.\d+)?%$/.test(value)) return value;
      if (/^\d+$/.test(value)) return Number(value);
      throw invalidValue(value, "a percentage like '10%' or a number of bytes");
    }
    throw invalidType(value, "a percentage like '10%' or a number of bytes");
  },
};

const KEY_DATA = struct('KeyData', { key_data: required(bytes) }, 'ignore');
const KEY_EVENT = struct(
  'KeyEvent',
  {
    event_name: required(text),
    event_args: defaulted({ read: (value) => tableOf(value)?.sequence ?? [] }, []),
  },
  'ignore',
);

/** A file, the bytes themselves, an entry of a vault, or an event of the policy. */
export const keySource: Shape<KeySource> = untagged<KeySource>(
  'KeySource',
  parsed(path, (file) => ({ kind: 'file', path: file })),
  parsed(KEY_DATA, ({ key_data: data }) => ({ kind: 'data', data })),
  {
    read(value, mode) {
      const vault = record(anything).read(value, mode);
      const { vault_mount: mount, vault_path: vaultPath } = vault;
      if (typeof mount !== 'string' || typeof vaultPath !== 'string')
        throw new SerdeError('not a vault');
      return {
        kind: 'vault',
        mount,
        path: vaultPath,
        address: textOrNull(vault['vault_address']),
        token: textOrNull(vault['vault_token']),
        key: textOrNull(vault['vault_key']) ?? 'key',
      };
    },
  },
  parsed(KEY_EVENT, ({ event_name: event, event_args: args }) => ({ kind: 'event', event, args })),
);

function textOrNull(value: LuaValue): string | null {
  return typeof value === 'string' ? value : null;
}
