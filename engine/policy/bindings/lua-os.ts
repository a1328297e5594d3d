/**
 * Lua's `os` library. Time is the mail clock's, files go through `mapPath`, programs are run and the
 * process is left only in strict mode.
 *
 * Source: Lua 5.4 reference manual §6.9.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, lstatSync, openSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostCall, HostFunction, HostResult } from '../lua/host-function.ts';
import { LibraryError } from '../lua/lua-error.ts';
import { LuaFloat, LuaTable, MultiValue, type LuaValue } from '../lua/lua-value.ts';
import type { Bindings } from './bindings.ts';
import {
  badConversion,
  calendarLocal,
  calendarUtc,
  localEpochSeconds,
  strftime,
  type Calendar,
} from './c-strftime.ts';
import type { CoreDeps } from './core-deps.ts';
import {
  argumentError,
  checkInteger,
  checkString,
  optString,
  systemError,
  typeError,
} from './library-arguments.ts';
import { exitResult } from './lua-io.ts';

export function osBindings(deps: CoreDeps): Bindings {
  const nowSeconds = (): number => Math.floor(deps.mailClock.now() / 1000);
  const fn = (
    effect: HostFunction['effect'],
    signature: string,
    doc: string,
    run: HostFunction['run'],
  ): HostFunction => ({ effect, signature, doc, run });
  return {
    modules: [
      {
        path: ['_G', 'os'],
        functions: {
          clock: fn('read', 'clock() -> number', 'Seconds of processor time.', () => {
            const seconds = deps.clock.monotonic() / 1000;
            return Number.isInteger(seconds) ? new LuaFloat(seconds) : seconds;
          }),
          date: fn('read', 'date(format?, time?)', 'A date as text or table.', (call) =>
            date(call, nowSeconds()),
          ),
          difftime: fn('pure', 'difftime(a, b) -> number', 'a - b in seconds.', (call) => {
            const span = checkInteger(call, 1, 'difftime') - checkInteger(call, 2, 'difftime');
            return new LuaFloat(span);
          }),
          execute: fn('write', 'execute(command?)', 'Runs a program.', (call) =>
            execute(call, deps.world.isStrict),
          ),
          exit: fn('write', 'exit(code?)', 'Ends the engine (strict mode only).', (call) =>
            deps.world.exit(exitCode(call)),
          ),
          getenv: fn(
            'read',
            'getenv(name) -> string',
            'A variable of the environment.',
            (call) => process.env[checkString(call, 1, 'getenv')],
          ),
          remove: fn('write', 'remove(path)', 'Deletes a file or empty folder.', (call) =>
            remove(call, deps),
          ),
          rename: fn('write', 'rename(from, to)', 'Renames a file.', (call) => rename(call, deps)),
          setlocale: fn('pure', 'setlocale(locale?, category?)', 'Knows only "C".', (call) => {
            const locale = optString(call, 1, 'setlocale', 'C');
            return locale === '' || locale === 'C' || locale === 'POSIX' ? 'C' : undefined;
          }),
          time: fn('read', 'time(table?) -> integer', 'Seconds since 1970.', (call) =>
            time(call, nowSeconds()),
          ),
          tmpname: fn('write', 'tmpname() -> string', 'The name of a new file.', () =>
            tmpname(deps),
          ),
        },
      },
    ],
    types: [],
  };
}

function date(call: HostCall, now: number): HostResult {
  const given = optString(call, 1, 'date', '%c');
  const seconds = call.isNil(2) ? now : checkInteger(call, 2, 'date');
  if (Math.abs(seconds) > 8.64e12) {
    throw new LibraryError('date result cannot be represented in this installation');
  }
  const isUtc = given.startsWith('!');
  const format = isUtc ? given.slice(1) : given;
  const calendar = isUtc ? calendarUtc(seconds) : calendarLocal(seconds);
  if (format.startsWith('*t')) return calendarTable(calendar);
  const bad = badConversion(format);
  if (bad !== undefined) {
    throw argumentError(1, 'date', `invalid conversion specifier '${bad}'`);
  }
  return strftime(format, calendar);
}

function calendarTable(t: Calendar): LuaValue {
  return {
    year: t.year,
    month: t.month,
    day: t.day,
    hour: t.hour,
    min: t.minute,
    sec: t.second,
    yday: t.yearDay,
    wday: t.weekday + 1,
    isdst: t.isDst,
  };
}

/** `os.time{…}`; unlike Lua's it does not write the normalised fields back into the table. */
function time(call: HostCall, now: number): HostResult {
  if (call.isNil(1)) return now;
  const table = call.typeName(1) === 'table' ? call.value(1) : undefined;
  if (!(table instanceof LuaTable)) throw typeError(call, 1, 'time', 'table');
  const field = (name: string, absent: number | null): number => {
    const value = table.get(name);
    if (value === undefined && absent !== null) return absent;
    const number =
      value instanceof LuaFloat ? value.value : typeof value === 'string' ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number)) {
      if (Math.abs(number) > 2 ** 31) throw new LibraryError(`field '${name}' is out-of-bound`);
      return number;
    }
    if (value === undefined) throw new LibraryError(`field '${name}' missing in date table`);
    throw new LibraryError(`field '${name}' is not an integer`);
  };
  const [year, month, day] = [field('year', null), field('month', null), field('day', null)];
  const seconds = localEpochSeconds(
    year,
    month,
    day,
    field('hour', 12),
    field('min', 0),
    field('sec', 0),
  );
  if (Number.isNaN(seconds)) {
    throw new LibraryError('time result cannot be represented in this installation');
  }
  return seconds;
}

function execute(call: HostCall, isStrict: boolean): HostResult {
  if (call.isNil(1)) return isStrict;
  const command = checkString(call, 1, 'execute');
  if (!isStrict) {
    throw new LibraryError('os.execute is not available here: a policy may not run programs');
  }
  const ran = spawnSync('/bin/sh', ['-c', command], { stdio: 'inherit' });
  return new MultiValue(...exitResult(ran.status, ran.signal));
}

function exitCode(call: HostCall): number {
  if (call.isNil(1)) return 0;
  if (call.typeName(1) === 'boolean') return call.boolean(1) ? 0 : 1;
  return checkInteger(call, 1, 'exit');
}

function remove(call: HostCall, deps: CoreDeps): HostResult {
  const path = checkString(call, 1, 'remove');
  return fileResult(path, () => {
    const real = deps.mapPath(path, 'write');
    if (lstatSync(real).isDirectory()) rmdirSync(real);
    else unlinkSync(real);
  });
}

function rename(call: HostCall, deps: CoreDeps): HostResult {
  const from = checkString(call, 1, 'rename');
  const to = checkString(call, 2, 'rename');
  return fileResult(from, () => {
    renameSync(deps.mapPath(from, 'write'), deps.mapPath(to, 'write'));
  });
}

function fileResult(path: string, run: () => void): HostResult {
  try {
    run();
    return true;
  } catch (error) {
    const { text, errno } = systemError(error);
    return new MultiValue(undefined, `${path}: ${text}`, errno);
  }
}

function tmpname(deps: CoreDeps): string {
  const suffix = Buffer.from(deps.random.bytes(6)).toString('hex');
  const path = join(tmpdir(), `lua_${suffix}`);
  closeSync(openSync(path, 'wx', 0o600));
  return path;
}
