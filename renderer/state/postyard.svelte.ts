/**
 * The window's composition root: builds every state class, joins them to the engine's events, and
 * holds what concerns more than one of them. Components take it from the context; actions run on it.
 */
import { getContext, setContext } from 'svelte';
import type {
  EngineStatus,
  FarEndRow,
  LiveEvent,
  MaildirMessage,
  QueuedMessage,
  RecordRow,
  SuppressionEntryRow,
} from '../../engine/api/protocol.ts';
import { Api, ApiFailure } from '../connection/api.ts';
import { LiveConnection } from '../connection/live.ts';
import { dropToken, keepToken, takeToken } from '../connection/token.ts';
import { focusList, focusTester, focusedList } from '../focus.ts';
import { EngineState } from './engine-state.svelte.ts';
import { Expectations, type ExpectationLine } from './expectations.svelte.ts';
import { FarEnds } from './far-ends.svelte.ts';
import { Lab } from './lab.svelte.ts';
import type { Through } from './lab-runs.svelte.ts';
import { ListCursor } from './list-cursor.svelte.ts';
import { LogTail } from './log-tail.svelte.ts';
import { MailList } from './mail-list.svelte.ts';
import { Maildirs } from './maildirs.svelte.ts';
import { OpenedRow } from './opened-row.svelte.ts';
import { Place, type ListName, type Screen } from './place.svelte.ts';
import { Preferences } from './preferences.svelte.ts';
import { Queues } from './queues.svelte.ts';
import { Routes, type RouteLine } from './routes.svelte.ts';
import { Settings } from './settings.svelte.ts';
import { SuppressionDemoState } from './suppression-demo.svelte.ts';
import { SuppressionState } from './suppression.svelte.ts';
import { Tester } from './tester.svelte.ts';
import { Toasts } from './toasts.svelte.ts';
import { Views } from './views.svelte.ts';

/** Without a word from the engine for this long, it is asked whether it is still there. */
const SILENCE_MS = 10_000;
const SILENCE_CHECK_MS = 5_000;
const SILENCE_ANSWER_MS = 4_000;

export class Postyard {
  #token = $state<string | null>(takeToken());
  readonly api = new Api(() => this.#token);
  readonly live = new LiveConnection(() => this.#token, {
    onevent: (event) => this.#take(event),
    onstate: (state, retryAtMs) => this.engine.takeLink(state, retryAtMs),
  });
  readonly preferences = new Preferences();
  readonly place = new Place();
  readonly toasts = new Toasts();
  readonly engine = new EngineState();
  readonly mail = new MailList(this.api);
  readonly opened = new OpenedRow(this.api);
  readonly queues = new Queues(this.api);
  readonly routes = new Routes(this.api);
  readonly tester = new Tester(this.api);
  readonly expectations = new Expectations(this.api);
  readonly farEnds = new FarEnds(this.api);
  readonly log = new LogTail(this.api, this.preferences.chosen.hiddenRecordTypes);
  readonly maildirs = new Maildirs(this.api, () => this.preferences.chosen.openFolders);
  readonly settings = new Settings(this.api);
  readonly suppression = new SuppressionState(this.api, this.toasts);
  readonly suppressionDemo = new SuppressionDemoState(this.api);
  readonly views = new Views(this.api, this.preferences);
  readonly lab = new Lab(this.api, this.preferences);
  #silenceTimer: ReturnType<typeof setInterval> | null = null;
  #hasLoaded = false;

  readonly mailCursor = new ListCursor<number>({
    count: () => this.mail.count,
    keyAt: (index) => this.mail.rowAt(index)?.seq ?? null,
    indexOf: (seq) => this.mail.indexOf(seq),
    between: (left, right) => this.mail.seqsBetween(left, right),
    ensure: (index) => this.mail.ensure(index),
  });
  readonly maildirCursor = cursorOver<MaildirMessage, string>(
    () => this.maildirs.messages,
    ({ unique }) => unique,
  );
  readonly scheduledCursor = cursorOver(
    () => this.queues.scheduled,
    ({ name }) => name,
  );
  readonly routesCursor = cursorOver<RouteLine, string>(
    () => this.routes.lines,
    ({ key }) => key,
  );
  readonly farEndsCursor = cursorOver<FarEndRow, string>(
    () => this.farEnds.shown,
    ({ name }) => name,
  );
  readonly expectationsCursor = cursorOver<ExpectationLine, string>(
    () => this.expectations.lines,
    ({ key }) => key,
  );
  readonly messageCursor = cursorOver<QueuedMessage, string>(
    () => this.queues.detail?.messages ?? [],
    ({ messageId }) => messageId,
  );
  /** Of screens without a list. */
  readonly #noCursor = cursorOver<string, string>(
    () => [],
    (key) => key,
  );
  readonly suppressionCursor = cursorOver<SuppressionEntryRow, number>(
    () => this.suppression.entries,
    ({ id }) => id,
  );
  readonly logCursor = cursorOver<RecordRow, number>(
    () => this.log.records,
    ({ recordSeq }) => recordSeq,
  );

  get token(): string | null {
    return this.#token;
  }

  start(): void {
    this.engine.start();
    this.live.start();
    this.#silenceTimer = setInterval(() => void this.#checkSilence(), SILENCE_CHECK_MS);
  }

  stop(): void {
    this.live.stop();
    this.engine.stop();
    if (this.#silenceTimer !== null) clearInterval(this.#silenceTimer);
  }

  takeToken(token: string): void {
    keepToken(token);
    this.#token = token;
    this.live.reconnect();
  }

  /** The list that `j` and `k` move in: the focused one, else the screen's own. */
  get listName(): ListName {
    const focused = focusedList();
    if (focused !== null) return focused;
    if (this.place.screen === 'settings') return 'none';
    if (this.place.screen === 'routes')
      return this.routes.tab === 'outgoing' ? 'none' : this.routes.tab;
    if (this.place.screen !== 'queues') return this.place.screen;
    return this.queues.opened === null ? 'scheduled' : 'messages';
  }

  get cursor(): ListCursor<number> | ListCursor<string> {
    switch (this.listName) {
      case 'mail':
        return this.mailCursor;
      case 'maildir':
        return this.maildirCursor;
      case 'scheduled':
        return this.scheduledCursor;
      case 'messages':
        return this.messageCursor;
      case 'routes':
        return this.routesCursor;
      case 'far-ends':
        return this.farEndsCursor;
      case 'suppression':
        return this.suppressionCursor;
      case 'lab':
        return this.lab.cursor;
      case 'log':
        return this.logCursor;
      case 'expectations':
        return this.expectationsCursor;
      case 'tester':
      case 'none':
        return this.#noCursor;
    }
  }

  goTo(screen: Screen): void {
    this.toasts.leave();
    this.place.goTo(screen);
    if (screen !== 'maildir') this.leaveMaildir();
    // The list takes the focus once it is drawn.
    requestAnimationFrame(() => focusList(this.listName));
  }

  /** Shows a recipient row with its details, on the Mail screen. */
  openRow(seq: number): void {
    this.goTo('mail');
    this.opened.open(seq, this.mail.rowOf(seq));
    if (this.mail.indexOf(seq) >= 0) this.mailCursor.show(seq);
    else this.mailCursor.put(seq);
  }

  /** Where the policy begins, relative to its folder. */
  get policyMain(): string {
    const file = this.engine.status?.policy.file ?? '';
    return file.slice(file.lastIndexOf('/') + 1) || 'init.lua';
  }

  /** A source link's file relative to the policy folder; null when it is not in there. */
  policyPath(file: string): string | null {
    const status = this.engine.status;
    if (!status) return null;
    const folder = status.policy.file.slice(0, -this.policyMain.length);
    const inside = file.replace(`${status.workspace}/`, '');
    return inside.startsWith(folder) ? inside.slice(folder.length) : null;
  }

  /** Shows the Lab with these messages chosen and runs them. */
  openLab(seqs: readonly number[], through?: Through): void {
    if (through) this.lab.setThrough(through);
    this.lab.choose(seqs);
    const [first] = seqs;
    if (first !== undefined) this.lab.cursor.show(first);
    this.goTo('lab');
    this.lab
      .enter(this.policyMain)
      .then(() => this.lab.run())
      .catch((cause: unknown) => this.toasts.fail(cause));
  }

  /** Shows a line of a policy file in the Lab's editor. */
  openPolicyFile(path: string, line: number | null): void {
    this.place.goTo('lab');
    this.lab
      .enter(this.policyMain)
      .then(() => this.lab.files.open(path, line))
      .catch((cause: unknown) => this.toasts.fail(cause));
  }

  /** Shows a far end and, when it is known, the message that arrived there. */
  openFarEnd(name: string, id: string | null): void {
    this.routes.show('far-ends');
    this.goTo('routes');
    this.farEnds.open(name, id).catch((cause: unknown) => this.toasts.fail(cause));
    this.farEndsCursor.put(name);
  }

  /** Shows the tester, ready to be written in. */
  openTester(): void {
    this.routes.show('tester');
    this.goTo('routes');
    requestAnimationFrame(() => focusTester());
  }

  openQueue(name: string): void {
    if (name !== this.queues.opened) this.messageCursor.clear();
    this.queues.open(name);
  }

  openMaildir(path: string): void {
    this.maildirCursor.clear();
    this.opened.close();
    this.maildirs.open(path);
    this.live.watch(path);
    this.goTo('maildir');
  }

  leaveMaildir(): void {
    if (this.maildirs.opened === null) return;
    this.maildirs.close();
    this.opened.close();
    this.live.watch(null);
  }

  #take(event: LiveEvent): void {
    this.engine.heard();
    switch (event.type) {
      case 'welcome':
        this.#takeStatus(event.status);
        if (!this.#hasLoaded) void this.#loadAll();
        return;
      case 'resync':
        void this.#loadAll();
        return;
      case 'status':
        this.#takeStatus(event.status);
        return;
      case 'rows':
        this.mail.takeEvent(event.added, event.changed, event.total);
        if (this.lab.isEntered) {
          this.lab.mail.takeEvent(event.added, event.changed, event.total);
        }
        for (const { seq } of event.changed) this.opened.changed(seq);
        this.views.countSoon();
        this.routes.mailChanged();
        this.maildirs.treeChanged();
        return;
      case 'records':
        this.log.takeEvent(event.records, event.dropped);
        return;
      case 'queues':
        this.queues.takeList(event.queues);
        return;
      case 'far-ends':
        this.farEnds.changed();
        return;
      case 'maildir':
        this.maildirs.changed(event.path);
        return;
      case 'print':
        return;
    }
  }

  #takeStatus(status: EngineStatus): void {
    this.engine.takeStatus(status);
    this.routes.takeStatus(status);
    this.suppression.takeStatus(status.suppression);
  }

  async #loadAll(): Promise<void> {
    this.#hasLoaded = true;
    try {
      this.#takeStatus(await this.api.status());
      if (this.engine.shared !== null) return await this.#loadShared();
      await Promise.all([
        this.mail.isReady ? this.mail.reload('in-place') : this.mail.open(this.mail.filter),
        this.queues.load(),
        this.lab.reload(this.policyMain),
        this.log.load(),
        this.suppression.load(),
        this.maildirs.loadTree(),
        this.views.count(),
      ]);
      if (this.opened.seq !== null) this.opened.changed(this.opened.seq);
      if (this.maildirs.opened !== null) this.maildirs.changed(this.maildirs.opened);
    } catch (cause) {
      this.#hasLoaded = false;
      if (cause instanceof ApiFailure && cause.status === 401) this.#refused();
    }
  }

  /** A shared file has mail and records. */
  async #loadShared(): Promise<void> {
    if (this.place.screen !== 'log') this.place.goTo('mail');
    await Promise.all([this.mail.open(this.mail.filter), this.log.load()]);
  }

  #refused(): void {
    dropToken();
    this.#token = null;
    this.live.reconnect();
  }

  async #checkSilence(): Promise<void> {
    const { engine } = this;
    if (engine.link !== 'live' || Date.now() - engine.lastHeardMs < SILENCE_MS) return;
    try {
      engine.takeStatus(await this.api.status(AbortSignal.timeout(SILENCE_ANSWER_MS)));
    } catch {
      engine.fellSilent();
    }
  }
}

/** A cursor over a list that is in memory as a whole. */
function cursorOver<T, K>(items: () => readonly T[], keyOf: (item: T) => K): ListCursor<K> {
  const indexOf = (key: K): number => items().findIndex((item) => keyOf(item) === key);
  return new ListCursor<K>({
    count: () => items().length,
    keyAt: (index) => {
      const item = items()[index];
      return item === undefined ? null : keyOf(item);
    },
    indexOf,
    between: (left, right) => {
      const [first = 0, last = 0] = [indexOf(left), indexOf(right)].sort((a, b) => a - b);
      return items()
        .slice(Math.max(0, first), last + 1)
        .map(keyOf);
    },
  });
}

const KEY = Symbol('postyard');

export function setPostyard(yard: Postyard): void {
  setContext(KEY, yard);
}

export function getPostyard(): Postyard {
  return getContext<Postyard>(KEY);
}
