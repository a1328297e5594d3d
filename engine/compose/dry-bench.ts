/**
 * What dry runs of a workspace stand on: the engine's routes with other switches, its suppression
 * list without counting, copies of its paths. The engine may be asleep.
 */
import { SpoolIdSource } from '../base/ids.ts';
import { SeededRandom } from '../base/random.ts';
import { mxListSite } from '../delivery/smtp-target.ts';
import { localOrigin } from '../api/kumo/inject-origin.ts';
import { injectRequestOf } from '../api/kumo/inject-request.ts';
import { Injector } from '../api/kumo/inject.ts';
import { Metrics } from '../log/metrics.ts';
import { nobody } from '../replay/nobody.ts';
import type { DryBench, Overlays, RouteSwitches } from '../replay/dry-run.ts';
import { RouteOverlay } from '../routes/route-overlay.ts';
import { decide } from '../suppression/suppression.ts';
import type { Suppression } from '../suppression/suppression.ts';
import { PathRemaps } from '../workspace/remap.ts';
import type { WorkspaceEngine } from '../workspace-engine.ts';
import { CaptureLeaving } from './capture-leaving.ts';
import { firstAnswer, inOrder } from './overlays.ts';
import { suppressedQueue, suppressionStep } from './suppression-overlay.ts';

export function dryBench(engine: WorkspaceEngine): DryBench {
  const { core, layout, guard, mailClock } = engine;
  const { clock, reception, extrasDir, overlays } = core.options;
  const remaps = (): PathRemaps => new PathRemaps(layout, engine.settings.allowFolders);
  const isLoaded = core.policy.file !== null;
  return {
    policyFile: layout.policyFile,
    extrasDir,
    companion: overlays.companion ?? null,
    heartbeat: isLoaded ? core.policy.heartbeat : null,
    clock,
    mailClock,
    zones: engine.zones,
    hostsPath: '/etc/hosts',
    guard,
    world: isLoaded ? core.policy.world : null,
    mapPath: (path) => remaps().file(path),
    buildV1: (request, auth) => {
      const injector = offlineInjector(engine);
      return Promise.resolve(injector.build(injectRequestOf(request), localOrigin(auth)));
    },
    mode: reception,
    overlays: (switches) => dryOverlays(engine, switches),
    leaving: (resolver) => new CaptureLeaving(guard, resolver, engine.capture.isOn),
    mapMaildirPath: (path) => remaps().maildir(path),
    placeOf: (path) =>
      path.startsWith(`${layout.root}/`) ? path.slice(layout.root.length + 1) : path,
  };
}

/** @throws {Error} a route that is not there is switched */
function dryOverlays(engine: WorkspaceEngine, switches: RouteSwitches): Overlays {
  const { routes, suppression } = engine;
  const overlay = new RouteOverlay({
    farEnd: routes.farEnd,
    siteOf: mxListSite,
    env: (name) => process.env[name],
    onDecided: () => undefined,
  });
  const known = routes.overlay.routes;
  const unknown = Object.keys(switches).find((name) => !known.some((one) => one.name === name));
  if (unknown !== undefined) {
    const names = known.map(({ name }) => name).join(', ') || 'none';
    throw new Error(
      `Cannot switch route ${unknown}: found no such route, expected one of: ${names}`,
    );
  }
  overlay.replace(
    known.map((route) => ({ ...route, enabled: switches[route.name] ?? route.enabled })),
  );
  const listed = dryList(suppression);
  return {
    reception: inOrder([overlay, suppressionStep(listed)]),
    queueConfig: firstAnswer([overlay, suppressedQueue(listed)]),
  };
}

/** The list as it is, asked without counting. */
function dryList(suppression: Suppression): Pick<Suppression, 'listed' | 'apply'> & {
  readonly settings: { hasBounceQueue: boolean };
} {
  const settings = { hasBounceQueue: suppression.settings.hasBounceQueue };
  return {
    settings,
    listed: (message, trace) => suppression.listed(message, trace),
    apply: (message, mode, entries) => {
      if (mode === 'bounce') settings.hasBounceQueue = true;
      return decide(message, mode, entries);
    },
  };
}

/** Builds messages; nothing can be injected with it. */
function offlineInjector(engine: WorkspaceEngine): Injector {
  const { mailClock } = engine;
  const { clock } = engine.core.options;
  const random = new SeededRandom(1);
  return new Injector({
    mailClock,
    clock,
    random,
    ids: new SpoolIdSource(mailClock, random),
    store: nobody('store'),
    queue: nobody('queue'),
    log: nobody('log'),
    events: nobody('events'),
    metrics: new Metrics(),
    overlay: null,
    refusal: () => null,
    diagnostic: () => undefined,
  });
}
