import { describe, expect, it } from 'vitest';
import { jsonFloat } from '../../../engine/mail/json.ts';
import { buildEgressPath, buildQueueConfig } from '../../../engine/policy/config-build.ts';
import { buildEsmtpListener } from '../../../engine/policy/config-esmtp.ts';
import { deserialize } from '../../../engine/policy/config-read.ts';
import { ESMTP_LISTENER } from '../../../engine/policy/config-esmtp.ts';
import {
  EGRESS_PATH,
  EGRESS_POOL,
  EGRESS_SOURCE,
  LISTENER_DOMAIN,
  LOCAL_LOGS,
  QUEUE_CONFIG,
} from '../../../engine/policy/config-schema.ts';
import type { Mode, Shape } from '../../../engine/policy/config-serde.ts';
import { keySource, parseThrottle } from '../../../engine/policy/config-scalars.ts';
import {
  LUA_NULL,
  LuaFloat,
  LuaTable,
  type LuaValue,
} from '../../../engine/policy/lua/lua-value.ts';

/** A Lua table: arrays are sequences without the array marker, empty objects are empty tables. */
function lua(value: unknown): LuaValue {
  if (Array.isArray(value)) return new LuaTable(value.map(lua), [], false);
  if (typeof value !== 'object' || value === null) return value as LuaValue;
  if (value instanceof LuaFloat || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([k, v]): [LuaValue, LuaValue] => [k, lua(v)]);
  return new LuaTable([], entries, false);
}

const nothing = (): undefined => undefined;

function read<T>(shape: Shape<T>, value: unknown, mode: Mode = 'direct'): T {
  return deserialize(shape, lua(value), nothing, mode);
}

function problem(shape: Shape<unknown>, value: unknown, mode: Mode = 'direct'): string {
  try {
    read(shape, value, mode);
  } catch (error) {
    return (error as Error).message.replace(/, while processing .*$/, '');
  }
  throw new Error('it was accepted');
}

describe('QUEUE_CONFIG', () => {
  it('has the defaults of KumoMTA', () => {
    const { json, ...config } = buildQueueConfig(read(QUEUE_CONFIG, {}));
    expect(config).toEqual({
      retryIntervalMs: 1_200_000,
      maxRetryIntervalMs: null,
      maxAgeMs: 604_800_000,
      egressPool: null,
      maxMessageRate: null,
      protocol: { kind: 'smtp', mxList: [], treatMxListAsSecure: false },
      reapIntervalMs: 600_000,
      refreshIntervalMs: 60_000,
      timerwheelTickIntervalMs: null,
      strategy: 'SingletonTimerWheel',
      refreshStrategy: 'Ttl',
      providerName: null,
    });
    expect(JSON.stringify(json)).toBe(
      '{"retry_interval":"20m","max_retry_interval":null,"max_age":"7days","egress_pool":null,' +
        '"max_message_rate":null,"protocol":{"smtp":{"mx_list":[],"treat_mx_list_as_secure":false}},' +
        '"reap_interval":"10m","refresh_interval":"1m","timerwheel_tick_interval":null,' +
        '"strategy":"SingletonTimerWheel","refresh_strategy":"Ttl","provider_name":null,"shrink_policy":[]}',
    );
  });

  it('reads durations from seconds and texts', () => {
    const config = read(QUEUE_CONFIG, {
      retry_interval: 5,
      max_age: new LuaFloat(2),
      reap_interval: '1h 30m',
      refresh_interval: 2.5,
    });
    expect([
      config.retry_interval,
      config.max_age,
      config.reap_interval,
      config.refresh_interval,
    ]).toEqual([5_000, 2_000, 5_400_000, 2_500]);
  });

  it('tries the protocols in order', () => {
    const protocol = (value: unknown): unknown => read(QUEUE_CONFIG, { protocol: value }).protocol;
    expect(
      protocol({ smtp: { mx_list: ['a.test', 'b.test:26', { name: 'c', addr: '[::1]:25' }] } }),
    ).toEqual({
      kind: 'smtp',
      mxList: [
        { kind: 'name', label: 'a.test' },
        { kind: 'name', label: 'b.test:26' },
        { kind: 'resolved', name: 'c', addr: '[::1]:25' },
      ],
      treatMxListAsSecure: false,
    });
    expect(protocol({ maildir_path: '/m', dir_mode: 0o755, other: 1 })).toEqual({
      kind: 'maildir',
      path: '/m',
      dirMode: 0o755,
      fileMode: null,
    });
    expect(protocol({ custom_lua: { constructor: 'make.x', max_batch_latency: '5s' } })).toEqual({
      kind: 'lua',
      constructor_: 'make.x',
      batchSize: 1,
      minBatchSize: 1,
      maxBatchLatencyMs: 5_000,
    });
    expect(protocol({ smtp: {}, maildir_path: '/m' })).toMatchObject({ kind: 'smtp' });
    const none = 'deserialize error: data did not match any variant of untagged enum DeliveryProto';
    for (const bad of [
      {},
      { smtp: { mx_list: {} } },
      { custom_lua: {} },
      { custom_lua: { constructor: 'x', batch_sise: 2 } },
      { maildir_path: '/m', dir_mode: new LuaFloat(493) },
      { smtp: { mx_list: [{ name: 'a', addr: 'not an address' }] } },
    ]) {
      expect(problem(QUEUE_CONFIG, { protocol: bad })).toBe(none);
    }
  });

  it('names what is wrong as serde does', () => {
    const cases: [unknown, string][] = [
      [{ max_message_rate: 5 }, 'invalid type: integer `5`, expected a string'],
      [{ egress_pool: true }, 'invalid type: boolean `true`, expected a string'],
      [{ egress_pool: {} }, 'invalid type: map, expected a string'],
      [{ egress_pool: ['a'] }, 'invalid type: sequence, expected a string'],
      [{ retry_interval: true }, 'invalid type: boolean `true`, expected a duration'],
      [{ strategy: 5 }, 'invalid value: integer, expected string or map'],
      [{ refresh_strategy: 'Never' }, 'unknown variant `Never`, expected `Ttl` or `Epoch`'],
      [{ shrink_policy: [{ interval: '5s' }] }, 'missing field `policy`'],
    ];
    for (const [value, text] of cases) {
      expect(problem(QUEUE_CONFIG, value)).toBe(`deserialize error: ${text}`);
    }
    expect(() => read(QUEUE_CONFIG, { egress_pool: new LuaFloat(2) })).toThrow(
      'deserialize error: invalid type: floating point `2.0`, expected a string, while processing {"egress_pool":2.0}',
    );
  });

  it('takes NULL for absent', () => {
    expect(read(QUEUE_CONFIG, { egress_pool: LUA_NULL, retry_interval: LUA_NULL })).toMatchObject({
      egress_pool: null,
      retry_interval: 1_200_000,
    });
  });
});

describe('EGRESS_PATH', () => {
  it('has the defaults of KumoMTA', () => {
    const path = buildEgressPath(read(EGRESS_PATH, {}));
    expect(path.connectionLimit).toBe(32);
    expect(path.prohibitedHosts.debug()).toBe('{"0.0.0.0", "127.0.0.0/8", "::/127"}');
    expect(path.timeouts).toEqual({
      connectMs: 60_000,
      bannerMs: 60_000,
      authMs: 60_000,
      ehloMs: 300_000,
      mailFromMs: 300_000,
      rcptToMs: 300_000,
      dataMs: 300_000,
      dataDotMs: 300_000,
      rsetMs: 5_000,
      idleMs: 5_000,
      starttlsMs: 5_000,
    });
    expect(path.json).toMatchObject({
      connection_limit: 32,
      idle_timeout: '5s',
      ehlo_domain: null,
    });
  });

  it('reads limits, rates, networks and an empty list', () => {
    const path = buildEgressPath(
      read(EGRESS_PATH, {
        connection_limit: 'local:5',
        additional_connection_limits: { x: 3 },
        max_message_rate: 'local:1_000/2h,max_burst=7',
        additional_message_rate_throttles: { y: '5/s' },
        prohibited_hosts: {},
        skip_hosts: ['10.0.0.0/8'],
        smtp_port: 2525,
      }),
    );
    expect(path.connectionLimit).toBe(5);
    expect(path.additionalConnectionLimits).toEqual({ x: 3 });
    expect(path.maxMessageRate).toEqual({
      limit: 1000,
      periodMs: 7_200_000,
      maxBurst: 7,
      forceLocal: true,
      text: 'local:1000/2h,max_burst=7',
    });
    expect(path.prohibitedHosts.contains('127.0.0.1')).toBe(false);
    expect(path.skipHosts.contains('10.1.2.3')).toBe(true);
    expect(path.json).toMatchObject({
      connection_limit: 'local:5',
      max_message_rate: 'local:1000/2h,max_burst=7',
      prohibited_hosts: [],
      skip_hosts: ['10.0.0.0/8'],
    });
  });

  it('refuses unknown keys without listing the known ones', () => {
    expect(problem(EGRESS_PATH, { banana: 1 })).toBe('deserialize error: unknown field `banana`');
    expect(problem(EGRESS_PATH, { smtp_port: 70_000 })).toBe(
      'deserialize error: invalid value: integer `70000`, expected u16',
    );
    expect(problem(EGRESS_PATH, { max_ready: new LuaFloat(5) })).toBe(
      'deserialize error: invalid type: floating point `5.0`, expected usize',
    );
  });
});

describe('EGRESS_POOL, EGRESS_SOURCE, LISTENER_DOMAIN, LOCAL_LOGS', () => {
  it('need what they need', () => {
    expect(
      read(EGRESS_POOL, { name: 'p', entries: [{ name: 'a' }, { name: 'b', weight: 3 }] }),
    ).toMatchObject({ name: 'p', entries: [{ weight: 1 }, { weight: 3 }], ttl: 60_000 });
    expect(problem(EGRESS_POOL, { entries: [] })).toBe('deserialize error: missing field `name`');
    expect(problem(EGRESS_SOURCE, { name: 's', source_address: 'here' })).toBe(
      'deserialize error: invalid IP address syntax',
    );
    expect(problem(EGRESS_SOURCE, { name: 's', remote_port: -1 })).toBe(
      'deserialize error: invalid value: integer `-1`, expected u16',
    );
  });

  it('read booleans or modes for reports', () => {
    expect(read(LISTENER_DOMAIN, { log_oob: true, log_arf: 'LogThenDrop' })).toMatchObject({
      log_oob: 'LogThenRelay',
      log_arf: 'LogThenDrop',
    });
    expect(problem(LISTENER_DOMAIN, { log_oob: 'yes' })).toMatch(
      /^deserialize error: invalid value: string "yes", expected a boolean value or one of /,
    );
    expect(problem(LISTENER_DOMAIN, { relay_from: ['here', '10.0.0.1/24'] })).toBe(
      "deserialize error: here: here is not a valid CIDR: couldn't parse address in network: invalid IP address syntax, " +
        '10.0.0.1/24: 10.0.0.1/24 is not a valid CIDR: host part of address was not zero. Did you mean 10.0.0.0/24?',
    );
  });

  it('key per-record settings by record type', () => {
    const logs = read(LOCAL_LOGS, { log_dir: '/l', per_record: { Any: { enable: false } } });
    expect(logs.per_record.Any).toMatchObject({ enable: false, segment_header: '', suffix: null });
    expect(problem(LOCAL_LOGS, 'hello')).toBe(
      'deserialize error: invalid type: string, expected table',
    );
  });
});

describe('ESMTP_LISTENER', () => {
  const listener = (value: unknown) =>
    buildEsmtpListener(read(ESMTP_LISTENER, value, 'buffered'), nothing);

  it('applies the blocks of the peer, then of the local address, the narrowest network winning', () => {
    const { base, paramsFor } = listener({
      banner: 'base',
      meta: { a: 1 },
      peer: {
        '10.0.0.0/8': { banner: 'ten', via: { '192.0.2.0/24': { hostname: 'inner' } } },
        '10.1.0.0/16': { banner: 'ten-one', meta: { b: 2 } },
      },
      via: { '192.0.2.1': { max_message_size: 5 } },
    });
    expect(base.banner).toBe('base');
    expect(paramsFor('10.9.9.9', '192.0.2.7')).toMatchObject({ banner: 'ten', hostname: 'inner' });
    expect(paramsFor('10.1.2.3', '192.0.2.1')).toMatchObject({
      banner: 'ten-one',
      maxMessageSize: 5,
      meta: { a: 1, b: 2 },
    });
    expect(paramsFor('127.0.0.1', '127.0.0.1')).toEqual(base);
  });

  it('takes overrides from an event', () => {
    const { base, overlay } = listener({ relay_hosts: ['127.0.0.1'] });
    expect(base.relayHosts.contains('::1')).toBe(false);
    const own = ['192.0.2.1', '127.0.0.1'] as const;
    const over = overlay(
      base,
      { hostname: 'h', relay_hosts: ['10.0.0.0/8'], client_timeout: '5s' },
      ...own,
    );
    expect(over).toMatchObject({ hostname: 'h', clientTimeoutMs: 5_000 });
    expect(over.relayHosts.contains('10.1.1.1')).toBe(true);
    const halved = { client_timeout: jsonFloat(30), meta: { x_rate: jsonFloat(5) } };
    const { clientTimeoutMs, meta } = overlay(base, halved, ...own);
    expect([clientTimeoutMs, JSON.stringify(meta)]).toEqual([30_000, '{"x_rate":5.0}']);
    expect(() => overlay(base, { listen: '0.0.0.0:25' }, ...own)).toThrow('unknown field `listen`');
  });

  it('applies the blocks of an override as well', () => {
    const { base, overlay } = listener({});
    const override = {
      banner: 'event',
      peer: { '192.0.2.0/24': { banner: 'peer', via: { '127.0.0.1': { hostname: 'inner' } } } },
    };
    expect(overlay(base, override, '192.0.2.1', '127.0.0.1')).toMatchObject({
      banner: 'peer',
      hostname: 'inner',
    });
    expect(overlay(base, override, '10.0.0.1', '127.0.0.1').banner).toBe('event');
  });

  it('fails on a network that is none', () => {
    expect(problem(ESMTP_LISTENER, { peer: { here: {} } }, 'buffered')).toMatch(
      /^deserialize error: here is not a valid CIDR/,
    );
  });
});

describe('keySource', () => {
  it('knows its four forms', () => {
    const key = (value: unknown): unknown => keySource.read(lua(value), 'direct');
    expect(key('/k.pem')).toEqual({ kind: 'file', path: '/k.pem' });
    expect(key({ key_data: new Uint8Array([1, 255]) })).toEqual({
      kind: 'data',
      data: new Uint8Array([1, 255]),
    });
    expect(key({ vault_mount: 'm', vault_path: 'p' })).toMatchObject({ kind: 'vault', key: 'key' });
    expect(key({ event_name: 'e', event_args: ['x'] })).toEqual({
      kind: 'event',
      event: 'e',
      args: ['x'],
    });
    expect(() => key(5)).toThrow('data did not match any variant of untagged enum KeySource');
  });
});

describe('parseThrottle()', () => {
  it('prints the canonical text', () => {
    const canonical = (text: string): string => parseThrottle(text).text;
    expect(
      ['100/h', '1,000/hour', '500/d,max_burst=1', '5/30min', '60/60s'].map(canonical),
    ).toEqual(['100/h', '1000/h', '500/d,max_burst=1', '5/30m', '60/m']);
  });

  it('says what is wrong', () => {
    expect(() => parseThrottle('fast')).toThrow("expected 'limit/period', got fast");
    expect(() => parseThrottle('0/s')).toThrow(
      'invalid ThrottleSpec `0/s`: limit must be greater than 0!',
    );
    for (const bad of ['/s', 'x/s', '5/fortnight', '5/s,burst=2', '5/0s', '5/s,max_burst=1,x']) {
      expect(() => parseThrottle(bad)).toThrow(`invalid ThrottleSpec \`${bad}\``);
    }
  });
});
