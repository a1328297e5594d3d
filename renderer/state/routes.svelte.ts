/**
 * The routes as the engine told them last, the one that is being edited, and the ledger of what
 * left or was refused. The list is asked for again when its revision changes and, while somebody
 * looks at it, when mail arrives: its counts follow.
 */
import type {
  EngineStatus,
  LedgerLine,
  RouteChanged,
  RouteCheck,
  RouteList,
  RouteRow,
  RouteSpec,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';
import { formOf, specOf, type RouteForm } from '../screens/routes/route-form.ts';

export type RoutesTab = 'routes' | 'tester' | 'expectations' | 'far-ends' | 'outgoing';

/** A line of the list: a route, or one of the two that are always there. */
export type RouteLine =
  | { readonly kind: 'route'; readonly key: string; readonly index: number; readonly row: RouteRow }
  | { readonly kind: 'otherwise' | 'capture'; readonly key: string };

interface Editing {
  /** The name it has in the list; null for a new one. */
  readonly was: string | null;
}

const REFRESH_WAIT_MS = 700;
const CHECK_WAIT_MS = 150;
const LEDGER_ROWS = 500;

export class Routes {
  readonly #api: Api;
  #list = $state.raw<RouteList | null>(null);
  #tab = $state<RoutesTab>('routes');
  #editing = $state.raw<Editing | null>(null);
  #check = $state.raw<RouteCheck | null>(null);
  #lua = $state.raw<{ readonly name: string | null; readonly text: string } | null>(null);
  #movable = $state.raw<RouteChanged['movable']>({ value: 0, isExact: true });
  #ledger = $state.raw<readonly LedgerLine[] | null>(null);
  #error = $state<string | null>(null);
  #isSeen = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #checkTimer: ReturnType<typeof setTimeout> | null = null;
  /** What the editor holds; its fields write into it. */
  form = $state<RouteForm>(formOf(null));
  filter = $state('');

  constructor(api: Api) {
    this.#api = api;
  }

  get list(): RouteList | null {
    return this.#list;
  }
  get tab(): RoutesTab {
    return this.#tab;
  }
  get editing(): Editing | null {
    return this.#editing;
  }
  get check(): RouteCheck | null {
    return this.#check;
  }
  get lua(): { readonly name: string | null; readonly text: string } | null {
    return this.#lua;
  }
  get movable(): RouteChanged['movable'] {
    return this.#movable;
  }
  get ledger(): readonly LedgerLine[] | null {
    return this.#ledger;
  }
  get error(): string | null {
    return this.#error;
  }

  lines = $derived.by((): readonly RouteLine[] => {
    const wanted = this.filter.trim().toLowerCase();
    const rows = (this.#list?.routes ?? []).map((row, index) => ({
      ...{ kind: 'route' as const, key: row.route.name, index, row },
    }));
    const shown = rows.filter(({ row }) =>
      `${row.route.name} ${row.match} ${row.technique} ${row.target} ${row.route.note ?? ''}`
        .toLowerCase()
        .includes(wanted),
    );
    if (this.#list === null || wanted !== '') return shown;
    return [
      ...shown,
      { kind: 'otherwise', key: '(otherwise)' },
      { kind: 'capture', key: '(capture)' },
    ];
  });

  rowOf(name: string | null): RouteRow | null {
    return this.#list?.routes.find(({ route }) => route.name === name) ?? null;
  }

  /** Null: there is none of this name. */
  isOn(name: string): boolean | null {
    return this.rowOf(name)?.route.enabled ?? null;
  }

  /** The screen is looked at: counts follow from now on. */
  see(isSeen: boolean): void {
    this.#isSeen = isSeen;
    if (isSeen) this.#refreshSoon();
  }

  show(tab: RoutesTab): void {
    this.#tab = tab;
    if (tab === 'outgoing') void this.loadLedger();
  }

  takeStatus(status: EngineStatus): void {
    if (status.routes === undefined || status.routes.revision === this.#list?.revision) return;
    if (this.#list !== null || this.#isSeen) this.#refreshSoon();
  }

  /** Mail arrived or went on. */
  mailChanged(): void {
    if (this.#isSeen) this.#refreshSoon();
  }

  async load(): Promise<void> {
    try {
      this.#list = await this.#api.routes();
      this.#error = null;
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
    }
    if (this.#isSeen && this.#tab === 'outgoing') await this.loadLedger();
  }

  async loadLedger(): Promise<void> {
    this.#ledger = (await this.#api.ledger({ limit: LEDGER_ROWS })).rows;
  }

  async toggle(name: string, enabled: boolean): Promise<void> {
    this.#take(await this.#api.toggleRoute(name, enabled));
  }

  async setCapture(enabled: boolean): Promise<void> {
    this.#take(await this.#api.setCapture(enabled));
  }

  async openHosts(hosts: readonly string[]): Promise<void> {
    this.#take(await this.#api.openHosts(hosts));
  }

  /** Puts a route at another place; false when it stands there already. */
  async place(name: string, to: number): Promise<boolean> {
    const names = (this.#list?.routes ?? []).map(({ route }) => route.name);
    const from = names.indexOf(name);
    const at = Math.max(0, Math.min(names.length - 1, to));
    if (from < 0 || from === at) return false;
    names.splice(from, 1);
    names.splice(at, 0, name);
    this.#take(await this.#api.orderRoutes(names));
    return true;
  }

  /** @returns what puts it back */
  async remove(name: string): Promise<() => Promise<void>> {
    const routes = this.#list?.routes ?? [];
    const at = routes.findIndex(({ route }) => route.name === name);
    const route = routes[at]?.route;
    this.#take(await this.#api.removeRoute(name));
    if (this.#editing?.was === name) this.closeEditor();
    return async () => {
      if (route !== undefined) this.#take(await this.#api.putRoute(name, { route, at }));
    };
  }

  async moveQueued(): Promise<string> {
    const { text } = await this.#api.moveRouted({});
    this.#movable = { value: 0, isExact: true };
    await this.load();
    return text;
  }

  leaveQueued(): void {
    this.#movable = { value: 0, isExact: true };
  }

  async showLua(name: string | null): Promise<void> {
    const { text } = await this.#api.routeLua(name);
    this.closeEditor();
    this.#lua = { name, text };
  }

  closeLua(): void {
    this.#lua = null;
  }

  edit(name: string | null, template: RouteSpec | null = null): void {
    this.#lua = null;
    this.form = formOf(template ?? this.rowOf(name)?.route ?? null);
    this.#editing = { was: name };
    this.#check = null;
    this.changed();
  }

  closeEditor(): void {
    this.#editing = null;
  }

  /** The form was changed: what is wrong with it is asked for after a moment. */
  changed(): void {
    if (this.#checkTimer !== null) clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => void this.#validate(), CHECK_WAIT_MS);
  }

  /** @returns the saved route's name, or null when something is wrong with it */
  async save(): Promise<string | null> {
    const editing = this.#editing;
    if (editing === null) return null;
    await this.#validate();
    if (this.#check === null || this.#check.problems.length > 0) return null;
    const route = specOf(this.form);
    this.#take(await this.#api.putRoute(editing.was ?? route.name, { route }));
    this.closeEditor();
    return route.name;
  }

  async #validate(): Promise<void> {
    const editing = this.#editing;
    if (editing === null) return;
    const { was } = editing;
    const request = { route: specOf(this.form), ...(was !== null && { was }) };
    const check = await this.#api.checkRoute(request);
    if (this.#editing === editing) this.#check = check;
  }

  #take({ list, movable }: RouteChanged): void {
    this.#list = list;
    this.#movable = movable;
  }

  #refreshSoon(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        void this.load();
      },
      this.#list === null ? 0 : REFRESH_WAIT_MS,
    );
  }
}
