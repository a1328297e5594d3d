/**
 * A shared file opened to read. Everything in it is looked at once, before anything is shown: a
 * file that is damaged, too large or newer is refused with what is wrong with it. Afterwards only
 * the rows and their words are in memory; the rest is read when it is asked for.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { z } from 'zod';
import { toError } from '../base/assert.ts';
import type { AttemptList, Journey, RecordRow, RouteList } from '../api/protocol.ts';
import { indexText } from '../inspect/inspect-message.ts';
import { rowWords } from './row-filter.ts';
import type { RowWords } from './row-filter.ts';
import {
  ENTRIES_MAX,
  FILE_BYTES_MAX,
  FORMAT,
  FORMAT_VERSION,
  JSON_BYTES_MAX,
  MANIFEST,
  MESSAGE_BYTES_MAX,
  MESSAGES_BYTES_MAX,
  RECORDS,
  RECORDS_BYTES_MAX,
  RECORDS_MAX,
  ROUTES,
  TEXTS_BYTES_MAX,
  policyEntry,
  rowEntry,
} from './share-format.ts';
import {
  attemptsSchema,
  journeySchema,
  manifestSchema,
  recordSchema,
  routesSchema,
  rowEntrySchema,
} from './share-schemas.ts';
import type { Manifest, RowEntry } from './share-schemas.ts';
import { policyHashes } from './workspace-texts.ts';
import { ZipProblem, ZipReader } from './zip-reader.ts';

/** Why a file cannot be opened, in a sentence for whoever wanted to. */
export class ShareFileError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ShareFileError';
  }
}

export class ShareFile {
  readonly name: string;
  readonly manifest: Manifest;
  /** Newest first. */
  readonly records: readonly RecordRow[];
  readonly routes: RouteList;
  readonly policyTexts: ReadonlyMap<string, string>;
  readonly words: ReadonlyMap<number, RowWords>;
  readonly #zip: ZipReader;

  private constructor(zip: ZipReader, parts: Omit<Checked, 'zip'> & { name: string }) {
    this.#zip = zip;
    this.name = parts.name;
    this.manifest = parts.manifest;
    this.records = parts.records;
    this.routes = parts.routes;
    this.policyTexts = parts.policyTexts;
    this.words = parts.words;
  }

  /**
   * @param reader who opens it, for the words about a newer file: `Postyard 0.1.0`
   * @throws {ShareFileError}
   */
  static async open(file: string, reader: string): Promise<ShareFile> {
    const name = basename(file);
    try {
      await checkSize(file);
      const zip = await ZipReader.open(file, {
        entries: ENTRIES_MAX,
        bytes: MESSAGES_BYTES_MAX + TEXTS_BYTES_MAX,
      });
      try {
        return new ShareFile(zip, { ...(await check(zip, reader)), name });
      } catch (error) {
        zip.close();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof ZipProblem)) throw error;
      throw new ShareFileError(`Cannot open ${name}: ${error.message}`, { cause: error });
    }
  }

  entry(seq: number): Promise<RowEntry> {
    return readJson(this.#zip, rowEntry(seq, 'detail'), rowEntrySchema);
  }

  journey(seq: number): Promise<Journey> {
    return readJson(this.#zip, rowEntry(seq, 'journey'), journeySchema);
  }

  attempts(seq: number): Promise<AttemptList> {
    return readJson(this.#zip, rowEntry(seq, 'attempts'), attemptsSchema);
  }

  /** @param entry of a `RowEntry` */
  bytes(entry: string): Promise<Uint8Array> {
    return this.#zip.read(entry, MESSAGE_BYTES_MAX);
  }

  close(): void {
    this.#zip.close();
  }
}

async function checkSize(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    throw new ZipProblem(toError(error).message.replace(/,? stat '.*'$/, ''), { cause: error });
  });
  if (!found.isFile()) throw new ZipProblem('it is no file');
  if (found.size > FILE_BYTES_MAX)
    throw new ZipProblem(`it has ${found.size} bytes, expected at most ${FILE_BYTES_MAX}`);
}

interface Checked {
  readonly manifest: Manifest;
  readonly records: readonly RecordRow[];
  readonly routes: RouteList;
  readonly policyTexts: ReadonlyMap<string, string>;
  readonly words: ReadonlyMap<number, RowWords>;
}

async function check(zip: ZipReader, reader: string): Promise<Checked> {
  const manifest = await readManifest(zip, reader);
  const words = new Map<number, RowWords>();
  let messageBytes = 0;
  const seen = new Set<string>();
  for (const row of manifest.rows) {
    if (words.has(row.seq)) throw new ZipProblem(`${MANIFEST} has row ${row.seq} twice`);
    const entry = await readJson(zip, rowEntry(row.seq, 'detail'), rowEntrySchema);
    await readJson(zip, rowEntry(row.seq, 'journey'), journeySchema);
    await readJson(zip, rowEntry(row.seq, 'attempts'), attemptsSchema);
    let message: Buffer | null = null;
    for (const name of [entry.original, entry.message]) {
      if (name === null || (seen.has(name) && name !== entry.message)) continue;
      message = await zip.read(name, MESSAGE_BYTES_MAX);
      if (!seen.has(name)) messageBytes += message.byteLength;
      if (messageBytes > MESSAGES_BYTES_MAX)
        throw new ZipProblem(`its messages have more than ${MESSAGES_BYTES_MAX} bytes`);
      seen.add(name);
    }
    const text = message === null || entry.message === null ? null : indexText(message);
    words.set(row.seq, rowWords(row, text, entry.detail.maildir?.path ?? null));
  }
  return {
    manifest,
    words,
    records: await readRecords(zip),
    routes: await readJson(zip, ROUTES, routesSchema),
    policyTexts: await readPolicy(zip, manifest),
  };
}

async function readManifest(zip: ZipReader, reader: string): Promise<Manifest> {
  if (!zip.has(MANIFEST))
    throw new ZipProblem(`it has no ${MANIFEST}, expected a file that "postyard share" wrote`);
  const found = parseJson(MANIFEST, await zip.read(MANIFEST, JSON_BYTES_MAX));
  const { format, version } = found as { format?: unknown; version?: unknown };
  if (format !== FORMAT)
    throw new ZipProblem(
      `its format is ${JSON.stringify(format)?.slice(0, 40)}, expected "${FORMAT}"`,
    );
  if (typeof version === 'number' && version > FORMAT_VERSION)
    throw new ZipProblem(
      `it has format version ${version}, ${reader} reads up to version ${FORMAT_VERSION}; a newer Postyard opens it`,
    );
  return checked(MANIFEST, found, manifestSchema);
}

async function readRecords(zip: ZipReader): Promise<RecordRow[]> {
  const lines = (await zip.read(RECORDS, RECORDS_BYTES_MAX)).toString('utf8').split('\n');
  if (lines.length > RECORDS_MAX + 1)
    throw new ZipProblem(`${RECORDS} has ${lines.length} lines, expected at most ${RECORDS_MAX}`);
  const records = lines.flatMap((line, index) => {
    if (line === '') return [];
    const place = `${RECORDS}, line ${index + 1}`;
    return [checked(place, parseJson(place, Buffer.from(line)), recordSchema)];
  });
  return records.sort((a, b) => b.recordSeq - a.recordSeq);
}

async function readPolicy(zip: ZipReader, { policy }: Manifest): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  if (!policy.hasTexts) return texts;
  let bytes = 0;
  for (const { path } of policy.files) {
    const text = await zip.read(policyEntry(path), JSON_BYTES_MAX);
    bytes += text.byteLength;
    if (bytes > TEXTS_BYTES_MAX)
      throw new ZipProblem(`its policy has more than ${TEXTS_BYTES_MAX} bytes`);
    texts.set(path, text.toString('utf8'));
  }
  const found = policyHashes([...texts].map(([path, text]) => ({ path, text })));
  if (found.sha256 !== policy.sha256)
    throw new ZipProblem(
      `the policy in it has the hash ${found.sha256}, ${MANIFEST} says ${policy.sha256}`,
    );
  return texts;
}

async function readJson<T>(zip: ZipReader, name: string, schema: z.ZodType<T>): Promise<T> {
  return checked(name, parseJson(name, await zip.read(name, JSON_BYTES_MAX)), schema);
}

function parseJson(place: string, bytes: Uint8Array): object {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new ZipProblem(`${place} is no JSON: ${toError(error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
  throw new ZipProblem(`${place} is no JSON object`);
}

function checked<T>(place: string, value: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ZipProblem(`${place}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
}
