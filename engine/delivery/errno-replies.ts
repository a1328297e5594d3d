/**
 * Error numbers of the operating system as texts of a reply, in the words in which KumoMTA's
 * records carry them: `Not a directory (os error 20)`. The one table of its kind.
 *
 * Source: strerror(3) of Linux; reference `queues-delivery.md` §6.5, golden `maildir-unwritable`.
 */
import os from 'node:os';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EAGAIN: 'Resource temporarily unavailable',
  EBUSY: 'Device or resource busy',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EDQUOT: 'Disk quota exceeded',
  EEXIST: 'File exists',
  EFBIG: 'File too large',
  EHOSTUNREACH: 'No route to host',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  EMLINK: 'Too many links',
  ENAMETOOLONG: 'File name too long',
  ENETUNREACH: 'Network is unreachable',
  ENFILE: 'Too many open files in system',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  ENXIO: 'No such device or address',
  EPERM: 'Operation not permitted',
  EROFS: 'Read-only file system',
  ETIMEDOUT: 'Connection timed out',
  ETXTBSY: 'Text file busy',
  EXDEV: 'Invalid cross-device link',
};

/** What KumoMTA would say about an input or output error; any other error says it itself. */
export function errnoText(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ERR_INVALID_ARG_VALUE') return 'file name contained an unexpected NUL byte';
  const words = code === undefined ? undefined : WORDS[code];
  if (code === undefined || words === undefined) return error.message;
  return `${words} (os error ${errnoOf(error as NodeJS.ErrnoException, code)})`;
}

function errnoOf(error: NodeJS.ErrnoException, code: string): number {
  const known: Readonly<Record<string, number>> = os.constants.errno;
  return known[code] ?? Math.abs(error.errno ?? 0);
}
