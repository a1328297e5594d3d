/**
 * The `redis` module: `open` and `query` against one server. A cluster is refused with an
 * explanation.
 *
 * Source: reference `lua-api.md` §3.16.
 */
import { deserialize } from '../config-read.ts';
import { duration } from '../config-scalars.ts';
import {
  bool,
  list,
  optional,
  parsed,
  required,
  struct,
  text,
  unsigned,
  untagged,
} from '../config-serde.ts';
import type { HostCall, UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { bytesOf, isAbsent, numberOf } from './lua-data.ts';
import { RedisConnection } from './redis-connection.ts';
import { numberText } from './serde-encode.ts';

const RESPONSE_TIMEOUT_MS = 30_000;

const PARAMS = struct('RedisConnKey', {
  node: required(
    untagged(
      'NodeSpec',
      parsed(text, (url) => [url]),
      list(text),
    ),
  ),
  read_from_replicas: optional(bool),
  username: optional(text),
  password: optional(text),
  cluster: optional(bool),
  pool_size: optional(unsigned('usize')),
  connect_timeout: optional(duration),
  recycle_timeout: optional(duration),
  wait_timeout: optional(duration),
  response_timeout: optional(duration),
});

export function redisBindings(deps: BindingDeps): Bindings {
  const connections = new Map<string, RedisConnection>();
  return {
    modules: [
      {
        path: ['redis'],
        functions: {
          open: {
            effect: 'network',
            signature: 'open(parameters) -> connection',
            doc: 'A connection to the server at node, made when it is first used.',
            run: (call) => new RedisObject(open(deps, connections, call)),
          },
        },
      },
    ],
    types: [REDIS_TYPE],
    close: () => connections.forEach((connection) => connection.close()),
  };
}

class RedisObject extends HostObject {
  readonly luaTypeName = 'RedisConnection';
  readonly connection: RedisConnection;

  constructor(connection: RedisConnection) {
    super();
    this.connection = connection;
  }
}

/** Equal parameters share a connection. */
function open(
  deps: BindingDeps,
  connections: Map<string, RedisConnection>,
  call: HostCall,
): RedisConnection {
  const params = deserialize(PARAMS, call.value(1), (object) => call.context.pairsOf(object));
  if (params.cluster === true || params.node.length !== 1) {
    throw new Error(
      'redis clusters exist in KumoMTA but not in Postyard: open one node, without cluster',
    );
  }
  const [node = ''] = params.node;
  if (!/^rediss?:\/\//.test(node) || !URL.canParse(node)) {
    throw new Error(`Redis URL did not parse- InvalidClientConfig: ${node}`);
  }
  const id = JSON.stringify(params);
  let connection = connections.get(id);
  if (!connection) {
    connection = new RedisConnection(deps, {
      url: new URL(node),
      username: params.username,
      password: params.password,
      responseTimeoutMs: params.response_timeout ?? RESPONSE_TIMEOUT_MS,
    });
    connections.set(id, connection);
  }
  return connection;
}

const REDIS_TYPE: UserdataType<RedisObject> = {
  name: 'RedisConnection',
  class: RedisObject,
  methods: {
    query: {
      effect: 'network',
      signature: 'query(command, ...) -> value',
      doc: 'Runs a command; lists among the arguments are spread.',
      run: ({ connection }, call) => {
        const words: (string | Uint8Array)[] = [call.string(1)];
        for (let n = 2; n <= call.count; n++) words.push(...argumentWords(call.value(n)));
        return connection.query(words);
      },
    },
  },
};

function argumentWords(value: LuaValue): (string | Uint8Array)[] {
  if (isAbsent(value)) return [];
  const bytes = bytesOf(value);
  if (bytes) return [bytes];
  if (typeof value === 'boolean') return [value ? '1' : '0'];
  if (numberOf(value) !== undefined) return [numberText(value as number)];
  if (!(value instanceof LuaTable)) {
    throw new Error('Cannot send a query: arguments are strings, numbers, booleans and tables');
  }
  const pairs = value.entries.flatMap(([key, item]) => [
    ...argumentWords(key),
    ...argumentWords(item),
  ]);
  return [...value.sequence.flatMap(argumentWords), ...pairs];
}
