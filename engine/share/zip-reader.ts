/**
 * Reads a zip that may be hostile: bounded in entries, sizes and names, with every checksum
 * compared. Nothing is ever unpacked to disk.
 *
 * Source: APPNOTE.TXT of PKWARE, through yauzl.
 */
import { crc32 } from 'node:zlib';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { toError } from '../base/assert.ts';

export interface ZipLimits {
  readonly entries: number;
  /** Of all entries together, unpacked. */
  readonly bytes: number;
}

/** What is wrong with the file, as the end of a sentence. */
export class ZipProblem extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ZipProblem';
  }
}

export class ZipReader {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#zip = zip;
    this.#entries = entries;
  }

  /** @throws {ZipProblem} */
  static async open(file: string, limits: ZipLimits): Promise<ZipReader> {
    const zip = await openPromise(file, { lazyEntries: true, autoClose: false }).catch(
      (error: unknown) => {
        throw new ZipProblem(`it is no complete zip: ${toError(error).message}`, { cause: error });
      },
    );
    try {
      return new ZipReader(zip, await listed(zip, limits));
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * @param bytesMax of the entry, unpacked
   * @throws {ZipProblem} it is missing, longer, or damaged
   */
  async read(name: string, bytesMax: number): Promise<Buffer> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new ZipProblem(`${name} is missing`);
    if (entry.uncompressedSize > bytesMax)
      throw new ZipProblem(
        `${name} has ${entry.uncompressedSize} bytes, expected at most ${bytesMax}`,
      );
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of await this.#zip.openReadStreamPromise(entry)) {
        length += (chunk as Buffer).length;
        if (length > bytesMax) break;
        chunks.push(chunk as Buffer);
      }
    } catch (error) {
      throw new ZipProblem(`${name} is damaged: ${toError(error).message}`, { cause: error });
    }
    const bytes = Buffer.concat(chunks);
    if (length !== entry.uncompressedSize || crc32(bytes) !== entry.crc32)
      throw new ZipProblem(
        `${name} is damaged: its checksum is ${crc32(bytes).toString(16)}, expected ${entry.crc32.toString(16)}`,
      );
    return bytes;
  }

  close(): void {
    this.#zip.close();
  }
}

function listed(zip: ZipFile, limits: ZipLimits): Promise<Map<string, Entry>> {
  return new Promise((resolve, reject) => {
    const entries = new Map<string, Entry>();
    let bytes = 0;
    if (zip.entryCount > limits.entries)
      return reject(
        new ZipProblem(`it has ${zip.entryCount} entries, expected at most ${limits.entries}`),
      );
    zip.on('error', (error: Error) =>
      reject(new ZipProblem(`its list of entries is damaged: ${error.message}`, { cause: error })),
    );
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      bytes += entry.uncompressedSize;
      const problem =
        bytes > limits.bytes
          ? `it unpacks to more than ${limits.bytes} bytes, expected at most that`
          : entries.has(entry.fileName)
            ? `it has ${entry.fileName} twice`
            : entry.isEncrypted()
              ? `${entry.fileName} is encrypted, expected a file without a password`
              : null;
      if (problem !== null) return reject(new ZipProblem(problem));
      entries.set(entry.fileName, entry);
      zip.readEntry();
    });
    zip.readEntry();
  });
}
