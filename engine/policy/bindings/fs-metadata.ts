/** What a policy may know of a file: kind, size, mode, owner and times. Source: reference §3.17. */
import { lstatSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { Time } from './time-values.ts';

const WRITE_BITS = 0o222;

export class FileMetadata extends HostObject {
  readonly luaTypeName = 'Metadata';
  readonly stats: Stats;

  constructor(stats: Stats) {
    super();
    this.stats = stats;
  }

  static of(deps: BindingDeps, path: string, links: 'follow' | 'link'): FileMetadata {
    try {
      const realPath = deps.mapPath(path, 'read');
      return new FileMetadata(links === 'follow' ? statSync(realPath) : lstatSync(realPath));
    } catch (error) {
      throw new Error(`reading metadata of ${path}: ${errnoText(error)}`, { cause: error });
    }
  }
}

export const METADATA_TYPE: UserdataType<FileMetadata> = {
  name: 'Metadata',
  class: FileMetadata,
  fields: {
    is_file: ({ stats }) => stats.isFile(),
    is_dir: ({ stats }) => stats.isDirectory(),
    is_symlink: ({ stats }) => stats.isSymbolicLink(),
    len: ({ stats }) => stats.size,
    size: ({ stats }) => stats.size,
    readonly: ({ stats }) => (stats.mode & WRITE_BITS) === 0,
    mode: ({ stats }) => stats.mode,
    uid: ({ stats }) => stats.uid,
    gid: ({ stats }) => stats.gid,
    dev: ({ stats }) => stats.dev,
    ino: ({ stats }) => stats.ino,
    nlink: ({ stats }) => stats.nlink,
    mtime: ({ stats }) => Time.ofMs(stats.mtimeMs),
    atime: ({ stats }) => Time.ofMs(stats.atimeMs),
    ctime: ({ stats }) => Time.ofMs(stats.ctimeMs),
    created: ({ stats }) => Time.ofMs(stats.birthtimeMs),
    modified: ({ stats }) => Time.ofMs(stats.mtimeMs),
    accessed: ({ stats }) => Time.ofMs(stats.atimeMs),
  },
};
