/**
 * Lua's `io` library over real files, each path through `mapPath`. Replaces the library of the wasm
 * build, whose files exist nowhere.
 *
 * Programs are run (`io.popen`) only in strict mode; otherwise the call explains itself.
 *
 * Source: Lua 5.4 reference manual §6.8.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostCall, HostFunction, HostResult, UserdataType } from '../lua/host-function.ts';
import { LibraryError } from '../lua/lua-error.ts';
import { HostClosure, LuaFloat, MultiValue, type LuaValue } from '../lua/lua-value.ts';
import { floatDigits } from '../lua/number-text.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import {
  argumentError,
  checkBytes,
  checkInteger,
  checkString,
  optString,
  systemError,
  typeError,
} from './library-arguments.ts';
import { LuaFile } from './lua-file.ts';

/** Standard input and output as `io.input` and `io.output` set them, per context. */
interface Defaults {
  input: LuaFile;
  output: LuaFile;
}

export function ioBindings(deps: CoreDeps): Bindings {
  const library = new IoLibrary(deps);
  const fn = (
    effect: HostFunction['effect'],
    signature: string,
    doc: string,
    run: HostFunction['run'],
  ): HostFunction => ({ effect, signature, doc, run });
  return {
    modules: [
      {
        path: ['_G', 'io'],
        functions: {
          open: fn('write', 'open(path, mode?) -> file', 'Opens a file.', (call) =>
            library.open(call),
          ),
          close: fn('write', 'close(file?)', 'Closes a file.', (call) => library.close(call)),
          lines: fn('read', 'lines(path?, ...) -> iterator', 'Iterates over lines.', (call) =>
            library.lines(call),
          ),
          read: fn('read', 'read(...)', 'Reads from the default input.', (call) =>
            readFormats(call, library.defaults(call).input, 1, 'read'),
          ),
          write: fn('write', 'write(...) -> file', 'Writes to the default output.', (call) =>
            writeValues(call, library.defaults(call).output, 'write'),
          ),
          input: fn('read', 'input(file?) -> file', 'The default input.', (call) =>
            library.redirect(call, 'input'),
          ),
          output: fn('write', 'output(file?) -> file', 'The default output.', (call) =>
            library.redirect(call, 'output'),
          ),
          type: fn('pure', 'type(x) -> string', '"file", "closed file" or nil.', fileType),
          tmpfile: fn('write', 'tmpfile() -> file', 'A temporary file.', () => tmpfile()),
          popen: fn('write', 'popen(command, mode?) -> file', 'Runs a program.', (call) =>
            library.popen(call),
          ),
        },
        constants: {
          stdin: library.standard.input,
          stdout: library.standard.output,
          stderr: library.stderr,
        },
      },
    ],
    types: [FILE_TYPE],
  };
}

class IoLibrary {
  readonly #deps: CoreDeps;
  readonly standard: Defaults;
  readonly stderr: LuaFile;
  readonly #defaults = new WeakMap<object, Defaults>();

  constructor(deps: CoreDeps) {
    this.#deps = deps;
    const out = { write: (bytes: Uint8Array) => deps.world.writeOut(bytes, null) };
    this.standard = { input: new LuaFile({ write: () => undefined }), output: new LuaFile(out) };
    this.stderr = new LuaFile({
      write: (bytes) =>
        deps.services.diagnostic('error', Buffer.from(bytes).toString('utf8').trimEnd()),
    });
  }

  defaults(call: HostCall): Defaults {
    let found = this.#defaults.get(call.context);
    if (!found) {
      const { context } = call;
      const write = (bytes: Uint8Array): void => this.#deps.world.writeOut(bytes, context);
      found = { input: this.standard.input, output: new LuaFile({ write }) };
      this.#defaults.set(context, found);
    }
    return found;
  }

  open(call: HostCall): HostResult {
    const path = checkString(call, 1, 'open');
    const mode = optString(call, 2, 'open', 'r');
    if (!/^[rwa]\+?b?$/.test(mode)) throw argumentError(2, 'open', 'invalid mode');
    try {
      return this.#openFile(path, mode);
    } catch (error) {
      const { text, errno } = systemError(error);
      return new MultiValue(undefined, `${path}: ${text}`, errno);
    }
  }

  close(call: HostCall): HostResult {
    return closeFile(call.count === 0 ? this.defaults(call).output : fileAt(call, 1, 'close'));
  }

  lines(call: HostCall): HostResult {
    if (call.isNil(1)) return linesOf(call, this.defaults(call).input, 2, 'stay-open', 'lines');
    const path = checkString(call, 1, 'lines');
    let file: LuaFile;
    try {
      file = this.#openFile(path, 'r');
    } catch (error) {
      throw new LibraryError(`${path}: ${systemError(error).text}`);
    }
    return new MultiValue(
      linesOf(call, file, 2, 'close-at-end', 'lines'),
      undefined,
      undefined,
      file,
    );
  }

  redirect(call: HostCall, which: 'input' | 'output'): HostResult {
    const defaults = this.defaults(call);
    if (call.isNil(1)) return defaults[which];
    if (call.typeName(1) === 'string') {
      const path = checkString(call, 1, which);
      try {
        defaults[which] = this.#openFile(path, which === 'input' ? 'r' : 'w');
      } catch (error) {
        throw new LibraryError(`cannot open file '${path}' (${systemError(error).text})`);
      }
    } else {
      defaults[which] = fileAt(call, 1, which);
    }
    return defaults[which];
  }

  popen(call: HostCall): HostResult {
    const command = checkString(call, 1, 'popen');
    const mode = optString(call, 2, 'popen', 'r');
    if (mode !== 'r' && mode !== 'w') throw argumentError(2, 'popen', 'invalid mode');
    if (!this.#deps.world.isStrict) {
      throw new LibraryError('io.popen is not available here: a policy may not run programs');
    }
    return mode === 'r' ? popenRead(command) : popenWrite(command);
  }

  #openFile(path: string, mode: string): LuaFile {
    const real = this.#deps.mapPath(
      path,
      mode.startsWith('r') && !mode.includes('+') ? 'read' : 'write',
    );
    const flags = mode.replace('b', '');
    return new LuaFile(openSync(real, flags), { append: flags.startsWith('a') });
  }
}

/** The whole output of a program, read before the file is handed out. */
function popenRead(command: string): LuaFile {
  const ran = spawnSync('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  const file = tmpfile({ onClose: () => exitResult(ran.status, ran.signal) });
  file.write(ran.stdout);
  file.seek('set', 0);
  return file;
}

function popenWrite(command: string): LuaFile {
  const input: Uint8Array[] = [];
  return new LuaFile(
    { write: (bytes) => void input.push(Uint8Array.from(bytes)) },
    {
      onClose: () => {
        const ran = spawnSync('/bin/sh', ['-c', command], {
          input: Buffer.concat(input),
          stdio: ['pipe', 'inherit', 'inherit'],
        });
        return exitResult(ran.status, ran.signal);
      },
    },
  );
}

/** What `os.execute` and `close` of a program's file return. */
export function exitResult(status: number | null, signal: NodeJS.Signals | null): LuaValue[] {
  if (signal !== null) return [undefined, 'signal', SIGNALS[signal] ?? 0];
  return [status === 0 ? true : undefined, 'exit', status ?? 0];
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** A file without a name: removed at once, it lives as long as it is open. */
function tmpfile(options: { onClose?: () => LuaValue[] } = {}): LuaFile {
  const folder = mkdtempSync(join(tmpdir(), 'lua_'));
  const fd = openSync(join(folder, 'file'), 'w+');
  if (process.platform !== 'win32') rmSync(folder, { recursive: true });
  return new LuaFile(fd, options);
}

function fileAt(call: HostCall, n: number, fn: string): LuaFile {
  const value = call.typeName(n) === 'userdata' ? call.value(n) : undefined;
  if (!(value instanceof LuaFile)) throw typeError(call, n, fn, 'FILE*');
  return value;
}

function openFileOf(file: LuaFile): LuaFile {
  if (file.isClosed) throw new LibraryError('attempt to use a closed file');
  return file;
}

function closeFile(file: LuaFile): HostResult {
  openFileOf(file);
  if (file.isStandard) return true;
  return outcome(() => new MultiValue(...file.close()));
}

function fileType(call: HostCall): HostResult {
  if (call.count === 0) throw argumentError(1, 'type', 'value expected');
  const value = call.typeName(1) === 'userdata' ? call.value(1) : undefined;
  if (!(value instanceof LuaFile)) return undefined;
  return value.isClosed ? 'closed file' : 'file';
}

/** System errors are returned, as Lua's library does; anything else is thrown on. */
function outcome(run: () => HostResult): HostResult {
  try {
    return run();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).errno !== 'number') throw error;
    const { text, errno } = systemError(error);
    return new MultiValue(undefined, text, errno);
  }
}

function writeValues(call: HostCall, file: LuaFile, fn: string, first = 1): HostResult {
  openFileOf(file);
  const parts: Uint8Array[] = [];
  for (let n = first; n <= call.count; n++) {
    const value = call.typeName(n) === 'number' ? call.value(n) : undefined;
    // C prints a float without a fraction by `%.14g`, unlike `tostring`.
    if (value instanceof LuaFloat) parts.push(Buffer.from(floatDigits(value.value)));
    else parts.push(checkBytes(call, n, fn));
  }
  return outcome(() => {
    file.write(Buffer.concat(parts));
    return file;
  });
}

function readFormats(call: HostCall, file: LuaFile, first: number, fn: string): HostResult {
  openFileOf(file);
  return outcome(() => {
    if (call.count < first) return file.readLine(false);
    const results: LuaValue[] = [];
    for (let n = first; n <= call.count; n++) {
      const value = readOne(file, formatAt(call, n, fn));
      results.push(value);
      if (value === undefined) break;
    }
    return new MultiValue(...results);
  });
}

type Format = 'n' | 'a' | 'l' | 'L' | number;

function formatAt(call: HostCall, n: number, fn: string): Format {
  const type = call.typeName(n);
  if (type === 'integer' || type === 'number') return checkInteger(call, n, fn);
  const letter = checkString(call, n, fn).replace(/^\*/, '').charAt(0);
  if (letter === 'n' || letter === 'a' || letter === 'l' || letter === 'L') return letter;
  throw argumentError(n, fn, 'invalid format');
}

function readOne(file: LuaFile, format: Format): LuaValue {
  if (typeof format === 'number') return file.readCount(format);
  if (format === 'n') return file.readNumber();
  if (format === 'a') return file.readAll();
  return file.readLine(format === 'L');
}

function linesOf(
  call: HostCall,
  file: LuaFile,
  first: number,
  atEnd: 'close-at-end' | 'stay-open',
  fn: string,
): HostClosure {
  openFileOf(file);
  const formats: Format[] = [];
  for (let n = first; n <= call.count; n++) formats.push(formatAt(call, n, fn));
  return new HostClosure('lines', () => {
    if (file.isClosed) throw new LibraryError('file is already closed');
    const results: LuaValue[] = [];
    for (const format of formats.length === 0 ? (['l'] as const) : formats) {
      const value = readOne(file, format);
      results.push(value);
      if (value === undefined) break;
    }
    if (results[0] === undefined && atEnd === 'close-at-end') file.close();
    return new MultiValue(...results);
  });
}

const method = (
  effect: HostFunction['effect'],
  signature: string,
  doc: string,
  run: (self: LuaFile, call: HostCall) => HostResult,
) => ({ effect, signature, doc, run });

const FILE_TYPE: UserdataType<LuaFile> = {
  name: 'FILE*',
  class: LuaFile,
  toString: (file) => (file.isClosed ? 'file (closed)' : 'file (open)'),
  close: (file) => file.dispose(),
  methods: {
    close: method('write', 'close()', 'Closes the file.', (file) => closeFile(file)),
    flush: method('write', 'flush() -> file', 'Saves written data.', (file) => {
      openFileOf(file);
      return file;
    }),
    lines: method('read', 'lines(...) -> iterator', 'Iterates over lines.', (file, call) =>
      linesOf(call, file, 1, 'stay-open', 'lines'),
    ),
    read: method('read', 'read(...)', 'Reads by format.', (file, call) =>
      readFormats(call, file, 1, 'read'),
    ),
    seek: method('read', 'seek(whence?, offset?) -> integer', 'Moves.', seek),
    setvbuf: method('pure', 'setvbuf(mode, size?)', 'Accepted; nothing is held back.', () => true),
    write: method('write', 'write(...) -> file', 'Writes values.', (file, call) =>
      writeValues(call, file, 'write'),
    ),
  },
};

function seek(file: LuaFile, call: HostCall): HostResult {
  openFileOf(file);
  const whence = optString(call, 1, 'seek', 'cur');
  if (whence !== 'set' && whence !== 'cur' && whence !== 'end') {
    throw argumentError(1, 'seek', `invalid option '${whence}'`);
  }
  const offset = call.isNil(2) ? 0 : checkInteger(call, 2, 'seek');
  return outcome(() => file.seek(whence, offset));
}
