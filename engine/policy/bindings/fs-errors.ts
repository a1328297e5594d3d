/**
 * File errors in the words of Rust's standard library, which policies and logs of KumoMTA show:
 * `No such file or directory (os error 2)`.
 */
import { getSystemErrorMap } from 'node:util';

/** Linux's own sentences where libuv's differ. */
const SENTENCES: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EBADF: 'Bad file descriptor',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EEXIST: 'File exists',
  EHOSTUNREACH: 'No route to host',
  EINVAL: 'Invalid argument',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENETUNREACH: 'Network is unreachable',
  ENOENT: 'No such file or directory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  EROFS: 'Read-only file system',
  ETIMEDOUT: 'Connection timed out',
  EXDEV: 'Invalid cross-device link',
};

/** The sentence for a caught error: Rust's when it carries an errno, else its own message. */
export function errnoText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  if (error instanceof TypeError && code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return 'stream did not contain valid UTF-8';
  }
  if (code === undefined || errno === undefined) return error.message;
  const sentence = SENTENCES[code] ?? getSystemErrorMap().get(errno)?.[1] ?? error.message;
  return `${sentence} (os error ${Math.abs(errno)})`;
}
