/**
 * The policy's files as they are edited in the window: what is on disk, what is written here, whether
 * the policy runs with it, and saving. A file that was changed here keeps its text when the file
 * on disk changes; the engine refuses to save over that.
 */
import type { PolicyCheck, PolicyFileList } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

/** The policy is checked when nothing was typed for this long. */
const CHECK_WAIT_MS = 300;

interface OpenFile {
  readonly path: string;
  /** As it is on disk, as far as this window knows. */
  readonly saved: string;
  readonly version: string;
  readonly text: string;
  /** Counts texts that did not come from the editor. */
  readonly turn: number;
}

type Problem = NonNullable<PolicyCheck['error']>;
/** A line to show: `turn` tells one asking from the next. */
interface Reveal {
  readonly path: string;
  readonly line: number;
  readonly turn: number;
}

export class PolicyFiles {
  readonly #api: Api;
  readonly #onchecked: (isRunning: boolean) => void;
  #list = $state.raw<PolicyFileList['files']>([]);
  #opened = $state.raw<readonly OpenFile[]>([]);
  #active = $state<string | null>(null);
  #problem = $state.raw<Problem | null>(null);
  #handlers = $state.raw<readonly string[] | null>(null);
  #reveal = $state.raw<Reveal | null>(null);
  #isSaving = $state(false);
  #failure = $state<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #turn = 0;

  /** @param onchecked told after an edit, with whether the policy runs with it */
  constructor(api: Api, onchecked: (isRunning: boolean) => void) {
    this.#api = api;
    this.#onchecked = onchecked;
  }

  get list(): PolicyFileList['files'] {
    return this.#list;
  }
  get opened(): readonly OpenFile[] {
    return this.#opened;
  }
  get isSaving(): boolean {
    return this.#isSaving;
  }
  /** What keeps the policy, as it is edited, from running. */
  get problem(): Problem | null {
    return this.#problem;
  }
  /** Events and constructors of the policy as it is edited; null while it was never checked. */
  get handlers(): readonly string[] | null {
    return this.#handlers;
  }
  get reveal(): Reveal | null {
    return this.#reveal;
  }
  /** Why the files could not be had. */
  get failure(): string | null {
    return this.#failure;
  }

  active = $derived(this.#opened.find(({ path }) => path === this.#active) ?? null);
  edited = $derived(this.#opened.filter(isEdited));

  /** Texts of the edited files by path; undefined when there are none. */
  get editedTexts(): Readonly<Record<string, string>> | undefined {
    if (this.edited.length === 0) return undefined;
    return Object.fromEntries(this.edited.map(({ path, text }) => [path, text]));
  }

  /** @param main the file to begin with */
  async load(main: string): Promise<void> {
    try {
      this.#list = (await this.#api.policyFiles()).files;
      this.#failure = null;
      if (this.#opened.length > 0) return await this.#refresh();
      const first = this.#list.find(({ path }) => path === main) ?? this.#list[0];
      if (first) await this.open(first.path);
      await this.check();
    } catch (cause) {
      this.#failure = cause instanceof Error ? cause.message : String(cause);
    }
  }

  /** @param line is shown and gets the cursor */
  async open(path: string, line: number | null = null): Promise<void> {
    if (!this.#opened.some((file) => file.path === path)) {
      const { text, version } = await this.#api.policyFile({ path });
      this.#opened = [...this.#opened, { path, version, saved: text, text, turn: 0 }];
    }
    this.#active = path;
    if (line !== null) this.#reveal = { path, line, turn: (this.#reveal?.turn ?? 0) + 1 };
  }

  /** Takes an unchanged file out of the row of tabs. */
  close(path: string): void {
    const index = this.#opened.findIndex((file) => file.path === path);
    const file = this.#opened[index];
    if (!file || isEdited(file)) return;
    this.#opened = this.#opened.filter((other) => other !== file);
    if (this.#active !== path) return;
    this.#active = (this.#opened[index] ?? this.#opened.at(-1))?.path ?? null;
  }

  /** What was typed. */
  edit(path: string, text: string): void {
    this.#put(path, { text });
    this.#checkSoon();
  }

  /** Another text than the one in the editor. */
  replace(path: string, text: string): void {
    const turn = (this.#opened.find((file) => file.path === path)?.turn ?? 0) + 1;
    this.#put(path, { text, turn });
    this.#checkSoon();
  }

  /** Back to what is on disk now. @returns the text that was thrown away */
  discard(path: string): string | null {
    const file = this.#opened.find((other) => other.path === path);
    if (!file || !isEdited(file)) return null;
    this.replace(path, file.saved);
    this.#follow(path).catch(() => undefined);
    return file.text;
  }

  /** @returns null when it was written; else what is wrong with it */
  async save(path: string): Promise<Problem | null> {
    const file = this.#opened.find((other) => other.path === path);
    if (!file) return null;
    this.#isSaving = true;
    try {
      const { text, version } = file;
      const saved = await this.#api.savePolicy({ path, text, version });
      if (!saved.ok) {
        this.#problem = saved.error;
        return saved.error;
      }
      this.#put(path, { saved: text, version: saved.version ?? version });
      this.#problem = null;
      return null;
    } finally {
      this.#isSaving = false;
    }
  }

  async check(): Promise<void> {
    const file = this.active;
    if (!file) return;
    const turn = ++this.#turn;
    const files = this.editedTexts;
    const check = await this.#api.checkPolicy({
      path: file.path,
      text: file.text,
      runs: true,
      ...(files && { files }),
    });
    if (turn !== this.#turn) return;
    this.#problem = check.error;
    if (check.ok) this.#handlers = check.handlers;
  }

  #checkSoon(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.check()
        .then(() => this.#onchecked(this.#problem === null))
        .catch(() => undefined);
    }, CHECK_WAIT_MS);
  }

  async #refresh(): Promise<void> {
    for (const { path } of this.#opened) await this.#follow(path);
    await this.check();
  }

  /** An unchanged file follows the disk. */
  async #follow(path: string): Promise<void> {
    const { text, version } = await this.#api.policyFile({ path });
    const file = this.#opened.find((other) => other.path === path);
    if (!file || file.version === version || isEdited(file)) return;
    this.#put(path, { saved: text, version, text, turn: file.turn + 1 });
  }

  #put(path: string, change: Partial<OpenFile>): void {
    this.#opened = this.#opened.map((file) => (file.path === path ? { ...file, ...change } : file));
  }
}

export function isEdited(file: OpenFile): boolean {
  return file.text !== file.saved;
}
