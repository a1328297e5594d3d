/**
 * Maildirs as they are on disk: the tree, one maildir, flags. An opened maildir is watched; its
 * watcher only hints, the window then lists anew.
 */
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import { setFlags } from '../maildir/flags.ts';
import { MaildirTree, listMaildir } from '../maildir/reader.ts';
import type { MaildirTreeNode } from '../maildir/reader.ts';
import { headerString } from '../mail/header.ts';
import { decodeHeaderText } from '../mail/rfc2047.ts';
import type { Store } from '../store/store.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { MaildirTreeQuery, MaildirsDoor } from './doors.ts';
import type { MaildirFlagRequest, MaildirFolder, MaildirListing } from './protocol.ts';

/** Folders below closed ones that are looked at for their counts. */
const CLOSED_FOLDERS_MAX = 2_000;
/** A maildir into which mail keeps coming is told about at least this often. */
const SETTLE_MS = 150;

export class MaildirsView implements MaildirsDoor {
  readonly #layout: WorkspaceLayout;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onChange: (path: string) => void;
  readonly #tree: MaildirTree;
  readonly #watched = new Map<string, FileFollower>();

  /** @param onChange told the path, relative to the workspace, of an opened maildir that changed */
  constructor(
    layout: WorkspaceLayout,
    store: Store,
    clock: Clock,
    onChange: (path: string) => void,
  ) {
    this.#layout = layout;
    this.#store = store;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#tree = new MaildirTree(layout.mailFolder);
  }

  async tree(query: MaildirTreeQuery): Promise<{ folders: MaildirFolder[] }> {
    const root = relative(this.#layout.root, this.#layout.mailFolder).split(sep).join('/');
    const folder = (node: MaildirTreeNode): MaildirFolder => {
      const children = node.children.map(folder);
      return {
        ...node,
        path: `${root}/${node.path}`,
        children,
        isCounted:
          children.length === node.childCount && children.every(({ isCounted }) => isCounted),
        messageCount: children.reduce((sum, child) => sum + child.messageCount, node.messageCount),
        unreadCount: children.reduce((sum, child) => sum + child.unreadCount, node.unreadCount),
      };
    };
    const open = new Set(query.open.map((path) => path.slice(root.length + 1)));
    const bounds = { open, childrenMax: query.limit, closedMax: CLOSED_FOLDERS_MAX };
    return { folders: (await this.#tree.read(bounds)).map(folder) };
  }

  async messages(path: string, limit: number): Promise<MaildirListing> {
    const folder = this.#folderOf(path);
    const { entries, more } = await listMaildir(folder, { limit });
    const rows = await this.#store.read('maildirRows', {
      path,
      uniques: entries.map((entry) => entry.unique),
    });
    return {
      path,
      more,
      messages: entries.map((entry) => ({
        unique: entry.unique,
        file: entry.file,
        folder: entry.folder,
        flags: entry.flags,
        timeMs: entry.timeMs,
        sizeBytes: entry.sizeBytes,
        from: decoded(entry.from),
        to: decoded(entry.to),
        subject: decoded(entry.subject),
        rowSeq: rows[entry.unique] ?? null,
      })),
    };
  }

  async setFlags(request: MaildirFlagRequest): Promise<number> {
    const folder = this.#folderOf(request.path);
    let changed = 0;
    for (const unique of request.uniques) {
      try {
        await setFlags(folder, unique, { add: request.add, remove: request.remove });
        changed++;
      } catch (error) {
        // Another program took it away meanwhile: the window lists anew and sees that.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return changed;
  }

  /** A window opened this maildir, or the last one that had it open closed it. */
  watch(path: string, isOpen: boolean): void {
    const known = this.#watched.get(path);
    if (isOpen && known === undefined && this.#isInside(path)) {
      const folder = join(this.#layout.root, path);
      const hint = (): void => this.#onChange(path);
      const follower = new FileFollower({
        ...{ folders: [join(folder, 'new'), join(folder, 'cur')], clock: this.#clock },
        ...{ latestMs: SETTLE_MS, onHint: hint, onError: hint },
      });
      this.#watched.set(path, follower);
      void follower.start();
    } else if (!isOpen && known !== undefined) {
      this.#watched.delete(path);
      void known.close();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#watched.values()];
    this.#watched.clear();
    await Promise.all(all.map((follower) => follower.close()));
  }

  /** @throws {Error} the path is no maildir below `mail/` */
  #folderOf(path: string): string {
    const folder = join(this.#layout.root, path);
    if (!this.#isInside(path) || !existsSync(join(folder, 'cur'))) {
      throw new Error(`${path} is no maildir of this workspace, expected one below mail/`);
    }
    return folder;
  }

  #isInside(path: string): boolean {
    return join(this.#layout.root, path).startsWith(this.#layout.mailFolder + sep);
  }
}

function decoded(raw: string): string {
  return headerString(decodeHeaderText(Buffer.from(raw)));
}
