/**
 * An open file of a policy. Writes are buffered: nothing is visible before `flush` or `close`, as
 * with KumoMTA's asynchronous files. States: open, closed; using a closed file is an error.
 *
 * Source: reference `lua-api.md` §3.17.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { errnoText } from './fs-errors.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_APPEND, O_TRUNC } = constants;

/** Modes have KumoMTA's meaning: `w` creates but does not empty the file, `r+` creates it. */
const MODES: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  w: O_WRONLY | O_CREAT,
  a: O_WRONLY | O_CREAT | O_APPEND,
  'r+': O_RDWR | O_CREAT,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  'a+': O_RDWR | O_CREAT | O_APPEND,
};

/** A read never takes more than this into memory at once. */
const READ_BYTES_MAX = 256 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;

export class AsyncFile extends HostObject {
  readonly luaTypeName = 'AsyncFile';
  readonly #path: string;
  readonly #appends: boolean;
  #fd: number | null;
  #position = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(path: string, fd: number, appends: boolean) {
    super();
    this.#path = path;
    this.#fd = fd;
    this.#appends = appends;
  }

  static open(deps: BindingDeps, path: string, mode: string): AsyncFile {
    const flags = MODES[mode.replace('b', '')];
    if (flags === undefined) throw new Error(`unsupported file mode \`${mode}\``);
    try {
      const realPath = deps.mapPath(path, flags === O_RDONLY ? 'read' : 'write');
      return new AsyncFile(path, openSync(realPath, flags, 0o666), (flags & O_APPEND) !== 0);
    } catch (error) {
      throw new Error(`opening file ${path}: ${errnoText(error)}`, { cause: error });
    }
  }

  /** Up to `count` bytes from the current position; without a count everything that follows. */
  read(count: number | undefined): Uint8Array {
    return this.#withFd((fd) => {
      this.#writePending(fd);
      const left = Math.max(fstatSync(fd).size - this.#position, 0);
      const wanted = Math.min(count ?? left, READ_BYTES_MAX);
      const buffer = Buffer.alloc(Math.min(wanted, Math.max(left, BUFFER_BYTES)));
      const size = readSync(fd, buffer, 0, buffer.length, this.#position);
      this.#position += size;
      return buffer.subarray(0, size);
    });
  }

  write(bytes: Uint8Array): void {
    this.#withFd((fd) => {
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.length;
      if (this.#pendingBytes >= BUFFER_BYTES) this.#writePending(fd);
    });
  }

  /** The new position, counted from the start of the file. */
  seek(whence: string, offset: number): number {
    return this.#withFd((fd) => {
      this.#writePending(fd);
      const bases: Readonly<Record<string, () => number>> = {
        set: () => 0,
        cur: () => this.#position,
        end: () => fstatSync(fd).size,
      };
      const base = bases[whence];
      if (!base)
        throw new Error(`invalid whence '${whence}', expected one of 'set', 'cur' or 'end'`);
      const position = base() + offset;
      if (position < 0) throw new Error('Invalid argument (os error 22)');
      return (this.#position = position);
    });
  }

  flush(): void {
    this.#withFd((fd) => this.#writePending(fd));
  }

  close(): void {
    if (this.#fd === null) return;
    try {
      this.flush();
    } finally {
      closeSync(this.#fd);
      this.#fd = null;
    }
  }

  override dispose(): void {
    try {
      this.close();
    } catch {
      // The script has forgotten the file; there is nobody to tell.
    }
  }

  #writePending(fd: number): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let done = 0; done < bytes.length;) {
      const at = this.#appends ? null : this.#position;
      const size = writeSync(fd, bytes, done, bytes.length - done, at);
      done += size;
      this.#position += size;
    }
  }

  #withFd<T>(work: (fd: number) => T): T {
    if (this.#fd === null) throw new Error(`Cannot use file ${this.#path}: it was closed`);
    try {
      return work(this.#fd);
    } catch (error) {
      throw new Error(errnoText(error), { cause: error });
    }
  }
}

export const ASYNC_FILE_TYPE: UserdataType<AsyncFile> = {
  name: 'AsyncFile',
  class: AsyncFile,
  methods: {
    read: {
      effect: 'read',
      signature: 'read(count?) -> bytes',
      doc: 'The next bytes, or everything up to the end.',
      run: (file, call) => file.read(call.optInteger(1, 'usize')),
    },
    write: {
      effect: 'write',
      signature: 'write(bytes)',
      doc: 'Writes bytes at the current position, when the buffer is flushed.',
      run: (file, call) => void file.write(call.bytes(1)),
    },
    seek: {
      effect: 'read',
      signature: "seek(whence = 'cur', offset = 0) -> position",
      doc: 'Moves the position and tells it.',
      run: (file, call) =>
        call.isNil(2) && !call.isNil(1) && call.typeName(1) !== 'string'
          ? file.seek('cur', call.integer(1))
          : file.seek(call.optString(1) ?? 'cur', call.optInteger(2) ?? 0),
    },
    flush: {
      effect: 'write',
      signature: 'flush()',
      doc: 'Writes what is buffered.',
      run: (file) => void file.flush(),
    },
    close: {
      effect: 'write',
      signature: 'close()',
      doc: 'Flushes and closes the file.',
      run: (file) => void file.close(),
    },
  },
  close: (file) => file.close(),
};
