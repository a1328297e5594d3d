/**
 * Listeners, spools, logs and hooks: what `init` sets up. The parameters are checked here, the work
 * is the engine's (`PolicyServices`); a policy that is only validated starts nothing.
 *
 * Source: reference `lua-api.md` §3.5, §7.
 */
import {
  buildBounceClassifier,
  buildHttpListener,
  buildLocalLogs,
  buildLogDispositionHook,
  buildLogHook,
  buildSpool,
} from '../config-build.ts';
import { buildEsmtpListener, ESMTP_LISTENER } from '../config-esmtp.ts';
import { deserialize } from '../config-read.ts';
import {
  BOUNCE_CLASSIFIER,
  HTTP_LISTENER,
  LOCAL_LOGS,
  LOG_DISPOSITION_HOOK,
  LOG_HOOK,
  SPOOL,
} from '../config-schema.ts';
import type { Mode, Shape } from '../config-serde.ts';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import { noteSetup } from '../setup-notes.ts';
import type { SetupNote } from '../setup-notes.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';

export function listenerBindings(deps: CoreDeps): Bindings {
  const { services, world } = deps;
  const starts = (run: () => Promise<void>): Promise<void> =>
    world.isValidating ? Promise.resolve() : run();
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          start_esmtp_listener: setup(
            world.setup,
            'start_esmtp_listener',
            'Listens for SMTP.',
            ESMTP_LISTENER,
            (read, call) => {
              const settings = buildEsmtpListener(read, (object) => call.context.pairsOf(object));
              return starts(() => services.startEsmtpListener(settings));
            },
            'buffered',
          ),
          start_http_listener: setup(
            world.setup,
            'start_http_listener',
            'Listens for HTTP.',
            HTTP_LISTENER,
            (read) => starts(() => services.startHttpListener(buildHttpListener(read))),
          ),
          define_spool: setup(
            world.setup,
            'define_spool',
            'Says where messages are kept.',
            SPOOL,
            (read) => starts(() => services.defineSpool(buildSpool(read))),
          ),
          configure_local_logs: setup(
            world.setup,
            'configure_local_logs',
            'Writes log files.',
            LOCAL_LOGS,
            (read) => services.configureLocalLogs(buildLocalLogs(read)),
          ),
          configure_log_hook: setup(
            world.setup,
            'configure_log_hook',
            'Turns log records into messages.',
            LOG_HOOK,
            (read) => services.configureLogHook(buildLogHook(read)),
          ),
          configure_log_disposition_hook: setup(
            world.setup,
            'configure_log_disposition_hook',
            'Calls an event for each log record.',
            LOG_DISPOSITION_HOOK,
            (read) => services.configureLogDispositionHook(buildLogDispositionHook(read)),
          ),
          configure_bounce_classifier: setup(
            world.setup,
            'configure_bounce_classifier',
            'Loads the rules that classify bounces.',
            BOUNCE_CLASSIFIER,
            (read) => services.configureBounceClassifier(buildBounceClassifier(read)),
          ),
        },
      },
    ],
    types: [],
  };
}

function setup<T extends object>(
  notes: SetupNote[],
  name: string,
  doc: string,
  shape: Shape<T>,
  run: (read: T, call: HostCall) => Promise<void>,
  fields: Mode = 'direct',
): HostFunction {
  return {
    effect: 'write',
    signature: `${name}{…}`,
    doc,
    run: (call) => {
      const pairsOf = call.context.pairsOf.bind(call.context);
      const read = deserialize(shape, call.value(1), pairsOf, fields);
      noteSetup(notes, name, read);
      return run(read, call).then(() => undefined);
    },
  };
}
