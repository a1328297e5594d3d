/**
 * What a route says in KumoMTA's own words: the parameter tables of `kumo.make_queue_config` and
 * `kumo.make_egress_path`. The overlay reads them through the policy's own schema, "as Lua" writes
 * them down, so both say the same.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { buildEgressPath, buildQueueConfig } from '../policy/config-build.ts';
import { EGRESS_PATH, QUEUE_CONFIG } from '../policy/config-schema.ts';
import type { EgressPathConfig, MxListEntry, QueueConfig } from '../policy/settings.ts';
import type { Route } from './route.ts';

/** `ip:port` of a far end by its name; null when there is none, or it is off. */
export type FarEndAddress = (name: string) => string | null;

/** Nobody listens there: mail for a far end that is missing waits. */
const NOBODY = '127.0.0.1:1';

/** A password that stands in the environment, not in the file. */
export interface EnvPassword {
  readonly env: string;
}

export function queueParameters(route: Route, farEnd: FarEndAddress): JsonObject {
  const protocol = protocolOf(route, farEnd);
  const settings: [string, JsonValue | undefined][] = [
    ['protocol', protocol ?? undefined],
    ['retry_interval', route.retryInterval],
    ['max_retry_interval', route.maxRetryInterval],
    ['max_age', route.maxAge],
    ['egress_pool', route.egressPool],
  ];
  return present(settings);
}

function protocolOf({ to }: Route, farEnd: FarEndAddress): JsonObject | null {
  switch (to.kind) {
    case 'mxList':
      return { smtp: { mx_list: [...to.hosts] } };
    case 'farEnd':
      return { smtp: { mx_list: [{ name: to.name, addr: farEnd(to.name) ?? NOBODY }] } };
    case 'maildir':
      return present([
        ['maildir_path', to.path],
        ['dir_mode', octal(to.dirMode)],
        ['file_mode', octal(to.fileMode)],
      ]);
    case 'customLua':
      return { custom_lua: { constructor: to.event } };
    default:
      return null;
  }
}

function octal(mode: string | undefined): number | undefined {
  return mode === undefined ? undefined : Number.parseInt(mode, 8);
}

/** Null when the route says nothing about the connection. */
export function pathParameters({ to }: Route): JsonObject | null {
  if (to.kind !== 'routingDomain' && to.kind !== 'mxList' && to.kind !== 'farEnd') return null;
  const port = to.kind === 'farEnd' ? undefined : to.port;
  const { auth } = to;
  const table = present([
    ['smtp_port', port],
    ['enable_tls', to.tls],
    ['smtp_auth_plain_username', auth?.username],
    ['allow_smtp_auth_plain_without_tls', auth?.withoutTls],
    ['allow_smtp_auth_plain_without_valid_certificate', auth?.withoutValidCertificate],
  ]);
  // A smarthost on this machine is meant, wherever its name leads.
  return Object.keys(table).length === 0 ? null : { ...table, prohibited_hosts: [] };
}

/**
 * The same for KumoMTA itself, which refuses loopback unless the path says otherwise; the ordinary
 * mode does not.
 */
export function luaPathParameters(route: Route, farEnd: FarEndAddress): JsonObject | null {
  const table = pathParameters(route);
  if (table !== null) return table;
  const isLocal = mxListOf(route, farEnd).some((entry) =>
    /^\[?(127\.|::1\b|localhost\b)/i.test(entry.kind === 'name' ? entry.label : entry.addr),
  );
  return isLocal ? { prohibited_hosts: [] } : null;
}

export function passwordOf({ to }: Route): string | EnvPassword | null {
  const auth = 'auth' in to ? to.auth : undefined;
  if (auth === undefined) return null;
  return auth.passwordEnv === undefined ? (auth.password ?? '') : { env: auth.passwordEnv };
}

/** @throws {Error} a value that `kumo.make_queue_config` refuses */
export function queueConfigOf(route: Route, farEnd: FarEndAddress): QueueConfig {
  return buildQueueConfig(QUEUE_CONFIG.read(queueParameters(route, farEnd), 'direct'));
}

/** @param env reads the environment */
export function egressPathOf(
  route: Route,
  env: (name: string) => string | undefined,
): EgressPathConfig | null {
  const table = pathParameters(route);
  if (table === null) return null;
  const password = passwordOf(route);
  const text = typeof password === 'object' && password !== null ? env(password.env) : password;
  return buildEgressPath(
    EGRESS_PATH.read(
      {
        ...table,
        ...(text !== null &&
          text !== undefined && { smtp_auth_plain_password: { key_data: text } }),
      },
      'direct',
    ),
  );
}

/** The entries of its list of hosts; empty when the hosts are looked up. */
export function mxListOf(route: Route, farEnd: FarEndAddress): readonly MxListEntry[] {
  if (route.to.kind !== 'mxList' && route.to.kind !== 'farEnd') return [];
  const { protocol } = queueConfigOf(route, farEnd);
  return protocol.kind === 'smtp' ? protocol.mxList : [];
}

function present(entries: readonly (readonly [string, JsonValue | undefined])[]): JsonObject {
  return Object.fromEntries(
    entries.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}
