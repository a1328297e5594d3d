/**
 * The maildir tree, and the one maildir that is open: what is on disk, with its flags. The engine
 * watches the opened one and says when it changed; the tree is asked again when mail was delivered.
 */
import type { MaildirFolder, MaildirListing, MaildirMessage } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

const TREE_WAIT_MS = 1500;
/** Between two trees, how many times as long as the last one took. */
const TREE_REST = 20;
const LISTING_WAIT_MS = 120;
const LISTING_STEP = 1000;
const CHILDREN_STEP = 1000;
const OPEN_MAX = 200;

export type Flag = 'S' | 'F' | 'T';

export class Maildirs {
  readonly #api: Api;
  readonly #open: () => readonly string[];
  #folders = $state.raw<readonly MaildirFolder[]>([]);
  #isReady = $state(false);
  #opened = $state<string | null>(null);
  #listing = $state.raw<MaildirListing | null>(null);
  #error = $state<string | null>(null);
  #filter = $state('');
  #limit = LISTING_STEP;
  #childrenMax = CHILDREN_STEP;
  #treeWaitMs = TREE_WAIT_MS;
  #treeTimer: ReturnType<typeof setTimeout> | null = null;
  #listingTimer: ReturnType<typeof setTimeout> | null = null;

  /** @param open the folders that are open in the tree, latest last */
  constructor(api: Api, open: () => readonly string[]) {
    this.#api = api;
    this.#open = open;
  }

  get folders(): readonly MaildirFolder[] {
    return this.#folders;
  }
  get isReady(): boolean {
    return this.#isReady;
  }
  get opened(): string | null {
    return this.#opened;
  }
  get more(): number {
    return this.#listing?.more ?? 0;
  }
  get isListed(): boolean {
    return this.#listing !== null;
  }
  get error(): string | null {
    return this.#error;
  }
  get filter(): string {
    return this.#filter;
  }

  messages = $derived.by((): readonly MaildirMessage[] => {
    const all = this.#listing?.messages ?? [];
    const text = this.#filter.trim().toLowerCase();
    if (text === '') return all;
    return all.filter(({ from, to, subject }) =>
      `${from} ${to} ${subject}`.toLowerCase().includes(text),
    );
  });

  setFilter(filter: string): void {
    this.#filter = filter;
  }

  async loadTree(): Promise<void> {
    const began = performance.now();
    try {
      const open = this.#open().slice(-OPEN_MAX);
      this.#folders = (await this.#api.maildirs(open, this.#childrenMax)).folders;
      this.#isReady = true;
      // A tree of a hundred thousand takes long: it is asked for the less often.
      this.#treeWaitMs = Math.max(TREE_WAIT_MS, (performance.now() - began) * TREE_REST);
    } catch {
      // The tree is an aid; the connection's own banner says when the engine is gone.
    }
  }

  /** More of the folders that are too long to be shown at once. */
  showMoreFolders(): void {
    this.#childrenMax += CHILDREN_STEP;
    void this.loadTree();
  }

  /** Mail was delivered somewhere: the counts are asked for again, once. */
  treeChanged(): void {
    this.#treeTimer ??= setTimeout(() => {
      this.#treeTimer = null;
      void this.loadTree();
    }, this.#treeWaitMs);
  }

  open(path: string): void {
    if (path !== this.#opened) this.#listing = null;
    this.#opened = path;
    this.#filter = '';
    this.#limit = LISTING_STEP;
    void this.#list();
  }

  close(): void {
    this.#opened = null;
    this.#listing = null;
  }

  changed(path: string): void {
    this.treeChanged();
    if (path !== this.#opened) return;
    this.#listingTimer ??= setTimeout(() => {
      this.#listingTimer = null;
      void this.#list();
    }, LISTING_WAIT_MS);
  }

  showMore(): void {
    this.#limit += LISTING_STEP;
    void this.#list();
  }

  /** Flags change on screen at once and on disk a moment later. */
  async setFlag(uniques: readonly string[], flag: Flag, set: 'add' | 'remove'): Promise<void> {
    const path = this.#opened;
    if (path === null || this.#listing === null) return;
    const chosen = new Set(uniques);
    this.#listing = {
      ...this.#listing,
      messages: this.#listing.messages.map((message) =>
        chosen.has(message.unique)
          ? { ...message, flags: withFlag(message.flags, flag, set), folder: 'cur' }
          : message,
      ),
    };
    await this.#api.maildirFlags({
      path,
      uniques,
      add: set === 'add' ? flag : '',
      remove: set === 'remove' ? flag : '',
    });
    this.changed(path);
  }

  async #list(): Promise<void> {
    const path = this.#opened;
    if (path === null) return;
    try {
      const listing = await this.#api.maildir({ path, limit: this.#limit });
      if (path !== this.#opened) return;
      this.#listing = listing;
      this.#error = null;
    } catch (cause) {
      if (path === this.#opened)
        this.#error = cause instanceof Error ? cause.message : String(cause);
    }
  }
}

function withFlag(flags: string, flag: Flag, set: 'add' | 'remove'): string {
  const kept = [...flags].filter((other) => other !== flag);
  return (set === 'add' ? [...kept, flag] : kept).sort().join('');
}
