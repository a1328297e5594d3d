/**
 * What one far end received, to look at: a bounded list in memory, the messages as files beside an
 * index of one line each. A message is kept before it is acknowledged, so that what a delivery
 * points to is there. Without a folder everything stays in memory.
 *
 * States: opening (the index of an earlier run is read), open. The oldest go first.
 */
import { appendFile, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMs } from '../base/clock.ts';
import { FAR_END_CAPTURED_BYTES_MAX, FAR_END_CAPTURED_MAX } from '../base/limits.ts';
import type { TranscriptLine } from '../store/store.ts';
import type { ArrivedMail } from './far-end-connection.ts';

/** Without the message itself. */
export interface CapturedMail {
  readonly id: string;
  readonly timeMs: EpochMs;
  readonly realTimeMs: EpochMs;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly ehlo: string;
  readonly tls: string | null;
  readonly user: string | null;
  readonly subject: string;
  readonly messageId: string | null;
  readonly sizeBytes: number;
  readonly keptBytes: number;
  /** What it was acknowledged with. */
  readonly reply: string;
  readonly transcript: readonly TranscriptLine[];
}

const INDEX = 'index.jsonl';

interface Arrival {
  readonly captured: CapturedMail;
  readonly bytes: Buffer;
  readonly kept: PromiseWithResolvers<void>;
}

export class CapturedMails {
  readonly #folder: string | null;
  readonly #bodies = new Map<string, Buffer>();
  #mails: CapturedMail[] = [];
  #bytes = 0;
  #indexLines = 0;
  /** What comes while the folder is written to is kept together, after that. */
  #arrivals: Arrival[] = [];
  #goneIds: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string | null) {
    this.#folder = folder;
  }

  static async open(folder: string | null): Promise<CapturedMails> {
    const mails = new CapturedMails(folder);
    await mails.#load();
    return mails;
  }

  get count(): number {
    return this.#mails.length;
  }

  /** Newest first. @param before id of the last one seen; null starts at the newest */
  list(limit: number, before: string | null): { mails: CapturedMail[]; more: number } {
    const newest = this.#mails.toReversed();
    const from = before === null ? 0 : newest.findIndex(({ id }) => id === before) + 1;
    return {
      mails: newest.slice(from, from + limit),
      more: Math.max(0, newest.length - from - limit),
    };
  }

  find(id: string): CapturedMail | null {
    return this.#mails.find((mail) => mail.id === id) ?? null;
  }

  /** The message as far as it was kept; null when it is gone. */
  async source(id: string): Promise<Buffer | null> {
    if (this.find(id) === null) return null;
    if (this.#folder === null) return this.#bodies.get(id) ?? null;
    return readFile(this.#fileOf(this.#folder, id)).catch(() => null);
  }

  async add(mail: ArrivedMail, now: { mailMs: EpochMs; realMs: EpochMs }): Promise<void> {
    const { bytes, ...rest } = mail;
    const captured: CapturedMail = {
      ...rest,
      timeMs: now.mailMs,
      realTimeMs: now.realMs,
      subject: headerOf(bytes, 'subject') ?? '',
      messageId: headerOf(bytes, 'message-id'),
      keptBytes: bytes.byteLength,
    };
    if (this.#folder === null) this.#bodies.set(mail.id, bytes);
    else await this.#keep(this.#folder, captured, bytes);
    this.#mails.push(captured);
    this.#bytes += captured.keptBytes;
    await this.#trim();
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    this.#mails = [];
    this.#bodies.clear();
    this.#bytes = 0;
    this.#indexLines = 0;
    const folder = this.#folder;
    if (folder !== null) await this.#inOrder(() => rm(folder, { recursive: true, force: true }));
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #keep(folder: string, captured: CapturedMail, bytes: Buffer): Promise<void> {
    const kept = Promise.withResolvers<void>();
    this.#arrivals.push({ captured, bytes, kept });
    if (this.#arrivals.length === 1) void this.#inOrder(() => this.#keepArrivals(folder));
    await kept.promise;
  }

  async #keepArrivals(folder: string): Promise<void> {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await Promise.all(
        arrivals.map(({ captured, bytes }) => writeFile(this.#fileOf(folder, captured.id), bytes)),
      );
      const lines = arrivals.map(({ captured }) => `${JSON.stringify(captured)}\n`);
      await appendFile(join(folder, INDEX), lines.join(''));
      this.#indexLines += lines.length;
      for (const { kept } of arrivals) kept.resolve();
    } catch (error) {
      for (const { kept } of arrivals) kept.reject(error);
    }
  }

  async #trim(): Promise<void> {
    const before = this.#goneIds.length;
    while (
      this.#mails.length > FAR_END_CAPTURED_MAX ||
      (this.#bytes > FAR_END_CAPTURED_BYTES_MAX && this.#mails.length > 1)
    ) {
      const oldest = this.#mails.shift();
      if (!oldest) break;
      this.#bytes -= oldest.keptBytes;
      this.#bodies.delete(oldest.id);
      if (this.#folder !== null) this.#goneIds.push(oldest.id);
    }
    const folder = this.#folder;
    if (folder === null || before > 0 || this.#goneIds.length === 0) return;
    await this.#inOrder(() => this.#removeGone(folder));
  }

  async #removeGone(folder: string): Promise<void> {
    const ids = this.#goneIds;
    this.#goneIds = [];
    await Promise.all(ids.map((id) => unlink(this.#fileOf(folder, id)).catch(() => {})));
    if (this.#indexLines > 2 * FAR_END_CAPTURED_MAX) await this.#rewriteIndex(folder);
  }

  async #rewriteIndex(folder: string): Promise<void> {
    const text = this.#mails.map((mail) => `${JSON.stringify(mail)}\n`).join('');
    await writeFile(join(folder, `${INDEX}.new`), text);
    await rename(join(folder, `${INDEX}.new`), join(folder, INDEX));
    this.#indexLines = this.#mails.length;
  }

  async #load(): Promise<void> {
    if (this.#folder === null) return;
    const text = await readFile(join(this.#folder, INDEX), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    this.#indexLines = lines.length;
    this.#mails = lines.slice(-FAR_END_CAPTURED_MAX).flatMap(parsedLine);
    this.#bytes = this.#mails.reduce((sum, mail) => sum + mail.keptBytes, 0);
    await this.#trim();
  }

  /** One change of the folder at a time; a failed one does not stop those behind it. */
  #inOrder(change: () => Promise<void>): Promise<void> {
    const run = this.#writing.then(change);
    this.#writing = run.catch(() => {});
    return run;
  }

  #fileOf(folder: string, id: string): string {
    return join(folder, `${id}.eml`);
  }
}

/** A line that a crash cut off is no mail. */
function parsedLine(line: string): CapturedMail[] {
  try {
    const mail = JSON.parse(line) as CapturedMail;
    return /^[\da-z]+$/.test(mail.id) ? [mail] : [];
  } catch {
    return [];
  }
}

/** Value of the first header of this name, unfolded; null when there is none. */
function headerOf(bytes: Buffer, name: string): string | null {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes
    .subarray(0, Math.min(end < 0 ? bytes.length : end, 64 * 1024))
    .toString('utf8');
  const match = new RegExp(`^${name}:[ \\t]*(.*(?:\\r?\\n[ \\t].*)*)`, 'im').exec(head);
  return match?.[1]?.replace(/\r?\n[ \t]+/g, ' ').trim() ?? null;
}
