/**
 * Writing one file into a maildir: folders made when they are missing, the data written below
 * `tmp` under a name that did not exist, and moved to `new` when it is complete. Nothing is ever
 * overwritten, and a reader of `new` never sees half a file.
 *
 * Synchronous on purpose: the strict mode waits for it inside the reception, the ordinary mode
 * calls it in a worker.
 *
 * Source: https://cr.yp.to/proto/maildir.html; reference `queues-delivery.md` §6.3, §6.4.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { FileNames } from './unique-name.ts';
import { INFO_SEPARATOR } from './unique-name.ts';

export interface MaildirTarget {
  readonly path: string;
  /** For every folder that has to be made, whatever the umask; null leaves it to the umask. */
  readonly dirMode: number | null;
  readonly fileMode: number | null;
}

/** What went wrong, and in which half: making the folders or storing the file. */
export class MaildirError extends Error {
  readonly stage: 'create' | 'store';
  readonly path: string;
  override readonly cause: NodeJS.ErrnoException;

  constructor(stage: 'create' | 'store', dir: string, cause: NodeJS.ErrnoException) {
    super(`Cannot ${stage === 'create' ? 'make' : 'write into'} maildir ${dir}: ${cause.message}`);
    this.name = 'MaildirError';
    this.stage = stage;
    this.path = dir;
    this.cause = cause;
  }
}

/** A path component is there and is no folder. */
class NotADirectory extends Error {
  constructor(component: string, kind: string) {
    super(`${component} already exists as non-directory ${kind}`);
    this.name = 'NotADirectory';
  }
}

export const MAILDIR_FOLDERS = ['cur', 'new', 'tmp'] as const;
const NAME_TRY_COUNT_MAX = 100;

/**
 * Makes `cur`, `new` and `tmp` and whatever is missing above them, one component at a time.
 * Folders that exist keep their modes, but have to be writable.
 *
 * @throws {MaildirError} of stage `create`
 */
export function createMaildir(target: MaildirTarget): void {
  try {
    for (const folder of MAILDIR_FOLDERS) {
      const dir = under(target.path, folder);
      ensureFolder(dir, target.dirMode);
      fs.accessSync(dir, fs.constants.W_OK | fs.constants.X_OK);
    }
  } catch (error) {
    throw new MaildirError('create', target.path, error as NodeJS.ErrnoException);
  }
}

/**
 * Writes `data` as a new message of a maildir whose folders exist.
 *
 * @param durability `flush` returns only when the data is on the disk
 * @returns the unique name, which is the name of the file in `new`
 * @throws {MaildirError} of stage `store`
 */
export function storeMessage(
  target: MaildirTarget,
  nextNames: (tryCount: number) => FileNames,
  data: Uint8Array,
  durability: 'flush' | 'no-flush',
): string {
  try {
    const { fd, names, file } = openTmp(target.path, nextNames);
    try {
      let stat: fs.BigIntStats;
      try {
        if (target.fileMode !== null) fs.fchmodSync(fd, target.fileMode);
        writeAll(fd, data);
        if (durability === 'flush') fs.fsyncSync(fd);
        stat = fs.fstatSync(fd, { bigint: true });
      } finally {
        fs.closeSync(fd);
      }
      const unique = names.final({ dev: stat.dev, ino: stat.ino, size: data.byteLength });
      moveIntoNew(file, under(target.path, `new/${unique}`));
      return unique;
    } catch (error) {
      fs.rmSync(file, { force: true });
      throw error;
    }
  } catch (error) {
    throw new MaildirError('store', target.path, error as NodeJS.ErrnoException);
  }
}

/**
 * Files of deliveries that may have been made before, wherever the user's reader moved them within
 * their maildir. Each maildir is looked at once, however many deliveries are asked for; for a short
 * use, since what comes later is not seen.
 */
export class DeliveredFiles {
  /** Of each maildir: stable names, and the unique names with which they are there. */
  readonly #maildirs = new Map<string, ReadonlyMap<string, string>>();

  /** @returns the unique name with which it is there, or null */
  find(dir: string, stableName: string): string | null {
    let files = this.#maildirs.get(dir);
    if (files === undefined) this.#maildirs.set(dir, (files = filesOf(dir)));
    return files.get(stableName) ?? null;
  }
}

function filesOf(dir: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const folder of ['cur', 'new']) {
    for (const name of namesIn(under(dir, folder))) {
      const unique = name.split(INFO_SEPARATOR, 1)[0] ?? name;
      files.set(unique.split(',', 1)[0] ?? unique, unique);
    }
  }
  return files;
}

/** An empty path is the working folder, never the root. */
function under(dir: string, name: string): string {
  return dir === '' ? name : `${dir}/${name}`;
}

function namesIn(dir: string): string[] {
  try {
    return fs.readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function ensureFolder(dir: string, mode: number | null): void {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dir === '') throw error;
    ensureFolder(parentOf(dir), mode);
    makeFolder(dir, mode);
    return;
  }
  if (!stat.isDirectory()) throw new NotADirectory(dir, kindOf(stat));
}

function makeFolder(dir: string, mode: number | null): void {
  try {
    fs.mkdirSync(dir);
  } catch (error) {
    // Somebody else was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && fs.statSync(dir).isDirectory())
      return;
    throw error;
  }
  if (mode !== null) fs.chmodSync(dir, mode);
}

/** Of a lone relative name it is empty, and nothing is there: KumoMTA fails so too. */
function parentOf(dir: string): string {
  const parent = path.dirname(dir);
  return parent === '.' && !dir.startsWith('.') ? '' : parent;
}

function kindOf(stat: fs.Stats): string {
  const isLink = stat.isSymbolicLink();
  return `Metadata { file_type: FileType { is_file: ${stat.isFile()}, is_dir: false, is_symlink: ${isLink}, .. }, .. }`;
}

function openTmp(
  dir: string,
  nextNames: (tryCount: number) => FileNames,
): { fd: number; names: FileNames; file: string } {
  for (let tryCount = 1; ; tryCount++) {
    const names = nextNames(tryCount);
    const file = under(dir, `tmp/${names.tmp}`);
    try {
      return { fd: fs.openSync(file, 'wx', 0o666), names, file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tryCount >= NAME_TRY_COUNT_MAX) {
        throw error;
      }
    }
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  let written = 0;
  while (written < data.byteLength) {
    written += fs.writeSync(fd, data, written, data.byteLength - written);
  }
}

/** A rename replaces what is there; a unique name that is taken is a bug of whoever made it. */
function moveIntoNew(from: string, to: string): void {
  if (fs.existsSync(to)) {
    throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST', errno: -17 });
  }
  fs.renameSync(from, to);
}
