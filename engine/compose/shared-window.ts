/**
 * A shared file with its window: no engine, no listener but the window's, nothing written.
 *
 * States: open (from `open` on), closed (`close`; final).
 */
import { join, resolve } from 'node:path';
import { LiveStream } from '../api/live.ts';
import type { EngineStatus } from '../api/protocol.ts';
import { startApiServer } from '../api/server.ts';
import type { ApiServer } from '../api/server.ts';
import { sharedDoors, sharedStatus } from '../api/shared-doors.ts';
import { Token } from '../api/token.ts';
import { SystemClock } from '../base/clock.ts';
import { SystemRandom } from '../base/random.ts';
import { Diagnostics } from '../log/diagnostics.ts';
import { ShareFile } from '../share/open-share.ts';
import { VERSION } from './engine-core.ts';

const RENDERER = join(import.meta.dirname, '../../dist/renderer');

export class SharedWindow {
  readonly #file: ShareFile;
  readonly #live: LiveStream;
  readonly #server: ApiServer;
  readonly #token: Token;

  private constructor(file: ShareFile, live: LiveStream, server: ApiServer, token: Token) {
    this.#file = file;
    this.#live = live;
    this.#server = server;
    this.#token = token;
  }

  /**
   * @param listen loopback; port 0 takes a free one
   * @param given token; null makes one
   * @throws {ShareFileError} the file cannot be opened
   */
  static async open(
    path: string,
    listen: { host: string; port: number },
    given: string | null,
  ): Promise<SharedWindow> {
    const file = await ShareFile.open(path, `Postyard ${VERSION}`);
    const clock = new SystemClock();
    const token = new Token(clock, new SystemRandom(), given ?? undefined);
    const diagnostics = new Diagnostics(clock, 'warn');
    const status = (): EngineStatus => sharedStatus(file, resolve(path), { version: VERSION });
    const live = new LiveStream(token, clock, {
      status,
      total: () => ({ value: file.manifest.rows.length, isExact: true }),
      queues: () => ({ scheduled: [], ready: [], nowMs: file.manifest.clockMs }),
      watchMaildir: () => {},
    });
    const doors = sharedDoors({
      file,
      path: resolve(path),
      base: {
        ...{ version: VERSION, token, live },
        diagnostic: (level, text) => diagnostics.write(level, text),
      },
    });
    try {
      const server = await startApiServer(doors, listen, RENDERER);
      return new SharedWindow(file, live, server, token);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** `ip:port` */
  get address(): string {
    return this.#server.address;
  }

  get url(): string {
    return `${this.#server.url}/#token=${this.#token.text}`;
  }

  /** What a person reads after the start. */
  greeting(): string {
    const { manifest, name } = this.#file;
    return [
      `${name} · ${manifest.rows.length} messages of ${manifest.workspace}, exported ${manifest.exportedAt} by ${manifest.writtenBy}`,
      `  Window  ${this.url}   (read only)`,
    ].join('\n');
  }

  async close(): Promise<void> {
    this.#live.close();
    await this.#server.close();
    this.#file.close();
  }
}
