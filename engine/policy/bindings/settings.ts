/**
 * `kumo.make_*`: queue, egress and listener-domain configurations.
 *
 * Source: reference `lua-api.md` §3.2.
 */
import {
  buildEgressPath,
  buildEgressPool,
  buildEgressSource,
  buildListenerDomain,
  buildQueueConfig,
} from '../config-build.ts';
import { deserialize } from '../config-read.ts';
import { listenerDomainJson } from '../config-json.ts';
import {
  EGRESS_PATH,
  EGRESS_POOL,
  EGRESS_SOURCE,
  LISTENER_DOMAIN,
  QUEUE_CONFIG,
} from '../config-schema.ts';
import type { Shape } from '../config-serde.ts';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import type { HostObject, LuaValue } from '../lua/lua-value.ts';
import type { Bindings } from './bindings.ts';
import {
  EgressPathObject,
  EgressPoolObject,
  EgressSourceObject,
  ListenerDomainObject,
  QueueConfigObject,
  SETTINGS_TYPES,
} from './settings-objects.ts';

export function settingsBindings(): Bindings {
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          make_queue_config: maker(
            'make_queue_config',
            'QueueConfig',
            QUEUE_CONFIG,
            (read, given) => {
              const config = buildQueueConfig(read);
              return new QueueConfigObject(config, () => config.json, given);
            },
          ),
          make_egress_pool: maker(
            'make_egress_pool',
            'EgressPool',
            EGRESS_POOL,
            (read) => new EgressPoolObject(buildEgressPool(read)),
          ),
          make_egress_source: maker(
            'make_egress_source',
            'EgressSource',
            EGRESS_SOURCE,
            (read) => new EgressSourceObject(buildEgressSource(read)),
          ),
          make_egress_path: maker(
            'make_egress_path',
            'EgressPathConfig',
            EGRESS_PATH,
            (read, given) => {
              const config = buildEgressPath(read);
              return new EgressPathObject(config, () => config.json, given);
            },
          ),
          make_listener_domain: maker(
            'make_listener_domain',
            'EsmtpDomain',
            LISTENER_DOMAIN,
            (read, given) =>
              new ListenerDomainObject(
                buildListenerDomain(read),
                () => listenerDomainJson(read),
                given,
              ),
          ),
        },
      },
    ],
    types: SETTINGS_TYPES,
  };
}

function maker<T>(
  name: string,
  result: string,
  shape: Shape<T>,
  make: (read: T, given: LuaValue) => HostObject,
): HostFunction {
  return {
    effect: 'pure',
    signature: `${name}{…} -> ${result}`,
    doc: `Checks the parameters and makes a ${result}.`,
    run: (call: HostCall) => {
      const given = call.value(1);
      const read = deserialize(shape, given, (object) => call.context.pairsOf(object));
      return make(read, given);
    },
  };
}

/** What an unregistered `get_queue_config` and `get_egress_path_config` mean. */
export const DEFAULT_QUEUE_CONFIG = buildQueueConfig(QUEUE_CONFIG.read({}, 'direct'));
export const DEFAULT_EGRESS_PATH = buildEgressPath(EGRESS_PATH.read({}, 'direct'));
