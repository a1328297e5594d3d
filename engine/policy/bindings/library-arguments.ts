/**
 * Argument checks of Lua's own libraries, for the host functions that replace them: the errors are
 * strings with a position, as `luaL_check*` raises them.
 */
import type { HostCall } from '../lua/host-function.ts';
import { LibraryError } from '../lua/lua-error.ts';
import { getSystemErrorMap } from 'node:util';

export function argumentError(n: number, fn: string, message: string): LibraryError {
  return new LibraryError(`bad argument #${n} to '${fn}' (${message})`);
}

export function checkString(call: HostCall, n: number, fn: string): string {
  const type = call.typeName(n);
  if (type === 'string' || type === 'integer' || type === 'number') {
    const text = call.toText(n);
    return typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
  }
  throw typeError(call, n, fn, 'string');
}

export function checkBytes(call: HostCall, n: number, fn: string): Uint8Array {
  const type = call.typeName(n);
  if (type !== 'string' && type !== 'integer' && type !== 'number') {
    throw typeError(call, n, fn, 'string');
  }
  const text = call.toText(n);
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
}

export function optString(call: HostCall, n: number, fn: string, absent: string): string {
  return call.isNil(n) ? absent : checkString(call, n, fn);
}

export function checkInteger(call: HostCall, n: number, fn: string): number {
  const type = call.typeName(n);
  if (type !== 'integer' && type !== 'number' && type !== 'string') {
    throw typeError(call, n, fn, 'number');
  }
  const value = Number(call.toText(n));
  if (Number.isNaN(value)) throw typeError(call, n, fn, 'number');
  if (!Number.isInteger(value)) {
    throw argumentError(n, fn, 'number has no integer representation');
  }
  return value;
}

export function typeError(call: HostCall, n: number, fn: string, wanted: string): LibraryError {
  const type = call.typeName(n);
  const plain = type === 'integer' ? 'number' : type === 'lightuserdata' ? 'light userdata' : type;
  const got = n > call.count ? 'no value' : plain;
  return argumentError(n, fn, `${wanted} expected, got ${got}`);
}

/** C's `strerror` and `errno` of a failed system call. */
export function systemError(error: unknown): { text: string; errno: number } {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  if (typeof errno !== 'number') return { text: message, errno: 0 };
  const known = SENTENCES[code ?? ''] ?? capitalized(getSystemErrorMap().get(errno)?.[1]);
  return { text: known ?? message, errno: Math.abs(errno) };
}

/** Where libuv's sentence is not the C library's. */
const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EEXIST: 'File exists',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  EBADF: 'Bad file descriptor',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENOSPC: 'No space left on device',
  EPERM: 'Operation not permitted',
  EROFS: 'Read-only file system',
  EXDEV: 'Invalid cross-device link',
};

function capitalized(text: string | undefined): string | undefined {
  return text && text.charAt(0).toUpperCase() + text.slice(1);
}
