/**
 * The workspace's `zones/*.zone`: read at start, read again when a file is saved. A file that
 * cannot be read keeps its last good version and is listed in `problems`.
 *
 * `corp.test.zone` is the zone `corp.test` unless it says otherwise with `$ORIGIN`. The watcher's
 * events are hints: every one leads to a look at the whole folder.
 *
 * States: opening, open (looks again on events), closed.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import { parseZone } from './zone-file.ts';
import { ZoneSyntaxError } from './zone-lexer.ts';
import type { LoadedZone } from './zone-source.ts';

/** A zone file is written by hand; more than this is a mistake. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export interface ZoneProblem {
  /** Name inside the folder. */
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

interface KnownFile {
  readonly stamp: string;
  readonly zone: LoadedZone | null;
  readonly problem: ZoneProblem | null;
}

export class ZonesFolder {
  readonly #folder: string;
  readonly #files = new Map<string, KnownFile>();
  readonly #listeners = new Set<() => void>();
  #follower: FileFollower | null = null;
  #look: Promise<void> | null = null;
  #lookAgain = false;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Reads every file, then watches. A folder that does not exist yet is an empty one.
   *
   * @param clock null for commands that end before anybody could save a file: not watched then
   */
  static async open(folder: string, clock: Clock | null): Promise<ZonesFolder> {
    const zones = new ZonesFolder(folder);
    await zones.refresh();
    if (clock !== null) await zones.#follow(clock);
    return zones;
  }

  /** Good zones, in the order of their file names. */
  get zones(): readonly LoadedZone[] {
    return this.#inOrder().flatMap(([, file]) => (file.zone ? [file.zone] : []));
  }

  get problems(): readonly ZoneProblem[] {
    return this.#inOrder().flatMap(([, file]) => (file.problem ? [file.problem] : []));
  }

  /** Called after the zones or the problems changed. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the folder now; one look at a time, and one more when something happened meanwhile. */
  refresh(): Promise<void> {
    if (this.#look) {
      this.#lookAgain = true;
      return this.#look;
    }
    this.#look = this.#lookUntilQuiet().finally(() => {
      this.#look = null;
    });
    return this.#look;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#follower?.close();
    await this.#look;
  }

  #inOrder(): [string, KnownFile][] {
    return [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #follow(clock: Clock): Promise<void> {
    const look = (): Promise<void> => this.refresh();
    this.#follower = new FileFollower({
      ...{ folders: [this.#folder], clock },
      ...{ onHint: look, onError: () => void look() },
    });
    return this.#follower.start();
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#lookAgain = false;
      if (await this.#lookOnce()) for (const listener of this.#listeners) listener();
    } while (this.#lookAgain);
  }

  async #lookOnce(): Promise<boolean> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((n) => n.endsWith('.zone'));
    let isChanged = false;
    for (const name of this.#files.keys()) {
      if (!names.includes(name)) isChanged = this.#files.delete(name) || isChanged;
    }
    for (const name of names) isChanged = (await this.#readFile(name)) || isChanged;
    return isChanged;
  }

  async #readFile(name: string): Promise<boolean> {
    const path = join(this.#folder, name);
    const known = this.#files.get(name);
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (known?.stamp === stamp) return false;
      if (size > FILE_BYTES_MAX) {
        throw new Error(
          `Cannot read zone ${name}: it has ${size} bytes, expected at most ${FILE_BYTES_MAX}`,
        );
      }
      this.#files.set(name, { stamp, ...this.#parse(name, await readFile(path, 'utf8'), known) });
    } catch (thrown) {
      const problem = problemOf(name, thrown);
      if (known?.problem?.message === problem.message) return false;
      this.#files.set(name, { stamp: '', zone: known?.zone ?? null, problem });
    }
    return true;
  }

  #parse(name: string, text: string, known: KnownFile | undefined): Omit<KnownFile, 'stamp'> {
    try {
      const origin = basename(name, '.zone');
      const zone = parseZone(text, { origin, file: name });
      return { zone: { zone, isSecure: false, label: `zones/${name}` }, problem: null };
    } catch (thrown) {
      return { zone: known?.zone ?? null, problem: problemOf(name, thrown) };
    }
  }
}

function problemOf(file: string, thrown: unknown): ZoneProblem {
  const line = thrown instanceof ZoneSyntaxError ? thrown.line : null;
  return { file, line, message: toError(thrown).message };
}
