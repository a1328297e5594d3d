/** What a command is, and how it reads its options. */
import { parseArgs } from 'node:util';
import type { ParseArgsOptionsConfig } from 'node:util';
import { toError } from '../base/assert.ts';
import { parseDurationMs } from '../base/duration.ts';
import { nearest } from '../search/nearest.ts';

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  /** What `--help` says of each option: how it is written, what it does. */
  readonly options?: readonly (readonly [string, string])[];
  /** Resolves to the exit status. @throws {UsageError} for options it does not understand */
  run(args: readonly string[]): Promise<number>;
}

export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The folder relative paths start from: where `npm run` was called, else the working folder. */
export function callersFolder(): string {
  return process.env['INIT_CWD'] ?? process.cwd();
}

/** `parseArgs` with its errors as `UsageError`. */
export function readOptions<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw usageError(toError(error), Object.keys(options));
  }
}

/** Node's complaint in our words: what was found, what was wanted. */
function usageError(error: Error & { code?: string }, known: readonly string[]): UsageError {
  const option = /'(?:-\w, )?--?([^' ]*)/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      if (/^\d/.test(option))
        return new UsageError(`found -${option}, expected a value without a dash before it`);
      const [meant] = nearest(option, known);
      const all = known.map((name) => `--${name}`).join(', ');
      const hint = meant === undefined ? `expected one of: ${all}` : `did you mean --${meant}?`;
      return new UsageError(`there is no option --${option}; ${hint}`);
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      if (error.message.includes('ambiguous'))
        return new UsageError(
          `--${option} is followed by a dash, expected a value; one that begins so is written --${option}=-…`,
        );
      const isMissing = error.message.includes('argument missing');
      return new UsageError(
        isMissing ? `--${option} is empty, expected a value` : `--${option} takes no value`,
      );
    }
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL': {
      const word = /argument '([^']*)'/.exec(error.message)?.[1] ?? '';
      return new UsageError(`"${word}" is not understood here, expected options only`);
    }
    default:
      return new UsageError(error.message);
  }
}

/** The same for commands that take words beside their options. */
export function readArguments<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw usageError(toError(error), Object.keys(options));
  }
}

/** A duration of an option or a word, in milliseconds. @throws {UsageError} */
export function readDurationMs(what: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) {
    throw new UsageError(`${what} is ${text}, expected a duration such as 20m, 1h30m or 7d`);
  }
  return ms;
}

/** `ip:port` of an option. @throws {UsageError} */
export function readAddress(option: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw new UsageError(`${option} is ${text}, expected IP:PORT such as 127.0.0.1:1025`);
  return { host: match[1] ?? match[2] ?? '', port };
}
