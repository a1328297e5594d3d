/**
 * The suppression list as the window shows it, newest first and loaded on the way down, and what
 * can be done with it. Mode and switches come with the engine's status; the list is read anew
 * whenever its version there has changed, whoever changed it.
 */
import type {
  SuppressionAdd,
  SuppressionAutoAdd,
  SuppressionEntryRow,
  SuppressionImported,
  SuppressionLua,
  SuppressionMode,
  SuppressionPage,
  SuppressionRemove,
  SuppressionStatus,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { counted } from '../format/size.ts';
import type { Toasts } from './toasts.svelte.ts';

const PAGE_ENTRIES = 500;
const ANSWER_ENTRIES_MAX = 1000;
const MARGIN_ENTRIES = 100;

export class SuppressionState {
  readonly #api: Api;
  readonly #toasts: Toasts;
  #entries = $state.raw<readonly SuppressionEntryRow[]>([]);
  #matching = $state(0);
  #text = $state('');
  #isReady = $state(false);
  #isAdding = $state(false);
  #error = $state<string | null>(null);
  #status = $state.raw<SuppressionStatus | null>(null);
  #next: string | null = null;
  #turn = 0;
  #isFilling = false;

  constructor(api: Api, toasts: Toasts) {
    this.#api = api;
    this.#toasts = toasts;
  }

  get entries(): readonly SuppressionEntryRow[] {
    return this.#entries;
  }
  /** Entries that match the filter, also those not in memory yet. */
  get matching(): number {
    return this.#matching;
  }
  get filter(): string {
    return this.#text;
  }
  get isReady(): boolean {
    return this.#isReady;
  }
  get error(): string | null {
    return this.#error ?? this.#status?.problem ?? null;
  }
  get status(): SuppressionStatus | null {
    return this.#status;
  }
  get mode(): SuppressionMode {
    return this.#status?.mode ?? 'off';
  }
  /** The form for an entry is open. */
  get isAdding(): boolean {
    return this.#isAdding;
  }

  takeStatus(status: SuppressionStatus | undefined): void {
    if (status === undefined) return;
    const isNews = status.version !== this.#status?.version;
    this.#status = status;
    if (isNews && this.#isReady) void this.load();
  }

  /** Reads again what was read so far, in place. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    const wanted = Math.min(ANSWER_ENTRIES_MAX, Math.max(PAGE_ENTRIES, this.#entries.length));
    const page = await this.#ask(null, wanted);
    if (!page || turn !== this.#turn) return;
    this.#entries = page.entries;
    this.#matching = page.matching;
    this.#next = page.next;
    this.#isReady = true;
  }

  setFilter(text: string): void {
    this.#text = text;
    void this.load();
  }

  openForm(isOpen: boolean): void {
    this.#isAdding = isOpen;
  }

  /** The view reports what it shows. */
  want(_first: number, last: number): void {
    if (last + MARGIN_ENTRIES >= this.#entries.length) void this.#older();
  }

  async setMode(mode: SuppressionMode): Promise<void> {
    this.takeStatus(await this.#api.changeSuppression({ mode }));
  }

  async setAutoAdd(autoAdd: Partial<SuppressionAutoAdd>): Promise<void> {
    this.takeStatus(await this.#api.changeSuppression({ autoAdd }));
  }

  async add(request: SuppressionAdd): Promise<void> {
    const { added, existing } = await this.#api.addSuppression(request);
    await this.load();
    const [first] = request.entries;
    const what = added === 1 && first ? first.recipient : counted(added, 'recipient');
    this.#toasts.say(
      added === 0
        ? `${counted(existing, 'recipient')} listed already`
        : `Suppressed ${what}${existing > 0 ? `, ${existing} listed already` : ''}`,
      added === 0 ? null : () => this.#later(this.remove({ keys: request.entries.map(keyOf) })),
    );
  }

  async remove(request: SuppressionRemove): Promise<void> {
    const { removed, undo } = await this.#api.removeSuppression(request);
    await this.load();
    if (removed === 0) return this.#toasts.say('Not on the list');
    this.#toasts.say(`Removed ${counted(removed, 'entry', 'entries')}`, () =>
      this.#later(this.#api.undoSuppression({ undo }).then(() => this.load())),
    );
  }

  async importFile(file: File): Promise<SuppressionImported> {
    const format = file.name.toLowerCase().endsWith('.json') ? 'json' : 'csv';
    const imported = await this.#api.importSuppression({
      format,
      text: await file.text(),
      label: file.name,
    });
    await this.load();
    return imported;
  }

  exportAs(format: 'csv' | 'json'): Promise<Blob> {
    return this.#api.exportSuppression({ format, q: this.#text });
  }

  lua(mode: Exclude<SuppressionMode, 'off'>): Promise<SuppressionLua> {
    return this.#api.suppressionLua({ mode });
  }

  async #older(): Promise<void> {
    if (this.#isFilling || this.#next === null) return;
    this.#isFilling = true;
    const turn = this.#turn;
    const page = await this.#ask(this.#next, PAGE_ENTRIES);
    this.#isFilling = false;
    if (!page || turn !== this.#turn) return;
    this.#entries = [...this.#entries, ...page.entries];
    this.#next = page.next;
  }

  async #ask(cursor: string | null, limit: number): Promise<SuppressionPage | null> {
    try {
      const page = await this.#api.suppression({ cursor, limit, q: this.#text });
      this.#error = null;
      return page;
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
      return null;
    }
  }

  #later(work: Promise<unknown>): void {
    work.catch((cause: unknown) => this.#toasts.fail(cause));
  }
}

function keyOf(entry: SuppressionAdd['entries'][number]): {
  recipient: string;
  sendingDomain: string;
} {
  return { recipient: entry.recipient, sendingDomain: entry.sendingDomain ?? '' };
}
