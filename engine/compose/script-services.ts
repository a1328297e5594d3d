/**
 * What the engine does when a script asks (`SetupServices` decides when): listeners, messages, admin
 * verbs, the config epoch; and before `init`, logs and the classifier.
 */
import { adminVerb } from '../api/kumo/admin-routes.ts';
import type { Injector } from '../api/kumo/inject.ts';
import { localOrigin } from '../api/kumo/inject-origin.ts';
import { injectRequestOf } from '../api/kumo/inject-request.ts';
import type { AuditLog } from '../log/audit-log.ts';
import type { JsonObject } from '../mail/json.ts';
import type { EngineCore } from './engine-core.ts';
import { readClassifier } from './read-classifier.ts';
import type { LogSetup, RunningServices } from './setup-services.ts';

export function runningServices(core: EngineCore, injector: Injector): RunningServices {
  const { ownMessages: messages, queues } = core;
  return {
    startEsmtpListener: async (settings) => void (await core.openSmtp(settings)),
    startHttpListener: async (settings) => void (await core.openHttp(settings)),
    injectMessage: (message, deferredSpool) => messages.inject(message, deferredSpool),
    injectV1: async (request, auth) =>
      ({
        ...(await injector.inject(injectRequestOf(request), localOrigin(auth))),
      }) as unknown as JsonObject,
    buildV1: (request, auth) =>
      Promise.resolve(injector.build(injectRequestOf(request), localOrigin(auth))),
    admin: (area, verb, argument) =>
      Promise.resolve(
        adminVerb(queues, core.options.mailClock.now(), {
          area,
          verb,
          ...(argument !== undefined && { argument }),
        }),
      ),
    saveMessage: (message) => messages.save(message),
    bumpConfigEpoch: () => void core.bumpEpoch(),
  };
}

/** The log itself may be made later. */
export function logSetup(core: EngineCore, audit: AuditLog): LogSetup {
  return {
    addLocalLog: (settings) => core.log.addLocalLog(settings),
    addHook: (settings) => core.log.addHook(settings),
    addDispositionHook: (settings) => core.log.addDispositionHook(settings),
    setAcctLog: (settings) => audit.configure(settings),
    setAccountingDb: (path) => core.log.accounting.configure(path),
    setClassifierFiles: (files) =>
      core.log.setClassifier(readClassifier(files, (file) => core.options.mapPath(file, 'read'))),
  };
}
