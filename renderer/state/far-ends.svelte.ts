/**
 * Far ends as the engine last told them, the chosen one with what it received, and the draft of one
 * that is being written. Asked for while the pane is in sight, and again when the engine says that
 * something changed.
 */
import type {
  FarEndForm,
  FarEndList,
  FarEndMail,
  FarEndMailDetail,
  FarEndRow,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { FarEndDraft, type DraftView } from './far-end-draft.svelte.ts';

const REFRESH_WAIT_MS = 300;
const MAILS_SHOWN = 200;

export type FarEndTab = 'received' | 'scenario';

export class FarEnds {
  readonly #api: Api;
  #list = $state.raw<FarEndList | null>(null);
  #chosen = $state<string | null>(null);
  #tab = $state<FarEndTab>('received');
  #mails = $state.raw<readonly FarEndMail[]>([]);
  #more = $state(0);
  #mail = $state.raw<FarEndMailDetail | null>(null);
  #form = $state.raw<FarEndForm | null>(null);
  #draft = $state.raw<FarEndDraft | null>(null);
  /** How drafts were looked at last. */
  #view: DraftView = 'form';
  #error = $state<string | null>(null);
  #isSeen = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  filter = $state('');

  constructor(api: Api) {
    this.#api = api;
  }

  get list(): FarEndList | null {
    return this.#list;
  }
  get rows(): readonly FarEndRow[] {
    return this.#list?.farEnds ?? [];
  }
  /** Those whose name or behaviour has the filter's text. */
  shown = $derived.by((): readonly FarEndRow[] => {
    const wanted = this.filter.trim().toLowerCase();
    return this.rows.filter(({ name, scenario }) =>
      `${name} ${scenario}`.toLowerCase().includes(wanted),
    );
  });
  get chosen(): FarEndRow | null {
    return this.rows.find(({ name }) => name === this.#chosen) ?? null;
  }
  get tab(): FarEndTab {
    return this.#tab;
  }
  get mails(): readonly FarEndMail[] {
    return this.#mails;
  }
  /** Older ones that are not shown. */
  get more(): number {
    return this.#more;
  }
  get mail(): FarEndMailDetail | null {
    return this.#mail;
  }
  get draft(): FarEndDraft | null {
    return this.#draft;
  }
  get error(): string | null {
    return this.#error;
  }
  get isOpen(): boolean {
    return this.#draft !== null || this.chosen !== null;
  }

  see(isSeen: boolean): void {
    this.#isSeen = isSeen;
    if (isSeen) void this.load();
  }

  /** The engine says that something changed; many such words in a row lead to one question. */
  changed(): void {
    if (!this.#isSeen || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.load();
    }, REFRESH_WAIT_MS);
  }

  async load(): Promise<void> {
    try {
      this.#form ??= await this.#api.farEndForm();
      this.#list = await this.#api.farEnds();
      this.#error = null;
      await this.#loadMails();
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
    }
  }

  choose(name: string | null): void {
    if (name !== this.#chosen) {
      this.#mails = [];
      this.#mail = null;
    }
    this.#chosen = name;
    this.#draft = null;
    if (this.#tab === 'scenario') this.show('scenario');
    if (name !== null) void this.#loadMails();
  }

  show(tab: FarEndTab): void {
    this.#tab = tab;
    const row = this.chosen;
    this.#draft = tab === 'scenario' && row !== null ? this.#drafted(row.spec, row.name) : null;
  }

  /** @param id of a message that it received; null shows all of them */
  async open(name: string, id: string | null): Promise<void> {
    if (this.#list === null) await this.load();
    if (name !== this.#chosen) this.choose(name);
    this.show('received');
    this.#mail = id === null ? null : await this.#api.farEndMail(name, id);
  }

  closeMail(): void {
    this.#mail = null;
  }

  /** Begins a new one with this scenario, under a name that is free. */
  begin(preset: string): void {
    const spec = this.#list?.presets.find(({ name }) => name === preset)?.spec ?? {};
    const names = new Set(this.rows.map(({ name }) => name));
    let name = preset;
    for (let count = 2; names.has(name); count++) name = `${preset}-${count}`;
    this.#draft = this.#drafted({ name, ...spec }, null);
  }

  setView(view: DraftView): void {
    this.#draft?.setView(view);
    this.#view = this.#draft?.view ?? view;
  }

  dropDraft(): void {
    this.#draft = null;
    this.#tab = 'received';
  }

  /** @returns the name, once it is in the file; null when something is wrong, which is shown */
  async save(): Promise<string | null> {
    const draft = this.#draft;
    if (draft === null) return null;
    try {
      const farEnd = draft.spec();
      const was = draft.was === null ? {} : { was: draft.was };
      this.#list = await this.#api.putFarEnd({ farEnd, ...was });
      this.#draft = null;
      this.#tab = 'received';
      const name = String(farEnd['name']);
      this.choose(name);
      return name;
    } catch (cause) {
      draft.refuse(cause);
      return null;
    }
  }

  async toggle(name: string, on: boolean): Promise<void> {
    this.#list = await this.#api.switchFarEnd({ name, on });
  }

  async reset(name: string, received: boolean): Promise<void> {
    this.#list = await this.#api.resetFarEnd({ name, received });
    await this.#loadMails();
  }

  /** @returns what puts it back where it was */
  async remove(name: string): Promise<() => Promise<void>> {
    const at = this.rows.findIndex((row) => row.name === name);
    const farEnd = this.rows[at]?.spec ?? { name };
    this.#list = await this.#api.removeFarEnd({ name });
    if (this.#chosen === name) this.choose(null);
    return async () => {
      this.#list = await this.#api.putFarEnd({ farEnd, at });
      this.choose(name);
    };
  }

  #drafted(spec: Readonly<Record<string, unknown>>, was: string | null): FarEndDraft {
    return new FarEndDraft(this.#api, this.#form ?? NO_FORM, spec, was, this.#view);
  }

  async #loadMails(): Promise<void> {
    const name = this.#chosen;
    if (name === null || this.chosen === null) return;
    const { mails, more } = await this.#api.farEndReceived(name, { limit: MAILS_SHOWN });
    if (name !== this.#chosen) return;
    this.#mails = mails;
    this.#more = more;
  }
}

const NO_FORM: FarEndForm = { behaviours: [], tls: [] };
