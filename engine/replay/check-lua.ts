/** Does a text compile as Lua? Nothing of it is run. */
import type { Clock } from '../base/clock.ts';
import { LuaContext } from '../policy/lua/lua-context.ts';
import { LuaError, LuaFatalError } from '../policy/lua/lua-error.ts';

export interface LuaProblem {
  readonly line: number | null;
  readonly message: string;
}

/** @returns null when it compiles */
export function checkLua(text: string, file: string, clock: Clock): LuaProblem | null {
  const context = LuaContext.create({ clock });
  try {
    context.seal();
    context.load(text, file);
    return null;
  } catch (error) {
    const isLua = error instanceof LuaError || error instanceof LuaFatalError;
    const message = (error as Error).message.split('\nstack traceback')[0] ?? '';
    const line = (isLua ? error.place?.line : null) ?? lineIn(message);
    return { line, message };
  } finally {
    context.dispose();
  }
}

/** `[string "init.lua"]:12: …` */
function lineIn(message: string): number | null {
  const line = /:(\d+): /.exec(message)?.[1];
  return line === undefined ? null : Number(line);
}
