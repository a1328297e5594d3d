/**
 * `kumo.time.*`: the present on the mail clock, moments from texts and parts, spans, sleeping and
 * timers.
 *
 * Source: reference `lua-api.md` §3.12.
 */
import type { Clock, MonotonicMs } from '../../base/clock.ts';
import type { HostFunction, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { floatValue, numberOf, textOf } from './lua-data.ts';
import { epochNsOf, parseHumantime, parseRfc2822, parseRfc3339 } from './time-parse.ts';
import { Time, TIME_DELTA_TYPE, TimeDelta, timeType } from './time-values.ts';

export function timeBindings(deps: BindingDeps): Bindings {
  const { mailClock } = deps;
  return {
    modules: [{ path: ['kumo', 'time'], functions: timeFunctions(mailClock) }],
    types: [timeType(() => mailClock.now()), TIME_DELTA_TYPE, TIMER_TYPE],
  };
}

function timeFunctions(mailClock: Clock): Record<string, HostFunction> {
  return {
    now: {
      effect: 'read',
      signature: 'now() -> Time',
      doc: 'The present moment of the mail clock.',
      run: () => Time.ofMs(mailClock.now()),
    },
    from_unix_timestamp: {
      effect: 'pure',
      signature: 'from_unix_timestamp(seconds) -> Time',
      doc: 'The moment that many seconds after 1970-01-01.',
      run: (call) => {
        const seconds = call.number(1);
        const whole = Math.floor(seconds);
        return new Time(
          BigInt(whole) * 1_000_000_000n + BigInt(Math.round((seconds - whole) * 1e9)),
        );
      },
    },
    with_ymd_hms: {
      effect: 'pure',
      signature: 'with_ymd_hms(year, month, day, hour, minute, second) -> Time',
      doc: 'The moment with these parts in UTC.',
      run: (call) => {
        const at = (n: number): number => call.integer(n, n === 1 ? 'i64' : 'u32');
        const epochNs = epochNsOf({
          year: at(1),
          month: at(2),
          day: at(3),
          hour: at(4),
          minute: at(5),
          second: at(6),
        });
        if (epochNs === undefined) {
          throw new Error('time cannot be represented due to a gap in local time');
        }
        return new Time(epochNs);
      },
    },
    parse_rfc3339: {
      effect: 'pure',
      signature: 'parse_rfc3339(text) -> Time',
      doc: 'The moment of a text such as 2021-03-04T05:06:07+02:00.',
      run: (call) => new Time(parseRfc3339(call.string(1))),
    },
    parse_rfc2822: {
      effect: 'pure',
      signature: 'parse_rfc2822(text) -> Time',
      doc: 'The moment of a Date header.',
      run: (call) => new Time(parseRfc2822(call.string(1))),
    },
    parse_duration: {
      effect: 'pure',
      signature: 'parse_duration(seconds_or_text) -> TimeDelta',
      doc: 'A span from a number of seconds or a text such as "1h 30m".',
      run: (call) => new TimeDelta(durationNs(call.value(1))),
    },
    sleep: {
      effect: 'read',
      signature: 'sleep(seconds)',
      doc: 'Suspends the handler for that many seconds of the mail clock.',
      run: async (call) => {
        await mailClock.sleep(Math.max(call.number(1), 0) * 1000);
        return undefined;
      },
    },
    start_timer: {
      effect: 'read',
      signature: 'start_timer(label) -> Timer',
      doc: 'Starts a timer whose done() tells the seconds since now.',
      run: (call) => new Timer(call.string(1), mailClock),
    },
  };
}

/** Nanoseconds of a duration parameter. @throws {Error} what was found instead */
export function durationNs(value: LuaValue): bigint {
  const number = numberOf(value);
  if (number !== undefined) return BigInt(Math.round(number * 1e9));
  const text = textOf(value);
  if (text === undefined) throw new Error('invalid duration value: expected a number or a string');
  return parseHumantime(text);
}

/** Measures until `done` or the end of a `<close>` scope. */
class Timer extends HostObject {
  readonly luaTypeName = 'Timer';
  readonly label: string;
  readonly #clock: Clock;
  readonly #startedAt: MonotonicMs;
  #isDone = false;

  constructor(label: string, clock: Clock) {
    super();
    this.label = label;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Seconds since the start the first time, `undefined` afterwards. */
  done(): number | undefined {
    if (this.#isDone) return undefined;
    this.#isDone = true;
    return (this.#clock.monotonic() - this.#startedAt) / 1000;
  }
}

const TIMER_TYPE: UserdataType<Timer> = {
  name: 'Timer',
  class: Timer,
  methods: {
    done: {
      effect: 'read',
      signature: 'done() -> number?',
      doc: 'Stops the timer and tells its seconds; nil when it had been stopped before.',
      run: (timer) => {
        const seconds = timer.done();
        return seconds === undefined ? undefined : floatValue(seconds);
      },
    },
  },
  close: (timer) => void timer.done(),
};
