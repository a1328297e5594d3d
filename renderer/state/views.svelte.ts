/** Saved views: filters with a name, in the side bar, each with the number of rows it holds. */
import type { Count } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import type { Preferences, SavedView } from './preferences.svelte.ts';

const COUNT_WAIT_MS = 1500;

export class Views {
  readonly #api: Api;
  readonly #preferences: Preferences;
  #counts = $state.raw<Readonly<Record<string, Count>>>({});
  /** The filter that is being given a name. */
  #naming = $state<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api, preferences: Preferences) {
    this.#api = api;
    this.#preferences = preferences;
  }

  get list(): readonly SavedView[] {
    return this.#preferences.chosen.views;
  }
  get naming(): string | null {
    return this.#naming;
  }

  countOf(filter: string): Count | null {
    return this.#counts[filter] ?? null;
  }

  askName(filter: string): void {
    this.#naming = filter;
  }

  stopNaming(): void {
    this.#naming = null;
  }

  save(name: string): void {
    const filter = this.#naming;
    this.#naming = null;
    if (filter === null || name.trim() === '') return;
    const others = this.list.filter((view) => view.filter !== filter);
    this.#preferences.change({ views: [...others, { name: name.trim(), filter }] });
    void this.count();
  }

  remove(view: SavedView): void {
    this.#preferences.change({ views: this.list.filter((other) => other !== view) });
  }

  restore(views: readonly SavedView[]): void {
    this.#preferences.change({ views });
  }

  /** Something changed: the counts are asked for again, once for a burst. */
  countSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.count();
    }, COUNT_WAIT_MS);
  }

  async count(): Promise<void> {
    const found = await Promise.all(
      this.list.map(async ({ filter }) => {
        const page = await this.#api.rows({ filter, limit: 1 }).catch(() => null);
        return [filter, page?.total ?? null] as const;
      }),
    );
    const counts: Record<string, Count> = {};
    for (const [filter, total] of found) if (total) counts[filter] = total;
    this.#counts = counts;
  }
}
