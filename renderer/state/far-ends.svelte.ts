/**
 * Far ends as the engine last told them, the chosen one with what it received, and the draft of one
 * that is being written. Asked for while the pane is in sight, and again when the engine says that
 * something changed.
 */
import type {
  FarEndList,
  FarEndMail,
  FarEndMailDetail,
  FarEndRow,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

const REFRESH_WAIT_MS = 300;
const MAILS_SHOWN = 200;

export type FarEndTab = 'received' | 'scenario';

/** Text of one far end, as `far-ends.json` has it. */
interface Draft {
  readonly text: string;
  /** Its name so far; null for a new one. */
  readonly was: string | null;
  readonly problem: string | null;
}

export class FarEnds {
  readonly #api: Api;
  #list = $state.raw<FarEndList | null>(null);
  #chosen = $state<string | null>(null);
  #tab = $state<FarEndTab>('received');
  #mails = $state.raw<readonly FarEndMail[]>([]);
  #more = $state(0);
  #mail = $state.raw<FarEndMailDetail | null>(null);
  #draft = $state.raw<Draft | null>(null);
  #error = $state<string | null>(null);
  #isSeen = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api) {
    this.#api = api;
  }

  get list(): FarEndList | null {
    return this.#list;
  }
  get rows(): readonly FarEndRow[] {
    return this.#list?.farEnds ?? [];
  }
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
  get draft(): Draft | null {
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
    const isShown = tab === 'scenario' && row !== null;
    this.#draft = isShown ? { text: written(row.spec), was: row.name, problem: null } : null;
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
    this.#draft = { text: written({ name, ...spec }), was: null, problem: null };
  }

  write(text: string): void {
    if (this.#draft !== null) this.#draft = { ...this.#draft, text, problem: null };
  }

  dropDraft(): void {
    this.#draft = null;
    this.#tab = 'received';
  }

  /** @returns the name, once it is in the file; null when the text has a mistake, which is shown */
  async save(): Promise<string | null> {
    const draft = this.#draft;
    if (draft === null) return null;
    try {
      const farEnd = parsed(draft.text);
      const was = draft.was === null ? {} : { was: draft.was };
      this.#list = await this.#api.putFarEnd({ farEnd, ...was });
      this.#draft = null;
      this.#tab = 'received';
      const name = String(farEnd['name']);
      this.choose(name);
      return name;
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      this.#draft = { ...draft, problem };
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

  async #loadMails(): Promise<void> {
    const name = this.#chosen;
    if (name === null || this.chosen === null) return;
    const { mails, more } = await this.#api.farEndReceived(name, { limit: MAILS_SHOWN });
    if (name !== this.#chosen) return;
    this.#mails = mails;
    this.#more = more;
  }
}

/** One rule a line: what people change most is easy to find. */
function written(spec: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(spec).map(([key, value]) => {
    if (key !== 'rules' || !Array.isArray(value) || value.length === 0)
      return `  ${JSON.stringify(key)}: ${spaced(value)}`;
    const rules = value.map((rule) => `    ${spaced(rule)}`).join(',\n');
    return `  "rules": [\n${rules}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}: ${spaced(one)}`,
  );
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/** @throws {Error} with the place of the mistake */
function parsed(text: string): Record<string, unknown> {
  const value = JSON.parse(text) as unknown;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error('Cannot keep the far end: found no object, expected { "name": … }');
}
