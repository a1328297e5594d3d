/**
 * How an unmodified production policy finds its files here (ordinary mode). Each remap that was
 * used is remembered, so that `doctor` and the Journey can show it.
 *
 * | the policy says | here |
 * | --- | --- |
 * | absolute spool or log path | below `.postyard/root/` |
 * | read below `/opt/kumomta/etc/policy` | the policy folder |
 * | read below `/opt/kumomta` | the workspace |
 * | relative path | below the workspace |
 * | relative `maildir_path` | below the workspace |
 * | absolute `maildir_path` | below `mail/`, unless its root was allowed |
 */
import { isAbsolute, join, normalize, relative, resolve, sep } from 'node:path';
import type { WorkspaceLayout } from './layout.ts';

export interface Remap {
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

const POLICY_PREFIX = '/opt/kumomta/etc/policy';
const KUMOMTA_PREFIX = '/opt/kumomta';
const REMAPS_KEPT_MAX = 200;

export class PathRemaps {
  readonly #layout: WorkspaceLayout;
  #allowedRoots: readonly string[] = [];
  readonly #seen = new Map<string, Remap>();

  constructor(layout: WorkspaceLayout, allowedRoots: readonly string[] = []) {
    this.#layout = layout;
    this.allow(allowedRoots);
  }

  /** Replaces the folders outside the workspace that may be used. */
  allow(roots: readonly string[]): void {
    this.#allowedRoots = roots.map((root) => resolve(this.#layout.root, root));
  }

  /** What was remapped so far, in order of first use. */
  list(): readonly Remap[] {
    return [...this.#seen.values()];
  }

  note(what: string, from: string, to: string): void {
    if (from === to || this.#seen.size >= REMAPS_KEPT_MAX) return;
    this.#seen.set(`${what} ${from}`, { what, from, to });
  }

  /** Spool, log and accounting paths. */
  state(path: string): string {
    const to = isAbsolute(path)
      ? join(this.#layout.remapRoot, normalize(path))
      : join(this.#layout.root, confine(path));
    if (this.#isAllowed(path)) return path;
    this.note('spool and log path', path, to);
    return to;
  }

  /**
   * A file the policy itself opens.
   *
   * @throws {Error} the path is outside the workspace and not allowed
   */
  file(path: string): string {
    if (path === POLICY_PREFIX || path.startsWith(`${POLICY_PREFIX}/`)) {
      return this.#noted(
        'file',
        path,
        join(this.#layout.policyFolder, confine(path.slice(POLICY_PREFIX.length))),
      );
    }
    if (path.startsWith(`${KUMOMTA_PREFIX}/`)) {
      return this.#noted(
        'file',
        path,
        join(this.#layout.root, confine(path.slice(KUMOMTA_PREFIX.length))),
      );
    }
    const absolute = resolve(this.#layout.root, path);
    if (isInside(this.#layout.root, absolute) || this.#isAllowed(absolute)) return absolute;
    throw new Error(
      `${path}: Permission denied (Postyard keeps a policy's files inside ${this.#layout.root}; allow another folder with "allowFolders" in postyard.json)`,
    );
  }

  /** A rendered `maildir_path`. Parts of it may come from mail, so `..` is spelled out, not followed. */
  maildir(path: string): string {
    if (isAbsolute(path) && this.#isAllowed(path)) return normalize(path);
    const below = isAbsolute(path) ? this.#layout.mailFolder : this.#layout.root;
    const to = join(below, confine(path));
    if (isAbsolute(path)) this.note('maildir_path', staticPrefix(path), staticPrefix(to));
    return to;
  }

  #noted(what: string, from: string, to: string): string {
    this.note(what, from, to);
    return to;
  }

  #isAllowed(path: string): boolean {
    return isAbsolute(path) && this.#allowedRoots.some((root) => isInside(root, normalize(path)));
  }
}

/** A relative path in which no segment climbs: `..` and `.` become `%2E%2E` and `%2E`. */
function confine(path: string): string {
  return path
    .split(/[/\\]+/)
    .filter((segment) => segment !== '')
    .map((segment) => (/^\.{1,2}$/.test(segment) ? segment.replaceAll('.', '%2E') : segment))
    .join(sep);
}

function isInside(folder: string, path: string): boolean {
  const from = relative(folder, path);
  return from === '' || (!from.startsWith(`..${sep}`) && from !== '..' && !isAbsolute(from));
}

/** Two levels suffice to show what was remapped without one line per user. */
function staticPrefix(path: string): string {
  return path.split('/').slice(0, 4).join('/');
}
