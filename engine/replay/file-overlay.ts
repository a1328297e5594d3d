/**
 * Files of a dry run: what a script opens for writing is a copy in a folder of its own, and what
 * it has touched is read from there from then on. Nothing outside of that folder changes.
 *
 * A database is copied with its write-ahead log, so that it holds what was committed.
 *
 * States: nothing touched (no folder yet), in use, closed (the folder is gone).
 */
import { constants, copyFileSync, cpSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';

/** Beyond these a file or folder is not copied, and the script is told so. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;
const FOLDER_ENTRIES_MAX = 5_000;
const FOLDER_BYTES_MAX = 64 * 1024 * 1024;
/** What SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-journal'] as const;

export class FileOverlay {
  readonly #mapPath: (path: string, mode: 'read' | 'write') => string;
  /** Real paths whose present state is in the overlay, if they exist at all. */
  readonly #touched = new Set<string>();
  #folder: string | null = null;
  #nameCount = 0;

  /** @param mapPath where a file of the policy really is; throws when it may not be touched */
  constructor(mapPath: (path: string, mode: 'read' | 'write') => string) {
    this.#mapPath = mapPath;
  }

  /** Real paths that a script opened for writing, removed or renamed. */
  get touched(): readonly string[] {
    return [...this.#touched];
  }

  readonly mapPath = (path: string, mode: 'read' | 'write'): string => {
    if (this.#folder !== null && resolve(path).startsWith(this.#folder + sep)) return path;
    const real = resolve(this.#mapPath(path, mode));
    if (mode === 'write') return this.#touch(real);
    if (this.#isTouched(real)) return this.#place(real);
    return this.#holdsTouched(real) ? this.#merged(real) : real;
  };

  /** A new empty file, as `os.tmpname` makes one. */
  temporaryFile(): string {
    const path = join(this.#root(), `lua_${++this.#nameCount}`);
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
    return path;
  }

  close(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  #root(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'postyard-dry-'));
    return this.#folder;
  }

  #place(real: string): string {
    return join(this.#root(), 'files', real.replace(/^([A-Za-z]):/, '$1'));
  }

  /** Itself, or a folder that it is in, was copied. */
  #isTouched(real: string): boolean {
    for (let path = real; ; path = dirname(path)) {
      if (this.#touched.has(path)) return true;
      if (dirname(path) === path) return false;
    }
  }

  #holdsTouched(real: string): boolean {
    return [...this.#touched].some((path) => path.startsWith(real + sep));
  }

  #touch(real: string): string {
    const place = this.#place(real);
    if (this.#isTouched(real)) return place;
    // A missing folder stays missing: the script gets the error it would get.
    if (existsSync(dirname(real))) mkdirSync(dirname(place), { recursive: true });
    const stat = lstatSync(real, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) this.#copyFolder(real, place);
    else if (stat !== undefined) {
      copyFile(real, place);
      for (const suffix of COMPANIONS) {
        if (existsSync(real + suffix)) copyFile(real + suffix, place + suffix);
      }
    }
    this.#touched.add(real);
    for (const suffix of COMPANIONS) this.#touched.add(real + suffix);
    return place;
  }

  /** A folder as the script has to see it: what is there, and what it changed. */
  #merged(real: string): string {
    const place = this.#place(real);
    mkdirSync(place, { recursive: true });
    if (existsSync(real)) this.#copyFolder(real, place);
    return place;
  }

  #copyFolder(real: string, place: string): void {
    checkSize(real);
    cpSync(real, place, {
      recursive: true,
      dereference: true,
      filter: (source) => !this.#touched.has(source),
    });
  }
}

function copyFile(from: string, to: string): void {
  const { size } = statSync(from);
  if (size > FILE_BYTES_MAX) {
    throw new Error(
      `Cannot copy ${from} for a dry run: it has ${size} bytes, expected at most ${FILE_BYTES_MAX}`,
    );
  }
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

function checkSize(folder: string): void {
  let entries = 0;
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    entries++;
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    if (entries > FOLDER_ENTRIES_MAX || bytes > FOLDER_BYTES_MAX) {
      throw new Error(
        `Cannot copy the folder ${folder} for a dry run: it has over ${FOLDER_ENTRIES_MAX} entries or ${FOLDER_BYTES_MAX} bytes`,
      );
    }
  }
}
