/**
 * The intake: transactions that are durable before they are in the tables. A commit costs by the
 * pages it touches, and the rows and index entries of a few transactions are on some thirty; the
 * same transactions written one after the other to a file are a tenth of that. So what a client
 * waits for goes to the intake first, which is enough for a 250, and from there into the tables,
 * many at a time (`commit-queue.ts`). After a crash the start does that before anything else.
 *
 * Two files, used in turn: a file is begun anew when all that it holds is in the tables.
 */
import {
  closeSync,
  constants,
  fdatasync,
  ftruncateSync,
  openSync,
  readFileSync,
  statfsSync,
  writev,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toError } from '../base/assert.ts';
import { SystemRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import { DISK_CALLS } from './bodies.ts';
import { isFullError } from './full-disk.ts';
import { SALT_BYTES, decodeFrames, encodeFrame, frameSize } from './intake-frames.ts';
import type { IntakeFrame } from './intake-frames.ts';
import { StoreFullError } from './store.ts';

/** A file this long is left for the other one as soon as that is free. */
const FILE_BYTES = 4 * 1024 * 1024;

/** A file that grew beyond this gives its room back. */
const KEPT_BYTES = 16 * 1024 * 1024;

const NAMES = ['intake-0', 'intake-1'] as const;

/** The calls that can fail when the disk does; tests make them fail in turn. */
export interface IntakeCalls {
  /** Writes all the pieces at a position; resolves when they are durable. */
  write(file: number, pieces: readonly Uint8Array[], position: number): Promise<void>;
}

/** Writing and flushing are one call where the system has it (not on Windows). */
const { O_DSYNC = 0 } = constants as Partial<typeof constants>;
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | O_DSYNC;

export const INTAKE_CALLS: IntakeCalls = {
  async write(file, pieces, position) {
    const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    writev(file, pieces, position, (error, count) => (error ? reject(error) : resolve(count)));
    const written = await promise;
    // Short of room the system writes a part and says so; the next try gets its error.
    if (written < size) await INTAKE_CALLS.write(file, [rest(pieces, written)], position + written);
    if (O_DSYNC === 0) await promisify(fdatasync)(file);
  },
};

interface IntakeFile {
  readonly fd: number;
  salt: Uint8Array;
  end: number;
  /** Number of its newest frame. */
  newest: number;
}

export interface IntakeOptions {
  /** Number of the newest frame that is in the tables. */
  readonly settled: number;
  /** Disk in use above which nothing more is taken; null for no bound but the disk. */
  readonly fullBytes: number | null;
  /** Room that is left on the disk for everything else. */
  readonly freeDiskBytesMin: number;
  /** Disk in use by the tables. */
  readonly usedBytes: () => number;
  readonly calls?: IntakeCalls;
  readonly random?: Random;
}

export class Intake {
  readonly #folder: string;
  readonly #options: IntakeOptions;
  readonly #calls: IntakeCalls;
  readonly #random: Random;
  readonly #files: readonly IntakeFile[];
  #current: IntakeFile;
  #settled: number;
  #flushCount = 0;
  #writing: Promise<void> = Promise.resolve();

  /** For writing, after what the files held was settled. */
  constructor(folder: string, options: IntakeOptions) {
    const { settled, calls = INTAKE_CALLS, random = new SystemRandom() } = options;
    this.#folder = folder;
    this.#options = options;
    this.#calls = calls;
    this.#random = random;
    this.#settled = settled;
    const open = (name: string): IntakeFile => ({
      fd: openSync(join(folder, name), OPEN_FLAGS, 0o600),
      ...{ salt: random.bytes(SALT_BYTES), end: 0, newest: 0 },
    });
    this.#current = open(NAMES[0]);
    this.#files = [this.#current, open(NAMES[1])];
    DISK_CALLS.syncFolder(folder);
  }

  /** Frames made durable. */
  get flushCount(): number {
    return this.#flushCount;
  }

  /**
   * Resolves when the frame is durable. One at a time.
   * @throws {StoreFullError} there is no room
   * @throws {Error} of the system; the next frame takes the place of this one
   */
  async append(frame: IntakeFrame): Promise<void> {
    this.#assertRoom(frameSize(frame));
    const file = this.#fileFor();
    try {
      this.#writing = this.#calls.write(file.fd, encodeFrame(frame, file.salt), file.end);
      await this.#writing;
    } catch (error) {
      throw isFullError(toError(error)) ? new StoreFullError(toError(error).message) : error;
    }
    file.end += frameSize(frame);
    file.newest = frame.number;
    this.#flushCount++;
  }

  /** All frames through this number are in the tables. */
  settled(number: number): void {
    this.#settled = number;
  }

  /** After what is being written; no further frames are taken. */
  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    for (const { fd, newest } of this.#files) {
      if (newest <= this.#settled) ftruncateSync(fd);
      closeSync(fd);
    }
  }

  #assertRoom(moreBytes: number): void {
    const { fullBytes, freeDiskBytesMin, usedBytes } = this.#options;
    if (fullBytes !== null && usedBytes() + moreBytes > fullBytes) {
      throw new StoreFullError(`${usedBytes()} bytes are in use, the bound is ${fullBytes}`);
    }
    const { bavail, bsize } = statfsSync(this.#folder);
    const free = bavail * bsize;
    if (free - moreBytes < freeDiskBytesMin) {
      throw new StoreFullError(
        `${free} bytes are free on the disk, expected at least ${freeDiskBytesMin + moreBytes}`,
      );
    }
  }

  #fileFor(): IntakeFile {
    if (this.#current.end < FILE_BYTES) return this.#current;
    const other = this.#files.find((file) => file !== this.#current);
    if (other === undefined || other.newest > this.#settled) return this.#current;
    if (other.end > KEPT_BYTES) ftruncateSync(other.fd);
    other.end = 0;
    other.salt = this.#random.bytes(SALT_BYTES);
    this.#current = other;
    return other;
  }
}

/** What is in the intake and newer than `settled`, in order. */
export function readIntake(folder: string, settled: number): IntakeFrame[] {
  return NAMES.flatMap((name) => decodeFrames(readIfThere(join(folder, name))))
    .filter(({ number }) => number > settled)
    .sort((a, b) => a.number - b.number);
}

function readIfThere(path: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

function rest(pieces: readonly Uint8Array[], from: number): Uint8Array {
  return Buffer.concat(pieces).subarray(from);
}
