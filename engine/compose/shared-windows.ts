/**
 * Shared files that were opened from a running engine's window: each is taken into a folder of its
 * own outside the workspace, served by a window of its own, and gone with the engine.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ShareOpenDoor } from '../api/doors.ts';
import { ApiProblem } from '../api/route.ts';
import { ShareFileError } from '../share/open-share.ts';
import { FILE_BYTES_MAX, FILE_ENDING } from '../share/share-format.ts';
import { SharedWindow } from './shared-window.ts';

/** Open at a time. More: the oldest is closed. */
const WINDOWS_MAX = 8;

interface Opened {
  readonly folder: string;
  readonly window: SharedWindow;
}

export class SharedWindows implements ShareOpenDoor {
  readonly #opened: Opened[] = [];
  #isClosed = false;

  async open(name: string, bytes: Readable): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-shared-'));
    try {
      const file = join(folder, safeName(name));
      await pipeline(bytes, bounded, createWriteStream(file, { mode: 0o600 }));
      // A token of its own: whoever sees that window may not touch this engine.
      const window = await SharedWindow.open(file, { host: '127.0.0.1', port: 0 }, null);
      this.#opened.push({ folder, window });
      if (this.#isClosed) await this.close();
      else if (this.#opened.length > WINDOWS_MAX) await this.#closeOldest();
      return window.url;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      if (error instanceof ShareFileError) throw new ApiProblem(422, 'not-shared', error.message);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#opened.length > 0) await this.#closeOldest();
  }

  async #closeOldest(): Promise<void> {
    const oldest = this.#opened.shift();
    await oldest?.window.close();
    if (oldest) rmSync(oldest.folder, { recursive: true, force: true });
  }
}

/** Shown in the window, and a name in our own folder: never a path. */
function safeName(name: string): string {
  const safe = basename(name.replaceAll('\\', '/'))
    .replace(/[^\p{L}\p{N} ._-]/gu, '_')
    .replace(/^\.+/, '')
    .slice(0, 100);
  return safe === '' ? `file${FILE_ENDING}` : safe;
}

async function* bounded(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > FILE_BYTES_MAX)
      throw new ApiProblem(
        413,
        'too-large',
        `the file has more than ${FILE_BYTES_MAX} bytes, expected at most that`,
      );
    yield chunk;
  }
}
