/**
 * The routes for the window and the command line: the list with what is wrong with it, changes of
 * `routes.json`, the Lua of a route, the hosts that are open.
 */
import type { LoopbackGuard } from '../guard/loopback-guard.ts';
import { parseOpenRule } from '../guard/open-hosts.ts';
import { CAPTURE_TEMPLATE } from '../compose/capture-leaving.ts';
import type { CaptureLeaving } from '../compose/capture-leaving.ts';
import { CAPTURED } from '../compose/route-outcomes.ts';
import { OTHERWISE } from '../compose/workspace-routes.ts';
import type { WorkspaceRoutes } from '../compose/workspace-routes.ts';
import { mxListSite } from '../delivery/smtp-target.ts';
import { asLua, asLuaModule } from '../routes/as-lua.ts';
import { matchText } from '../routes/match.ts';
import { mxListOf } from '../routes/parameters.ts';
import type { FarEndAddress } from '../routes/parameters.ts';
import {
  checkRoute,
  renamed,
  withEnabled,
  withOrder,
  withRoute,
  withoutRoute,
} from '../routes/route-file.ts';
import { levelOf, targetText, techniqueOf } from '../routes/route.ts';
import type { Route } from '../routes/route.ts';
import { troublesOf } from '../routes/shadow.ts';
import { changeSetting } from '../workspace/change-setting.ts';
import type { RoutesDoor } from './doors.ts';
import type {
  RouteChanged,
  RouteCheck,
  RouteList,
  RouteMoved,
  RoutePutRequest,
  RouteRow,
} from './protocol.ts';
import { ApiProblem } from './route.ts';

export interface RoutesViewParts {
  readonly routes: WorkspaceRoutes;
  readonly guard: LoopbackGuard;
  readonly capture: CaptureLeaving;
  readonly farEnd: FarEndAddress;
  readonly settingsFile: string;
  /** Events that the policy handles. */
  readonly handled: () => readonly string[];
}

export class RoutesView implements RoutesDoor {
  readonly #parts: RoutesViewParts;

  constructor(parts: RoutesViewParts) {
    this.#parts = parts;
  }

  list(): RouteList {
    const { routes, capture } = this.#parts;
    const { counts, overlay, list } = routes;
    const all = overlay.routes;
    const troubles = troublesOf(all);
    const waiting = routes.waitingByRoute();
    return {
      revision: routes.revision,
      file: 'routes.json',
      problem: list.problem,
      routes: all.map((route): RouteRow => {
        const { hits, last } = counts.of(route.name);
        return {
          route,
          level: levelOf(route),
          technique: techniqueOf(route),
          match: matchText(route.match),
          target: targetText(route),
          trouble: this.#targetTrouble(route) ?? troubles.get(route.name) ?? null,
          queued: waiting.get(route.name) ?? 0,
          ...{ hits, last },
        };
      }),
      otherwise: { ...counts.of(OTHERWISE) },
      capture: { ...counts.of(CAPTURED), enabled: capture.isOn, maildir: CAPTURE_TEMPLATE },
      openHosts: {
        workspace: this.#parts.guard.openedBy('workspace'),
        byRoute: all.flatMap(({ name, enabled, opens = [] }) =>
          enabled && opens.length > 0 ? [{ route: name, hosts: opens }] : [],
        ),
      },
    };
  }

  async put(name: string, { route, at }: RoutePutRequest): Promise<RouteChanged> {
    const { routes } = this.#parts;
    return this.#change((text) => {
      const isNew = !routes.overlay.routes.some((one) => one.name === name);
      const kept = isNew || route.name === name ? text : renamed(text, name, route.name);
      if (kept !== text) routes.counts.rename(name, route.name);
      return withRoute(kept, route, at);
    });
  }

  toggle(name: string, enabled: boolean): Promise<RouteChanged> {
    this.#require(name);
    return this.#change((text) => withEnabled(text, name, enabled));
  }

  order(names: readonly string[]): Promise<RouteChanged> {
    for (const name of names) this.#require(name);
    return this.#change((text) => withOrder(text, names));
  }

  async remove(name: string): Promise<RouteChanged> {
    this.#require(name);
    const changed = await this.#change((text) => withoutRoute(text, name));
    this.#parts.routes.counts.forget(name);
    return changed;
  }

  async move(name: string | null): Promise<RouteMoved> {
    if (name !== null) this.#require(name);
    const { routes } = this.#parts;
    await routes.settled;
    const moved = await routes.move(name);
    const what = moved === 1 ? '1 queued message' : `${moved} queued messages`;
    return { moved, text: `${what} took the way that new mail takes` };
  }

  /** All that are on, as a module that something else wires into a policy. */
  luaModule(): string {
    const { routes, farEnd } = this.#parts;
    return asLuaModule(routes.overlay.routes, { farEnd, siteOf: mxListSite });
  }

  lua(name: string | null): string {
    const { routes, farEnd, handled } = this.#parts;
    const all = routes.overlay.routes;
    const chosen = name === null ? all : [{ ...this.#require(name), enabled: true }];
    return asLua(chosen, { farEnd, siteOf: mxListSite, handled: new Set(handled()) });
  }

  async check(value: unknown, was: string | undefined): Promise<RouteCheck> {
    const { routes } = this.#parts;
    const checked = checkRoute(value);
    const nothing = { level: null, match: '', target: '', closedHosts: [] };
    if (!checked.ok)
      return { problems: [{ path: checked.path, message: checked.message }], ...nothing };
    const { route } = checked;
    const problems: { path: string; message: string }[] = [];
    if (route.name !== was && routes.overlay.routes.some((one) => one.name === route.name))
      problems.push({ path: 'name', message: `found ${route.name} twice, expected a new name` });
    for (const [index, host] of (route.opens ?? []).entries())
      try {
        parseOpenRule(host);
      } catch (error) {
        problems.push({ path: `opens.${index}`, message: (error as Error).message });
      }
    try {
      routes.overlay.check(route);
    } catch (error) {
      problems.push({ path: 'to', message: (error as Error).message });
    }
    return {
      problems,
      level: levelOf(route),
      match: matchText(route.match),
      target: targetText(route),
      closedHosts: problems.length > 0 ? [] : await this.#closedHosts(route),
    };
  }

  setCapture(enabled: boolean): Promise<RouteChanged> {
    const { capture, settingsFile, routes } = this.#parts;
    changeSetting(settingsFile, 'captureLeaving', enabled);
    capture.isOn = enabled;
    routes.neighboursChanged();
    return this.#answer();
  }

  openWorkspaceHosts(hosts: readonly string[]): Promise<RouteChanged> {
    const { guard, settingsFile, routes } = this.#parts;
    const wanted = [...new Set(hosts.map((host) => host.trim()).filter((host) => host !== ''))];
    for (const host of wanted) parsedHost(host);
    changeSetting(settingsFile, 'openHosts', wanted);
    guard.open('workspace', wanted);
    routes.neighboursChanged();
    return this.#answer();
  }

  async #change(edit: (text: string) => string): Promise<RouteChanged> {
    try {
      this.#parts.routes.list.edit(edit);
    } catch (error) {
      throw new ApiProblem(409, 'routes', (error as Error).message);
    }
    return this.#answer();
  }

  async #answer(): Promise<RouteChanged> {
    const { routes } = this.#parts;
    await routes.settled;
    return { list: this.list(), movable: await routes.movable(null) };
  }

  #require(name: string): Route {
    const found = this.#parts.routes.overlay.routes.find((route) => route.name === name);
    if (found === undefined)
      throw new ApiProblem(404, 'no-route', `no route ${name}, expected ${this.#namesText()}`);
    return found;
  }

  #namesText(): string {
    const names = this.#parts.routes.overlay.routes.map(({ name }) => name);
    if (names.length === 0) return 'one of routes.json, which has none';
    return `one of: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`;
  }

  #targetTrouble({ to, enabled }: Route): RouteRow['trouble'] {
    if (!enabled || to.kind !== 'farEnd' || this.#parts.farEnd(to.name) !== null) return null;
    const text = `The far end ${to.name} is off or not there: mail for it waits`;
    return { kind: 'target', by: null, text };
  }

  /** Hosts of an SMTP target that this machine would have to leave for. */
  async #closedHosts(route: Route): Promise<readonly string[]> {
    const { to } = route;
    if (to.kind !== 'mxList' && to.kind !== 'routingDomain') return [];
    const domain = to.kind === 'routingDomain' ? to.domain : '';
    const mxList = mxListOf(route, this.#parts.farEnd);
    const plan = { queue: '', domain, routingDomain: null, mxList };
    const closed = await this.#parts.capture.leavingHosts(plan);
    const { opens = [] } = route;
    const rules = opens.map((host) => parseOpenRule(host));
    return closed
      .filter(({ host, addresses }) =>
        [null, ...addresses].every((address) => !rules.some((rule) => rule.matches(host, address))),
      )
      .map(({ host }) => host);
  }
}

function parsedHost(host: string): void {
  try {
    parseOpenRule(host);
  } catch (error) {
    throw new ApiProblem(400, 'host', (error as Error).message);
  }
}
