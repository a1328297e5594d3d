/**
 * The files of one generation of the policy: the policy file, and every module its contexts have
 * loaded so far. Contexts of one generation see the same text, however the files change meanwhile;
 * a reload makes a new generation.
 *
 * `/opt/kumomta/share` stands for our extras, `/opt/kumomta/etc/policy` for the policy's folder.
 *
 * Source: reference `lua-api.md` §1, §16 no. 9–10.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { isUtf8 } from 'node:buffer';
import { PolicyError } from './events.ts';
import { systemError } from './bindings/library-arguments.ts';
import type { ChunkFiles } from './lua/chunk-loader.ts';

const SHARE = '/opt/kumomta/share/';
const POLICY = '/opt/kumomta/etc/policy/';

/** What goes in front of Lua's own `package.path`. */
export const PACKAGE_PATH_PREFIX = `${SHARE}?.lua;${SHARE}?/init.lua;${POLICY}?.lua;${POLICY}?/init.lua;`;

export interface SourceOptions {
  readonly mapPath: (path: string, mode: 'read' | 'write') => string;
  /** Folder that holds `policy-extras/`; null: the prefix is an ordinary folder. */
  readonly extrasDir: string | null;
  /** Texts that stand for files as they are saved, by absolute path (dry runs of edited policies). */
  readonly edited?: ReadonlyMap<string, string>;
}

export class PolicySource implements ChunkFiles {
  readonly file: string;
  readonly folder: string;
  readonly text: string;
  /** Events that some context of this generation registered a handler for. */
  readonly events = new Set<string>();
  readonly #modules = new Map<string, Uint8Array>();
  readonly #options: SourceOptions;

  private constructor(file: string, text: string, options: SourceOptions) {
    this.file = file;
    this.folder = dirname(resolve(file));
    this.text = text;
    this.#options = options;
  }

  /** @throws {PolicyError} the file cannot be read, or is not UTF-8 */
  static read(file: string, options: SourceOptions): PolicySource {
    const edited = options.edited?.get(resolve(file));
    if (edited !== undefined) return new PolicySource(file, edited, options);
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      const { text, errno } = systemError(error);
      throw new PolicyError(`reading policy file ${file}: ${text} (os error ${errno})`, {
        file,
        cause: error,
      });
    }
    if (!isUtf8(bytes)) {
      throw new PolicyError(`reading policy file ${file}: stream did not contain valid UTF-8`, {
        file,
      });
    }
    return new PolicySource(file, bytes.toString('utf8'), options);
  }

  find(path: string): string | undefined {
    const named = this.#rename(path);
    if (this.#modules.has(named) || this.#options.edited?.has(resolve(named))) return named;
    try {
      return statSync(this.#real(named)).isFile() ? named : undefined;
    } catch {
      return undefined;
    }
  }

  read(path: string): Uint8Array {
    const named = this.#rename(path);
    const known = this.#modules.get(named);
    if (known) return known;
    const edited = this.#options.edited?.get(resolve(named));
    if (edited !== undefined) return Buffer.from(edited, 'utf8');
    try {
      const bytes = readFileSync(this.#real(named));
      this.#modules.set(named, bytes);
      return bytes;
    } catch (error) {
      throw new Error(systemError(error).text, { cause: error });
    }
  }

  #rename(path: string): string {
    const { extrasDir } = this.#options;
    if (extrasDir !== null && path.startsWith(SHARE)) {
      return `${extrasDir}/${path.slice(SHARE.length)}`;
    }
    return path.startsWith(POLICY) ? `${this.folder}/${path.slice(POLICY.length)}` : path;
  }

  /** The policy's folder and the extras are always readable; everything else is asked for. */
  #real(path: string): string {
    const absolute = resolve(path);
    const isOwn = [this.folder, this.#options.extrasDir].some(
      (folder) => folder !== null && absolute.startsWith(resolve(folder) + sep),
    );
    return isOwn ? absolute : this.#options.mapPath(path, 'read');
  }
}
