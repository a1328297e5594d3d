/**
 * Large bodies as files beside the database, named by their number: `bodies/123.body`. A file is
 * whole or absent: temporary name, flush, rename, flush of the folder, and only then the commit
 * that mentions it. Files that no row mentions (a crash between the two, or after the commit of
 * retention) are swept away after the start.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Bodies above this many bytes become files. */
export const FILE_BODY_BYTES_MIN = 256 * 1024;

const SUFFIX = '.body';
const TEMPORARY_SUFFIX = '.tmp';

/** The calls that can fail when the disk does; tests make them fail in turn. */
export interface BodyFileCalls {
  write(path: string, bytes: Uint8Array): void;
  rename(from: string, to: string): void;
  syncFolder(path: string): void;
  remove(path: string): void;
}

export const DISK_CALLS: BodyFileCalls = {
  write(path, bytes) {
    const file = openSync(path, 'w', 0o600);
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  rename: renameSync,
  syncFolder(path) {
    // Windows opens no folders and needs no such flush.
    if (process.platform === 'win32') return;
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  },
  remove(path) {
    rmSync(path, { force: true });
  },
};

export class BodyFiles {
  readonly #folder: string;
  readonly #calls: BodyFileCalls;
  #isFolderDirty = false;

  constructor(folder: string, calls: BodyFileCalls = DISK_CALLS) {
    this.#folder = folder;
    this.#calls = calls;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Durable after `sync`. */
  write(id: number, bytes: Uint8Array): void {
    const path = this.#path(id);
    const temporary = `${path}${TEMPORARY_SUFFIX}`;
    this.#isFolderDirty = true;
    this.#calls.write(temporary, bytes);
    this.#calls.rename(temporary, path);
  }

  sync(): void {
    if (!this.#isFolderDirty) return;
    this.#calls.syncFolder(this.#folder);
    this.#isFolderDirty = false;
  }

  /**
   * A slice of a body.
   * @throws {Error} the file is missing or shorter than its row says
   */
  read(id: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const file = openSync(this.#path(id), 'r');
    try {
      const { size } = fstatSync(file);
      if (size < offset + length) {
        throw new Error(
          `Cannot read body ${id}: its file has ${size} bytes, expected ${offset + length}`,
        );
      }
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const count = readSync(file, bytes, at, length - at, offset + at);
        if (count === 0) throw new Error(`Cannot read body ${id}: its file ended at ${at}`);
        at += count;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  remove(id: number): void {
    this.#calls.remove(this.#path(id));
  }

  /** Removes files that no row mentions, and what a crash left half written. */
  sweep(isKnown: (id: number) => boolean): number {
    let count = 0;
    for (const name of readdirSync(this.#folder)) {
      const id = Number(name.slice(0, -SUFFIX.length));
      if (name.endsWith(SUFFIX) && Number.isInteger(id) && isKnown(id)) continue;
      if (!name.endsWith(SUFFIX) && !name.endsWith(TEMPORARY_SUFFIX)) continue;
      this.#calls.remove(join(this.#folder, name));
      count++;
    }
    return count;
  }

  #path(id: number): string {
    return join(this.#folder, `${id}${SUFFIX}`);
  }
}
