/**
 * What the system said no to, in words: `ENOENT: no such file or directory, open '/x'` becomes
 * `Cannot open /x: there is no such file or folder`. Source: errno(3).
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError, callersFolder } from './command.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'found a folder, expected a file',
  ENOTDIR: 'a part of the path is a file, expected a folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side hung up',
  ETIMEDOUT: 'no answer came in time',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
};

/** The message of an error; of one that the system made, what was tried and why not. */
export function systemWords(error: Error): string {
  const known = /\b(E[A-Z]{3,})\b/.exec(error.message)?.[1];
  const words = known === undefined ? undefined : WORDS[known];
  if (words === undefined) return error.message;
  const { path, syscall, address, port } = error as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  if (path !== undefined) return `Cannot ${syscall ?? 'open'} ${path}: ${words}`;
  if (address !== undefined) return `Cannot connect to ${address}:${port ?? ''}: ${words}`;
  return error.message;
}

/** The bytes of a file that was named by an option or a word. @throws {UsageError} */
export function readGiven(what: string, path: string): Buffer {
  try {
    return readFileSync(resolve(callersFolder(), path));
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${what} ${path}: ${WORDS[code] ?? message}`);
  }
}
