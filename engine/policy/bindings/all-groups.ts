/** Every group of bindings, joined: the whole Lua world of a policy. */
import { aaaBindings } from './aaa.ts';
import { addressBindings } from './address.ts';
import { adminBindings } from './admin.ts';
import type { Bindings } from './bindings.ts';
import { connectionMetaBindings } from './connection-meta.ts';
import { coreBindings } from './core.ts';
import type { CoreDeps } from './core-deps.ts';
import { cryptoBindings } from './crypto.ts';
import { digestBindings } from './digest.ts';
import { dkimBindings } from './dkim.ts';
import { dnsBindings } from './dns.ts';
import { encodeBindings } from './encode.ts';
import { fsBindings } from './fs.ts';
import { httpBindings } from './http.ts';
import { injectionBindings } from './injection.ts';
import { introspectionBindings } from './introspection.ts';
import { listenerBindings } from './listeners.ts';
import { loggingBindings } from './logging.ts';
import { lookupBindings } from './lookup.ts';
import { ioBindings } from './lua-io.ts';
import { osBindings } from './lua-os.ts';
import { memoizeBindings } from './memoize.ts';
import { messageBindings } from './message.ts';
import { mimepartBindings } from './mimepart.ts';
import { miscBindings } from './misc.ts';
import { redisBindings } from './redis.ts';
import { regexBindings } from './regex.ts';
import { serdeBindings } from './serde.ts';
import { settingsBindings } from './settings.ts';
import { shapingBindings } from './shaping.ts';
import { spfDmarcBindings } from './spf-dmarc.ts';
import { sqliteBindings } from './sqlite.ts';
import { stringBindings } from './string.ts';
import { taskBindings } from './tasks.ts';
import { throttleBindings } from './throttle.ts';
import { timeBindings } from './time.ts';
import { tuningBindings } from './tuning.ts';
import { uuidBindings } from './uuid.ts';

export function allBindings(deps: CoreDeps): Bindings[] {
  return [
    coreBindings(deps),
    loggingBindings(deps),
    ioBindings(deps),
    osBindings(deps),
    memoizeBindings(deps),
    settingsBindings(),
    listenerBindings(deps),
    introspectionBindings(deps),
    tuningBindings(deps),
    adminBindings(deps),
    injectionBindings(deps),
    throttleBindings(deps),
    taskBindings(deps),
    addressBindings(),
    connectionMetaBindings(deps),
    messageBindings(deps),
    serdeBindings(deps),
    timeBindings(deps),
    stringBindings(deps),
    regexBindings(deps),
    encodeBindings(deps),
    digestBindings(deps),
    uuidBindings(deps),
    cryptoBindings(deps),
    fsBindings(deps),
    sqliteBindings(deps),
    lookupBindings(deps),
    httpBindings(deps),
    dnsBindings(deps),
    dkimBindings(deps),
    spfDmarcBindings(deps),
    mimepartBindings(deps),
    shapingBindings(deps),
    aaaBindings(deps),
    redisBindings(deps),
    ...miscBindings(deps),
  ];
}
