/**
 * Moments and spans as policies see them: `Time` (UTC, nanoseconds) and `TimeDelta` userdata with
 * their operators. `requeue_message` hands a `TimeDelta` to the script, file metadata a `Time`.
 *
 * Source: reference `lua-api.md` §3.12, §12; chrono 0.4, humantime 2.
 */
import type { EpochMs } from '../../base/clock.ts';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { floatValue, integerValue } from './lua-data.ts';
import { civilOf, formatHumantime, formatTime } from './time-format.ts';
import type { Civil } from './time-format.ts';

/** A moment in UTC. */
export class Time extends HostObject {
  readonly luaTypeName = 'Time';
  readonly epochNs: bigint;

  constructor(epochNs: bigint) {
    super();
    this.epochNs = epochNs;
  }

  static ofMs(epochMs: EpochMs): Time {
    return new Time(BigInt(Math.round(epochMs * 1000)) * 1000n);
  }

  get civil(): Civil {
    return civilOf(this.epochNs);
  }

  format(pattern: string): string {
    return formatTime(this.civil, pattern);
  }

  override toString(): string {
    return this.format('%Y-%m-%d %H:%M:%S%.f UTC');
  }
}

/** A span of time, possibly negative. */
export class TimeDelta extends HostObject {
  readonly luaTypeName = 'TimeDelta';
  readonly ns: bigint;

  constructor(ns: bigint) {
    super();
    this.ns = ns;
  }

  static ofMs(ms: number): TimeDelta {
    return new TimeDelta(BigInt(Math.round(ms * 1_000_000)));
  }

  override toString(): string {
    return formatHumantime(this.ns);
  }
}

/** @param now the mail clock's present, for `elapsed` */
export function timeType(now: () => EpochMs): UserdataType<Time> {
  const part =
    (name: keyof Civil) =>
    (time: Time): LuaValue =>
      time.civil[name];
  return {
    name: 'Time',
    class: Time,
    methods: {
      format: {
        effect: 'pure',
        signature: 'format(pattern) -> string',
        doc: 'The moment in a strftime pattern.',
        run: (time, call) => time.format(call.string(1)),
      },
    },
    fields: {
      year: part('year'),
      month: part('month'),
      day: part('day'),
      hour: part('hour'),
      minute: part('minute'),
      second: part('second'),
      unix_timestamp: (time) => integerValue(floorDiv(time.epochNs, 1_000_000_000n)),
      unix_timestamp_millis: (time) => integerValue(floorDiv(time.epochNs, 1_000_000n)),
      rfc2822: (time) => time.format('%a, %-d %b %Y %H:%M:%S +0000'),
      rfc3339: (time) => time.format('%Y-%m-%dT%H:%M:%S%.f+00:00'),
      elapsed: (time) => new TimeDelta(Time.ofMs(now()).epochNs - time.epochNs),
    },
    toString: String,
    equals: (a, b) => b instanceof Time && a.epochNs === b.epochNs,
    add: (a, b) => {
      if (a instanceof Time && b instanceof TimeDelta) return new Time(a.epochNs + b.ns);
      throw wrongOperands('add', a, b);
    },
    subtract: (a, b) => {
      if (a instanceof Time && b instanceof Time) return new TimeDelta(a.epochNs - b.epochNs);
      if (a instanceof Time && b instanceof TimeDelta) return new Time(a.epochNs - b.ns);
      throw wrongOperands('subtract', a, b);
    },
  };
}

export const TIME_DELTA_TYPE: UserdataType<TimeDelta> = {
  name: 'TimeDelta',
  class: TimeDelta,
  fields: {
    seconds: (delta) => floatValue(Number(delta.ns) / 1e9),
    milliseconds: (delta) => integerValue(delta.ns / 1_000_000n),
    microseconds: (delta) => integerValue(delta.ns / 1_000n),
    nanoseconds: (delta) => integerValue(delta.ns),
    human: String,
  },
  toString: String,
  equals: (a, b) => b instanceof TimeDelta && a.ns === b.ns,
  add: (a, b) => {
    if (a instanceof TimeDelta && b instanceof TimeDelta) return new TimeDelta(a.ns + b.ns);
    if (a instanceof TimeDelta && b instanceof Time) return new Time(b.epochNs + a.ns);
    throw wrongOperands('add', a, b);
  },
  subtract: (a, b) => {
    if (a instanceof TimeDelta && b instanceof TimeDelta) return new TimeDelta(a.ns - b.ns);
    throw wrongOperands('subtract', a, b);
  },
};

function wrongOperands(verb: string, a: LuaValue, b: LuaValue): Error {
  const name = (value: LuaValue): string =>
    value instanceof HostObject ? value.luaTypeName : typeof value;
  return new Error(`Cannot ${verb} ${name(a)} and ${name(b)}: expected Time or TimeDelta`);
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
