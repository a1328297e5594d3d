/**
 * `conn_meta`: the metadata of a connection, one object for all its events.
 *
 * Source: reference `lua-api.md` §5.1.
 */
import type { AuthInfo, ConnectionMeta } from '../../mail/connection-meta.ts';
import type { JsonValue } from '../../mail/json.ts';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject, type LuaValue } from '../lua/lua-value.ts';
import { luaToMeta } from '../lua-json.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';

export class ConnectionMetaObject extends HostObject {
  readonly luaTypeName = 'ConnectionMetaData';
  readonly meta: ConnectionMeta;

  constructor(meta: ConnectionMeta) {
    super();
    this.meta = meta;
  }

  override describe(): string {
    return 'conn_meta';
  }
}

/** An AuthInfo as a table; absent parts are nil. */
export function authInfoForLua(auth: AuthInfo): LuaValue {
  return {
    peer_address: auth.peerAddress,
    identities: auth.identities.map(({ identity, context }) => ({ identity, context })),
    groups: [...auth.groups],
  };
}

export function connectionMetaBindings(deps: CoreDeps): Bindings {
  const type: UserdataType<ConnectionMetaObject> = {
    name: 'ConnectionMetaData',
    class: ConnectionMetaObject,
    methods: {
      get_meta: {
        effect: 'read',
        signature: 'get_meta(key) -> value',
        doc: 'A value of the connection.',
        run: ({ meta }, call) => jsonForLua(meta.get(call.string(1))),
      },
      set_meta: {
        effect: 'write',
        signature: 'set_meta(key, value)',
        doc: 'Sets a value of the connection.',
        run: ({ meta }, call) => {
          const key = call.string(1);
          const value = luaToMeta(call.value(2));
          const recorder = deps.world.contextOf(call.context)?.recorder;
          recorder?.metaChanged(`conn_meta.${key}`, meta.get(key), value, call.where(1)?.line);
          meta.set(key, value);
          return undefined;
        },
      },
      auth_info: {
        effect: 'read',
        signature: 'auth_info() -> table',
        doc: 'Who the client proved to be.',
        run: ({ meta }) => authInfoForLua(meta.authInfo),
      },
    },
  };
  return { modules: [], types: [type] };
}

/** JSON as Lua reads it: null, also inside, is nil. */
export function jsonForLua(value: JsonValue | undefined): LuaValue {
  return value;
}
