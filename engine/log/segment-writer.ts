/**
 * One series of zstd log segments. A segment is opened when its first line arrives, closed when
 * it is full or its time is over (also while idle), and made read-only then: that is how a reader
 * knows that it is finished.
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
  readonly suffix: string;
  readonly header: string;
  /** Uncompressed bytes. */
  readonly maxFileSize: number;
  readonly maxSegmentDurationMs: number | null;
  /** 0 is zstd's default. */
  readonly compressionLevel: number;
}

interface Segment {
  readonly file: string;
  readonly stream: ReturnType<typeof createZstdCompress>;
  readonly done: Promise<void>;
  readonly expiry: Timer | null;
  written: number;
}

export class SegmentWriter {
  readonly #settings: SegmentSettings;
  readonly #mailClock: Clock;
  readonly #clock: Clock;
  readonly #onError: (text: string) => void;
  readonly #closing = new Set<Promise<void>>();
  #segment: Segment | null = null;

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
    segment.stream.write(text);
    segment.written += Buffer.byteLength(text);
    if (segment.written >= this.#settings.maxFileSize) this.#finish();
  }

  /** Finishes the open segment; resolves when every segment is complete on disk. */
  async close(): Promise<void> {
    this.#finish();
    await Promise.all(this.#closing);
  }

  #open(): Segment {
    const { folder, suffix, header, maxSegmentDurationMs, compressionLevel } = this.#settings;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${segmentName(this.#mailClock.now())}${suffix}`);
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
    if (header !== '') stream.write(header.endsWith('\n') ? header : `${header}\n`);
    return { file, stream, done, expiry, written: 0 };
  }

  #finish(): void {
    const segment = this.#segment;
    if (segment === null) return;
    this.#segment = null;
    segment.expiry?.cancel();
    segment.stream.end();
  }
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
