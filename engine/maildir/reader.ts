/**
 * Reading maildirs for the window: what is in one, newest first, and the tree of all of them with
 * counts. Reads are bounded: a summary looks at the beginning of a file only, and a tree that has
 * not changed is not read again (folders tell by their modification time).
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { parseName } from './flags.ts';
import type { MaildirFolderName } from './flags.ts';
import { MAILDIR_FOLDERS } from './maildir.ts';

export interface MaildirEntry {
  readonly unique: string;
  readonly file: string;
  readonly folder: MaildirFolderName;
  readonly flags: string;
  readonly timeMs: number;
  readonly sizeBytes: number;
  /** Header values as they are in the file, unfolded; empty when there is none. */
  readonly from: string;
  readonly to: string;
  readonly subject: string;
}

export interface MaildirListing {
  /** Newest first. */
  readonly entries: readonly MaildirEntry[];
  /** How many more there are. */
  readonly more: number;
}

export interface MaildirTreeNode {
  /** With `/`, relative to the root of the tree. */
  readonly path: string;
  readonly name: string;
  readonly isMaildir: boolean;
  readonly messageCount: number;
  readonly unreadCount: number;
  /** Folders directly below, whether they are in `children` or not. */
  readonly childCount: number;
  readonly children: readonly MaildirTreeNode[];
}

/** How much of a tree is read: a hundred thousand maildirs are too many to look at all of them. */
export interface TreeBounds {
  /** Folders whose children are wanted, as paths of the tree; the root's always are. */
  readonly open: ReadonlySet<string>;
  /** Children of one folder, the first ones by name. */
  readonly childrenMax: number;
  /** Folders below closed ones, in all: small trees are read whole. */
  readonly closedMax: number;
}

interface Walk {
  readonly bounds: TreeBounds | null;
  closedLeft: number;
}

const HEADER_BYTES_MAX = 16 * 1024;
const FOLDER_DEPTH_MAX = 12;

/** The messages of one maildir from the `skip`-th newest on, at most `limit` of them. */
export async function listMaildir(
  dir: string,
  options: { readonly skip?: number; readonly limit: number },
): Promise<MaildirListing> {
  const found = (await Promise.all((['new', 'cur'] as const).map((f) => namesIn(dir, f)))).flat();
  const timed = await Promise.all(
    found.map(async (at) => ({ ...at, timeMs: await timeOf(dir, at) })),
  );
  timed.sort((a, b) => b.timeMs - a.timeMs || (a.file < b.file ? 1 : -1));
  const skip = options.skip ?? 0;
  const page = timed.slice(skip, skip + options.limit);
  const entries = await Promise.all(page.map((at) => readEntry(dir, at)));
  return {
    entries: entries.filter((entry) => entry !== null),
    more: Math.max(0, timed.length - skip - page.length),
  };
}

/** The tree below a root; an unchanged maildir is counted once. */
export class MaildirTree {
  readonly #root: string;
  readonly #counts = new Map<string, { key: string; messageCount: number; unreadCount: number }>();

  constructor(root: string) {
    this.#root = root;
  }

  /** @param bounds absent: the whole tree */
  async read(bounds: TreeBounds | null = null): Promise<readonly MaildirTreeNode[]> {
    const walk = { bounds, closedLeft: bounds?.closedMax ?? 0 };
    return (await this.#below('', 0, walk)).children;
  }

  async #below(
    relative: string,
    depth: number,
    walk: Walk,
  ): Promise<Pick<MaildirTreeNode, 'children' | 'childCount'>> {
    if (depth >= FOLDER_DEPTH_MAX) return { children: [], childCount: 0 };
    const dir = path.join(this.#root, relative);
    const entries = await fs.readdir(dir, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((e) => e.isDirectory()).map((e) => e.name);
    const isMaildir = MAILDIR_FOLDERS.every((folder) => names.includes(folder));
    const below = names
      .filter((name) => !(isMaildir && (MAILDIR_FOLDERS as readonly string[]).includes(name)))
      .sort((a, b) => a.localeCompare(b));
    const children: MaildirTreeNode[] = [];
    for (const name of below.slice(0, readMax(walk, relative, below.length))) {
      const child = relative === '' ? name : `${relative}/${name}`;
      children.push(await this.#node(child, name, depth + 1, walk));
    }
    return { children, childCount: below.length };
  }

  async #node(relative: string, name: string, depth: number, walk: Walk): Promise<MaildirTreeNode> {
    const [below, counts] = await Promise.all([
      this.#below(relative, depth, walk),
      this.#count(relative),
    ]);
    return {
      path: relative,
      name,
      isMaildir: counts !== null,
      messageCount: counts?.messageCount ?? 0,
      unreadCount: counts?.unreadCount ?? 0,
      ...below,
    };
  }

  async #count(relative: string): Promise<{ messageCount: number; unreadCount: number } | null> {
    const dir = path.join(this.#root, relative);
    const stats = await Promise.all(
      MAILDIR_FOLDERS.map((f) => fs.stat(`${dir}/${f}`).catch(() => null)),
    );
    if (stats.some((stat) => !stat?.isDirectory())) return null;
    const key = stats.map((stat) => `${stat?.ino}:${stat?.mtimeMs}`).join(' ');
    const known = this.#counts.get(relative);
    if (known?.key === key) return known;
    const fresh = await namesIn(dir, 'new');
    const seen = await namesIn(dir, 'cur');
    const unreadInCur = seen.filter(({ file }) => !parseName(file).flags.includes('S')).length;
    const counted = {
      key,
      messageCount: fresh.length + seen.length,
      unreadCount: fresh.length + unreadInCur,
    };
    this.#counts.set(relative, counted);
    return counted;
  }
}

/** How many of a folder's children are looked at. */
function readMax(walk: Walk, relative: string, count: number): number {
  const { bounds } = walk;
  if (bounds === null) return count;
  if (relative === '' || bounds.open.has(relative)) return bounds.childrenMax;
  if (count > walk.closedLeft) return 0;
  walk.closedLeft -= count;
  return count;
}

interface FoundFile {
  readonly folder: MaildirFolderName;
  readonly file: string;
}

async function namesIn(dir: string, folder: MaildirFolderName): Promise<FoundFile[]> {
  const names = await fs.readdir(`${dir}/${folder}`).catch(() => []);
  return names.filter((name) => !name.startsWith('.')).map((file) => ({ folder, file }));
}

/** The seconds at the front of a unique name, else the file's own time. */
async function timeOf(dir: string, { folder, file }: FoundFile): Promise<number> {
  const seconds = /^(\d{9,11})\./.exec(file)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const stat = await fs.stat(`${dir}/${folder}/${file}`).catch(() => null);
  return stat?.mtimeMs ?? 0;
}

/** Null when the file went away while it was being listed. */
async function readEntry(
  dir: string,
  at: FoundFile & { readonly timeMs: number },
): Promise<MaildirEntry | null> {
  const handle = await fs.open(`${dir}/${at.folder}/${at.file}`).catch(() => null);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, HEADER_BYTES_MAX));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const headers = summaryHeaders(buffer.subarray(0, bytesRead));
    return { ...parseName(at.file), ...at, sizeBytes: size, ...headers };
  } finally {
    await handle.close();
  }
}

function summaryHeaders(bytes: Uint8Array): { from: string; to: string; subject: string } {
  const text = Buffer.from(bytes).toString('utf8');
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const fields = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  const value = (name: string): string =>
    fields
      .find((field) => field.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim() ?? '';
  return { from: value('from'), to: value('to'), subject: value('subject') };
}
