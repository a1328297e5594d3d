/**
 * `kumo.log_error` and its kin: lines in the engine's diagnostic log, with the place they came from.
 *
 * Source: reference `lua-api.md` §3.1.
 */
import type { HostCall, HostFunction, HostResult } from '../lua/host-function.ts';
import { chunkFile } from '../lua/lua-place.ts';
import { LUA_NULL, LuaFloat } from '../lua/lua-value.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';

type Level = 'error' | 'warn' | 'info' | 'debug';

export function loggingBindings(deps: CoreDeps): Bindings {
  const fn = (level: Level): HostFunction => ({
    effect: 'write',
    signature: `log_${level}(...)`,
    doc: `Writes a line of level ${level}.`,
    run: (call) => log(deps, level, call),
  });
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          log_error: fn('error'),
          log_warn: fn('warn'),
          log_info: fn('info'),
          log_debug: fn('debug'),
          set_diagnostic_log_filter: {
            effect: 'write',
            signature: 'set_diagnostic_log_filter(filter)',
            doc: 'Accepted; the window filters by level.',
            run: (call) => void call.string(1),
          },
        },
      },
    ],
    types: [],
  };
}

function log(deps: CoreDeps, level: Level, call: HostCall): HostResult {
  const words: string[] = [];
  for (let n = 1; n <= call.count; n++) words.push(word(call, n));
  const text = words.join(' ');
  const at = call.where(1);
  const prefix = at && at.line > 0 ? `${chunkFile(at.source)}:${at.line}: ` : '';
  deps.services.diagnostic(level, `${prefix}${text}`);
  deps.world.contextOf(call.context)?.recorder?.print(`${level}: ${text}`, at?.line);
  return undefined;
}

/** Floats as Rust prints them, bytes that are not UTF-8 as `\xNN`. */
function word(call: HostCall, n: number): string {
  const type = call.typeName(n);
  if (type === 'lightuserdata' && call.value(n) === LUA_NULL) return 'null';
  if (type === 'number') {
    const value = call.value(n);
    return String(value instanceof LuaFloat ? value.value : value);
  }
  const text = call.toText(n);
  return typeof text === 'string' ? text : escapeBytes(text);
}

function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  while (at < bytes.length) {
    const length = [4, 3, 2, 1].find((size) => isCharacter(decoder, bytes.subarray(at, at + size)));
    if (length === undefined) {
      text += `\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0').toUpperCase()}`;
      at += 1;
    } else {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

function isCharacter(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    return [...decoder.decode(bytes)].length === 1;
  } catch {
    return false;
  }
}
