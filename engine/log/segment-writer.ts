/**
 * One series of zstd log segments. A segment is opened when its first line arrives, closed when
 * it is full or its time is over (also while idle), and made read-only then: that is how a reader
 * knows that it is finished.
 *
 * Lines are handed to the compressor in batches, since each handover costs a trip through a
 * thread; at most a quarter of a second of lines is not in the file yet.
 *
 * States: idle (no segment), open (a segment takes lines), closed (final).
 *
 * Source: reference `http-logs-reception.md` §3.4.
 */
import { chmodSync, createWriteStream, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { chronoDebugUtc } from '../base/chrono-text.ts';
import type { Clock, Timer } from '../base/clock.ts';

export interface SegmentSettings {
  readonly folder: string;
  readonly prefix?: string;
  readonly suffix: string;
  readonly header: string;
  /** Uncompressed bytes. */
  readonly maxFileSize: number;
  readonly maxSegmentDurationMs: number | null;
  /** 0 is zstd's default. */
  readonly compressionLevel: number;
}

/** Characters that wait for a handover at most. */
const BATCH_LENGTH_MAX = 64 * 1024;
const BATCH_DELAY_MS = 250;
/** Bytes inside the compressor above which a writer has to wait. */
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;

interface Segment {
  readonly stream: ReturnType<typeof createZstdCompress>;
  readonly expiry: Timer | null;
  batch: string;
  handover: Timer | null;
  written: number;
}

export class SegmentWriter {
  readonly #settings: SegmentSettings;
  readonly #mailClock: Clock;
  readonly #clock: Clock;
  readonly #onError: (text: string) => void;
  readonly #closing = new Set<Promise<void>>();
  #segment: Segment | null = null;
  #lastName = '';

  /** @param mailClock names the segments; @param clock ends them */
  constructor(
    settings: SegmentSettings,
    mailClock: Clock,
    clock: Clock,
    onError: (text: string) => void,
  ) {
    this.#settings = settings;
    this.#mailClock = mailClock;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** @param line without or with its final LF */
  write(line: string): void {
    const text = line.endsWith('\n') ? line : `${line}\n`;
    const segment = (this.#segment ??= this.#open());
    segment.batch += text;
    segment.written += Buffer.byteLength(text);
    if (segment.batch.length >= BATCH_LENGTH_MAX) handOver(segment);
    else segment.handover ??= this.#clock.timer(BATCH_DELAY_MS, () => handOver(segment));
    if (segment.written >= this.#settings.maxFileSize) this.#finish();
  }

  /** More is inside the compressor than may be. */
  get isFull(): boolean {
    return (this.#segment?.stream.writableLength ?? 0) > BACKLOG_BYTES_MAX;
  }

  /** Resolves when the disk keeps up: how a slow one reaches whoever writes records. */
  async ready(): Promise<void> {
    const stream = this.#segment?.stream;
    if (!stream || !this.isFull) return;
    await new Promise<void>((resolve) => {
      stream.once('drain', resolve);
      stream.once('close', resolve);
    });
  }

  /** Finishes the open segment; resolves when every segment is complete on disk. */
  async close(): Promise<void> {
    this.#finish();
    await Promise.all(this.#closing);
  }

  #open(): Segment {
    const { folder, header, maxSegmentDurationMs, compressionLevel } = this.#settings;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, this.#nextName());
    const stream = createZstdCompress({
      params: compressionLevel > 0 ? { [constants.ZSTD_c_compressionLevel]: compressionLevel } : {},
    });
    const target = createWriteStream(file, { flags: 'a' });
    stream.pipe(target);
    const done = finished(target)
      .then(() => makeReadOnly(file))
      .catch((error: unknown) => {
        target.destroy();
        this.#onError(`Cannot write log segment ${file}: ${String(error)}`);
      });
    this.#closing.add(done);
    void done.then(() => this.#closing.delete(done));
    stream.on('error', (error) => target.destroy(error));
    const expiry =
      maxSegmentDurationMs === null
        ? null
        : this.#clock.timer(maxSegmentDurationMs, () => this.#finish());
    const batch = header === '' || header.endsWith('\n') ? header : `${header}\n`;
    return { stream, expiry, batch, handover: null, written: 0 };
  }

  /** A finished segment is never opened again, even when the mail clock stands still. */
  #nextName(): string {
    let nowMs = this.#mailClock.now();
    let name = segmentName(nowMs);
    while (name <= this.#lastName) {
      nowMs += 0.001;
      name = segmentName(nowMs);
    }
    this.#lastName = name;
    return `${this.#settings.prefix ?? ''}${name}${this.#settings.suffix}`;
  }

  #finish(): void {
    const segment = this.#segment;
    if (segment === null) return;
    this.#segment = null;
    segment.expiry?.cancel();
    handOver(segment);
    segment.stream.end();
  }
}

function handOver(segment: Segment): void {
  segment.handover?.cancel();
  segment.handover = null;
  if (segment.batch === '' || segment.stream.writableEnded) return;
  segment.stream.write(segment.batch);
  segment.batch = '';
}

/** Segments that an earlier run left are finished, whatever became of it. */
export function finishLeftovers(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (!name.startsWith('.') && statSync(file).isFile()) makeReadOnly(file);
  }
}

function makeReadOnly(file: string): void {
  chmodSync(file, statSync(file).mode & 0o555);
}

/** `20260102-030405.678901234`, UTC; the fraction is left out when it is exactly zero. */
function segmentName(nowMs: number): string {
  const [seconds = '', fraction] = chronoDebugUtc(nowMs).slice(0, -1).split('.');
  const name = seconds.replaceAll('-', '').replaceAll(':', '').replace('T', '-');
  return fraction === undefined ? name : `${name}.${fraction}`;
}
