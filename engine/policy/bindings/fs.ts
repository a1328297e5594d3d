/**
 * `kumo.fs.*` (and `kumo.read_dir`, `kumo.glob`, `kumo.uncached_glob`): buffered files, folders,
 * globs and file metadata. Every path goes through `mapPath` first.
 *
 * Source: reference `lua-api.md` §3.17.
 */
import { globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { ASYNC_FILE_TYPE, AsyncFile } from './fs-file.ts';
import { FileMetadata, METADATA_TYPE } from './fs-metadata.ts';
import { durationNs } from './time.ts';

const GLOB_TTL_NS = 60_000_000_000n;
const GLOBS_MAX = 128;

export function fsBindings(deps: BindingDeps): Bindings {
  const globs = new Map<string, { readonly until: number; readonly paths: readonly string[] }>();
  const shared: Record<string, HostFunction> = {
    read_dir: {
      effect: 'read',
      signature: 'read_dir(path) -> list',
      doc: 'The paths of a folder, sorted.',
      run: (call) => listFolder(deps, call.string(1)),
    },
    glob: {
      effect: 'read',
      signature: 'glob(pattern, folder?, ttl?) -> list',
      doc: 'The paths that match a pattern, remembered for a minute.',
      run: (call) => cachedGlob(deps, globs, call),
    },
    uncached_glob: {
      effect: 'read',
      signature: 'uncached_glob(pattern, folder?) -> list',
      doc: 'The paths that match a pattern at this moment.',
      run: (call) => matching(deps, call.string(1), call.optString(2)),
    },
  };
  const functions: Record<string, HostFunction> = {
    ...shared,
    open: {
      effect: 'write',
      signature: "open(path, mode = 'r') -> file",
      doc: 'Opens a file; w keeps its content, w+ empties it, r+ creates it.',
      run: (call) => AsyncFile.open(deps, call.string(1), call.optString(2) ?? 'r'),
    },
    metadata_for_path: {
      effect: 'read',
      signature: 'metadata_for_path(path) -> metadata',
      doc: 'What is known of a file, symbolic links followed.',
      run: (call) => FileMetadata.of(deps, call.string(1), 'follow'),
    },
    symlink_metadata_for_path: {
      effect: 'read',
      signature: 'symlink_metadata_for_path(path) -> metadata',
      doc: 'What is known of a file or of the symbolic link itself.',
      run: (call) => FileMetadata.of(deps, call.string(1), 'link'),
    },
  };
  return {
    modules: [
      { path: ['kumo', 'fs'], functions },
      { path: ['kumo'], functions: shared },
    ],
    types: [ASYNC_FILE_TYPE, METADATA_TYPE],
  };
}

function listFolder(deps: BindingDeps, path: string): string[] {
  try {
    return readdirSync(deps.mapPath(path, 'read'))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new Error(`reading directory ${path}: ${errnoText(error)}`, { cause: error });
  }
}

function cachedGlob(
  deps: BindingDeps,
  globs: Map<string, { readonly until: number; readonly paths: readonly string[] }>,
  call: HostCall,
): readonly string[] {
  const [pattern, folder] = [call.string(1), call.optString(2)];
  const ttlMs = Number(call.isNil(3) ? GLOB_TTL_NS : durationNs(call.value(3))) / 1e6;
  const key = JSON.stringify([pattern, folder]);
  const now = deps.mailClock.now();
  const known = globs.get(key);
  if (known && known.until > now) return known.paths;
  const paths = matching(deps, pattern, folder);
  globs.delete(key);
  globs.set(key, { until: now + ttlMs, paths });
  if (globs.size > GLOBS_MAX) globs.delete(globs.keys().next().value ?? '');
  return paths;
}

/** Paths as the policy would write them: relative to `folder`, or as the pattern began. */
function matching(deps: BindingDeps, pattern: string, folder?: string): string[] {
  if (folder !== undefined) {
    return globSync(pattern, { cwd: deps.mapPath(folder, 'read') }).sort();
  }
  // The part before the first wildcard is a folder that may be mapped elsewhere.
  const fixed = /^[^*?[{]*\//.exec(pattern)?.[0] ?? '';
  const cwd = deps.mapPath(fixed === '' ? '.' : fixed, 'read');
  return globSync(pattern.slice(fixed.length), { cwd })
    .sort()
    .map((path) => `${fixed}${path}`);
}
