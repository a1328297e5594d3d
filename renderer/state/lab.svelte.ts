/**
 * The Lab: edited policy files, captured messages chosen by a filter of their own, and what became of
 * them in the edited script. It asks the engine for nothing until it was entered once.
 */
import type { DryStub, LuaFunctionList, ReplaySelection } from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { LabRuns, RECEPTION, type Through } from './lab-runs.svelte.ts';
import { ListCursor } from './list-cursor.svelte.ts';
import { MailList } from './mail-list.svelte.ts';
import { PolicyFiles } from './policy-files.svelte.ts';
import type { Preferences } from './preferences.svelte.ts';

/** The engine runs no more than this at once. */
export const RUN_MESSAGES_MAX = 1000;
/** Several changes at once are one run. */
const RUN_WAIT_MS = 120;

export type LabView = 'compare' | 'output' | 'network' | 'calls';
/** Who answers what a script asks the network. */
export type Network = 'stubs' | 'recording' | 'far-ends';

export class Lab {
  readonly #api: Api;
  readonly #preferences: Preferences;
  readonly files: PolicyFiles;
  readonly runs: LabRuns;
  readonly mail: MailList;
  readonly cursor: ListCursor<number>;
  #isEntered = false;
  #through = $state.raw<Through>(RECEPTION);
  #isAll = $state(false);
  #isLive = $state(true);
  #view = $state<LabView>('compare');
  #network = $state<Network>('stubs');
  #isAnswering = $state(false);
  #language = $state.raw<LuaFunctionList | null>(null);
  /** What the last run was about; it runs again on an edit. */
  #last: ReplaySelection | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api, preferences: Preferences) {
    this.#api = api;
    this.#preferences = preferences;
    this.files = new PolicyFiles(api, (isRunning) => {
      if (isRunning) this.#runSoon();
    });
    this.runs = new LabRuns(api);
    this.mail = new MailList(api);
    this.cursor = new ListCursor<number>({
      count: () => this.mail.count,
      keyAt: (index) => this.mail.rowAt(index)?.seq ?? null,
      indexOf: (seq) => this.mail.indexOf(seq),
      between: (left, right) => this.mail.seqsBetween(left, right),
      ensure: (index) => this.mail.ensure(index),
    });
  }

  get isEntered(): boolean {
    return this.#isEntered;
  }
  get through(): Through {
    return this.#through;
  }
  /** Everything that matches the filter is chosen; a selection of single ones ends that. */
  get isAll(): boolean {
    return this.#isAll && this.cursor.selected.size === 0;
  }
  /** A change runs the last messages again. */
  get isLive(): boolean {
    return this.#isLive;
  }
  get view(): LabView {
    return this.#view;
  }
  get network(): Network {
    return this.#network;
  }
  /** The chosen answers are being edited. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }
  /** What Lua can call; null until it came. */
  get language(): LuaFunctionList | null {
    return this.#language;
  }
  get stubs(): readonly DryStub[] {
    return this.#preferences.chosen.labStubs;
  }

  /** How many messages a run would be about. */
  chosenCount = $derived.by(() => (this.isAll ? this.mail.total.value : this.cursor.selected.size));

  /** Constructors of the edited policy: what it handles and is no event of the engine. */
  constructors = $derived.by(() => {
    const events = new Set(this.#language?.events.map(({ name }) => name));
    const isEvent = (name: string): boolean =>
      events.has(name) || name.startsWith('log_disposition_');
    return (this.files.handlers ?? []).filter((name) => !isEvent(name));
  });

  /** @param main the policy's first file, relative to its folder */
  async enter(main: string): Promise<void> {
    this.#isEntered = true;
    await Promise.all([
      this.#language === null && this.#loadLanguage(),
      !this.mail.isReady && this.mail.open(this.mail.filter),
      this.files.load(main),
      this.runs.loadList(),
    ]);
  }

  /** The engine may have changed meanwhile. */
  async reload(main: string): Promise<void> {
    if (!this.#isEntered) return;
    if (this.mail.isReady) await this.mail.reload('in-place');
    await this.enter(main);
  }

  async #loadLanguage(): Promise<void> {
    this.#language = await this.#api.luaFunctions();
  }

  setView(view: LabView): void {
    this.#view = view;
  }
  setThrough(through: Through): void {
    this.#through = through;
    this.#runSoon();
  }
  setNetwork(network: Network): void {
    this.#network = network;
    this.#runSoon();
  }
  setAnswering(isAnswering: boolean): void {
    this.#isAnswering = isAnswering;
  }
  setStubs(labStubs: readonly DryStub[]): void {
    this.#preferences.change({ labStubs });
    this.#runSoon();
  }
  toggleLive(): void {
    this.#isLive = !this.#isLive;
  }

  chooseAll(): void {
    this.cursor.clearSelection();
    this.#isAll = true;
  }
  chooseNone(): void {
    this.cursor.clearSelection();
    this.#isAll = false;
  }
  choose(seqs: readonly number[]): void {
    this.#isAll = false;
    this.cursor.selectAll(seqs);
  }
  /** One in or out; from everything, the others in memory stay chosen. */
  toggle(seq: number): void {
    if (this.isAll) this.choose(this.mail.seqsBetween(0, Number.MAX_SAFE_INTEGER));
    this.cursor.toggle(seq);
  }
  isChosen(seq: number): boolean {
    return this.isAll || this.cursor.selected.has(seq);
  }

  /** The chosen messages, else the one under the cursor, else the newest; null: there are none. */
  get selection(): ReplaySelection | null {
    if (this.isAll) return this.matching;
    const { selected, current } = this.cursor;
    if (selected.size > 0) return { seqs: [...selected], limit: RUN_MESSAGES_MAX };
    const seq = current ?? this.mail.rowAt(0)?.seq;
    return seq === undefined ? null : { seqs: [seq] };
  }

  /** The newest of all that match the filter. */
  get matching(): ReplaySelection {
    return { filter: this.mail.filter, limit: RUN_MESSAGES_MAX };
  }

  async run(selection: ReplaySelection | null = this.selection): Promise<void> {
    if (selection === null) return;
    this.#last = selection;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#run(selection);
  }

  /** The last messages again, after a change that may matter to them. */
  #runSoon(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#isLive && this.#last !== null) void this.#run(this.#last);
    }, RUN_WAIT_MS);
  }

  async #run(messages: ReplaySelection): Promise<void> {
    const files = this.files.editedTexts;
    const recording = this.#network === 'recording' ? this.runs.shown?.id : undefined;
    await this.runs.run({
      messages,
      through: this.#through,
      http: this.#network === 'far-ends' ? 'far-ends' : 'stubs',
      ...(files && { files }),
      ...(this.stubs.length > 0 && { stubs: this.stubs }),
      ...(recording !== undefined && { recording }),
    });
  }
}
