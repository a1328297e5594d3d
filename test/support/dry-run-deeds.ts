/**
 * What a policy could try in order to leave a trace of a dry run: each deed is a piece of Lua that
 * stands for itself. An error of one does not stop the next. `msg` is nil where there is no message;
 * ROOT is the workspace, PORT a web server that must not hear of it.
 */
import { SeededRandom } from '../../engine/base/random.ts';

const IN_DATABASE = `local db = sqlite.open('suppression.db')`;
const IN_OWN = `local db = sqlite.open('data/own.db')`;
const SERIES = `kumo.counter_series.define { name = 'shared', num_buckets = 2, bucket_size = 3600 }`;
const MEMO = `{ name = 'shared', ttl = '1 hour', capacity = 10 }`;
const MESSAGE = `local m = msg or kumo.make_message('a@b.example', 'c@d.example', 'Subject: x\\r\\n\\r\\nx')`;

const DEEDS: readonly string[] = [
  // Databases
  `${IN_DATABASE} db:execute("insert into suppression (recipient) values ('x@y.example')")`,
  `${IN_DATABASE} db:execute('delete from suppression')`,
  `${IN_DATABASE} db:execute('drop table suppression')`,
  `${IN_DATABASE} db:execute('create table if not exists left_behind (a)')`,
  `${IN_DATABASE} db:execute("attach '" .. ROOT .. "/policy/other.db' as o") db:execute('create table o.t (a)')`,
  `${IN_DATABASE} db:execute("/* */ vacuum into '" .. ROOT .. "/copy.db'")`,
  `${IN_OWN} db:execute('update t set a = 9') db:execute('pragma user_version = 7')`,
  `${IN_OWN} db:execute("attach 'suppression.db' as s")`,
  `local db = sqlite.open(ROOT .. '/suppression.db') db:execute('delete from suppression')`,
  `local db = sqlite.open(ROOT .. '/.postyard/store/postyard.db') db:execute('delete from recipients')`,
  `local db = sqlite.open('new.db') db:execute('create table t (a)') db:close()`,
  `local db = sqlite.open('data/wal.db') db:execute('insert into t values (2)') db:execute('pragma wal_checkpoint(truncate)')`,
  `local db = sqlite.open('data/wal.db') db:execute('pragma journal_mode = delete')`,
  // Files
  `os.remove('data/a.txt')`,
  `os.remove(ROOT .. '/policy/init.lua')`,
  `os.remove(ROOT .. '/.postyard/store/postyard.db')`,
  `os.rename('data/a.txt', 'data/b.txt')`,
  `os.rename(ROOT .. '/routes.json', ROOT .. '/far-ends.json')`,
  `os.rename('data', 'moved') os.rename('moved/sub', 'data')`,
  `os.remove('data')`,
  `local f = io.open('data/a.txt', 'w') f:write('gone') f:close()`,
  `local f = io.open('data/a.txt', 'a') f:write('more') f:flush() f:close()`,
  `local f = io.open('data/a.txt', 'r+') f:seek('end') f:write('XX') f:close()`,
  `local f = io.open('data/new.txt', 'w') f:write('new') f:close()`,
  `local f = io.open('data/link.txt', 'w') f:write('through the link') f:close()`,
  `local f = io.open(ROOT .. '/policy/init.lua', 'a') f:write('-- more') f:close()`,
  `local f = io.open(ROOT .. '/postyard.json', 'w') f:write('{}') f:close()`,
  `local f = io.open(ROOT .. '/mail/user/new/1', 'w') f:write('') f:close()`,
  `local f = io.open(ROOT .. '/../outside.txt', 'w') f:write('x') f:close()`,
  `local f = io.open('data/a.txt', 'r+') os.rename('data/a.txt', 'data/c.txt') f:write('YY') f:close()`,
  `os.rename('data/sub', 'data/other') local f = io.open('data/other/b.txt', 'w') f:write('z') f:close()`,
  `io.output('data/out.txt') io.write('x') io.close()`,
  `io.output('data/a.txt') print('said') io.write('y') io.output():close()`,
  `local f = io.tmpfile() f:write('x') f:close()`,
  `local name = os.tmpname() local f = io.open(name, 'w') f:write('x') f:close() os.rename(name, 'data/from-tmp.txt')`,
  `local f = kumo.fs.open('data/async.txt', 'w+') f:write('x') f:flush() f:close()`,
  `local f = kumo.fs.open('data/a.txt', 'a') f:write('x') f:close()`,
  `for _, name in ipairs(kumo.fs.read_dir('data')) do os.remove(name) end`,
  `for _, name in ipairs(kumo.uncached_glob('data/*.txt')) do local f = io.open(name, 'w') f:close() end`,
  `os.execute('touch ' .. ROOT .. '/executed')`,
  `io.popen('touch ' .. ROOT .. '/popened', 'w'):close()`,
  `os.exit(1)`,
  // The engine
  `${MESSAGE} kumo.inject_message(m)`,
  `${MESSAGE} m:save()`,
  `kumo.api.inject.inject_v1 { envelope_sender = 'a@b.example', content = 'Subject: x\\r\\n\\r\\nx', recipients = { { email = 'c@d.example' } } }`,
  `local list = kumo.api.inject.build_v1 { envelope_sender = 'a@b.example', content = 'Subject: x\\r\\n\\r\\nx', recipients = { { email = 'c@d.example' } } } for _, m in ipairs(list) do kumo.inject_message(m) end`,
  `kumo.api.admin.bounce.bounce { reason = 'x', duration = '5m' }`,
  `for _, b in ipairs(kumo.api.admin.bounce.list()) do kumo.api.admin.bounce.delete(b.id) end`,
  `kumo.api.admin.bounce.delete('00000000-0000-0000-0000-000000000000')`,
  `kumo.api.admin.suspend.suspend { reason = 'x' }`,
  `for _, s in ipairs(kumo.api.admin.suspend.list()) do kumo.api.admin.suspend.delete(s.id) end`,
  `kumo.api.admin.suspend.delete('00000000-0000-0000-0000-000000000000')`,
  `kumo.api.admin.suspend_ready_q.suspend { name = 'x', reason = 'x' }`,
  `kumo.api.admin.suspend_ready_q.delete('00000000-0000-0000-0000-000000000000')`,
  `kumo.bump_config_epoch()`,
  `kumo.start_esmtp_listener { listen = '127.0.0.1:0' }`,
  `kumo.start_http_listener { listen = '127.0.0.1:0' }`,
  `kumo.define_spool { name = 'data', path = 'spool' }`,
  `kumo.configure_local_logs { log_dir = 'logs' }`,
  `kumo.configure_log_hook { name = 'hook' }`,
  `kumo.configure_log_disposition_hook { name = 'hook' }`,
  `kumo.configure_bounce_classifier { files = { 'data/a.txt' } }`,
  `kumo.configure_accounting_db_path('acct.db')`,
  `kumo.aaa.configure_acct_log { log_dir = 'acct' }`,
  `kumo.aaa.set_fall_back_to_acl_map(nil)`,
  `kumo.spawn_task { event_name = 'other', args = {} }`,
  `kumo.set_max_spare_lua_contexts(3)`,
  `kumo.set_max_lua_context_use_count(2)`,
  `kumo.set_max_lua_context_age(1)`,
  `kumo.set_lua_gc_on_put(100)`,
  `kumo.set_memory_hard_limit(1)`,
  `kumo.set_memory_soft_limit(1)`,
  `kumo.set_memory_low_thresh(1)`,
  `kumo.set_diagnostic_log_filter('trace')`,
  `kumo.set_config_monitor_globs { '/nowhere/**/*' }`,
  `kumo.validation_failed()`,
  `kumo.log_error('from a dry run') kumo.log_warn('x') kumo.log_info('x') kumo.log_debug('x')`,
  `kumo.on('look', function() return 'taken over' end)`,
  // Shared state
  `kumo.make_throttle('shared', '1000/30d'):throttle()`,
  `${MESSAGE} kumo.make_throttle('shared', '1000/30d'):delay_message_if_throttled(m)`,
  `kumo.make_throttle('shared', '1000/30d'):sleep_if_throttled()`,
  `kumo.make_throttle('other', '1/h'):throttle()`,
  `kumo.mpsc.define('shared'):send(1)`,
  `kumo.mpsc.define('shared'):try_send({ a = 1 })`,
  `kumo.mpsc.define('shared'):send_timeout(1, '1s')`,
  `kumo.mpsc.define('shared'):try_recv()`,
  `local q = kumo.mpsc.define('shared') q:send(1) q:recv_many(5)`,
  `kumo.mpsc.define('shared'):close()`,
  `local q = kumo.mpsc.define('own', 3) q:send(1) q:recv()`,
  `local item = kumo.mpsc.define('shared'):try_recv() item.a = 'changed' item.deep.b = 'changed'`,
  `${SERIES}:increment(5)`,
  `${SERIES}:delta(-3)`,
  `${SERIES}:observe(9)`,
  `kumo.counter_series.define({ name = 'own', num_buckets = 2, bucket_size = 60 }):increment(1)`,
  `kumo.memoize(function() return 'dry' end, ${MEMO})('new key')`,
  `local t = kumo.memoize(function() return {} end, ${MEMO})('table') t.a = 'changed'`,
  `kumo.memoize(function() return 'dry' end, { name = 'own', ttl = '1 hour', capacity = 10 })('k')`,
  // The network
  `kumo.http.build_client({}):post('http://127.0.0.1:' .. PORT .. '/x'):body('x'):send()`,
  `kumo.http.build_client({}):get('http://localhost:' .. PORT .. '/x'):send()`,
  `kumo.http.build_client({}):put('http://127.0.0.1:' .. PORT .. '/x'):send()`,
  `kumo.http.build_client({}):delete('http://127.0.0.1:' .. PORT .. '/x'):send()`,
  `kumo.http.connect_websocket('ws://127.0.0.1:' .. PORT .. '/x')`,
  `redis.open({ node = 'redis://127.0.0.1:' .. PORT }):query('SET', 'a', 'b')`,
  `kumo.kafka.build_producer { ['bootstrap.servers'] = '127.0.0.1:' .. PORT }`,
  `kumo.nats.connect { servers = { '127.0.0.1:' .. PORT } }`,
  `kumo.amqp.build_client('amqp://127.0.0.1:' .. PORT)`,
  `kumo.amqp.basic_publish { connection = { host = '127.0.0.1', port = tonumber(PORT) }, routing_key = 'x', payload = 'x' }`,
  `kumo.dns.lookup_mx('example.net')`,
  `kumo.dns.lookup_txt('example.net')`,
  `kumo.dns.lookup_addr('example.net')`,
  `kumo.dns.lookup_ptr('192.0.2.1')`,
  `kumo.dns.rbl_lookup('192.0.2.1', 'rbl.example')`,
  `kumo.dns.configure_test_resolver { ['dry.example.'] = [[$ORIGIN dry.example.]] }`,
  `kumo.dns.configure_resolver { name_servers = { '127.0.0.1:' .. PORT } } kumo.dns.lookup_mx('example.net')`,
  `kumo.dns.define_resolver('own', { Test = { zones = {} } })`,
  `kumo.spf.check_host('example.net', {}, 'a@example.net')`,
  `kumo.shaping.load { ROOT .. '/data/shaping.toml', 'http://127.0.0.1:' .. PORT .. '/shaping.toml' }`,
  // The message
  `msg:set_meta('tenant', 'dry')`,
  `msg:set_meta('queue', 'null')`,
  `msg:set_meta('routing_domain', 'dry.example')`,
  `msg:append_header('X-Dry', 'yes') msg:prepend_header('X-First', 'yes')`,
  `msg:set_data('Subject: other\\r\\n\\r\\nother')`,
  `msg:set_sender('other@dry.example') msg:set_recipient('other@dry.example')`,
  `msg:set_scheduling { first_attempt = '2030-01-01T00:00:00Z' }`,
  `msg:increment_num_attempts() msg:set_due(nil)`,
  `msg:dkim_sign(kumo.dkim.rsa_sha256_signer { domain = 'dry.example', selector = 's', headers = { 'From' }, key = 'data/a.txt' })`,
  `meta:set_meta('dry', true)`,
  // Ends
  `kumo.sleep(3600)`,
  `kumo.reject(550, '5.7.1 no')`,
  `error('boom')`,
  `error({})`,
  `coroutine.wrap(function() ${SERIES}:increment(1) error('inside') end)()`,
];

const EVENTS: readonly (readonly [string, string])[] = [
  ['init', ''],
  ['smtp_server_connection_accepted', 'meta'],
  ['smtp_server_ehlo', 'domain, meta'],
  ['smtp_server_mail_from', 'address, meta'],
  ['smtp_server_rcpt_to', 'address, meta'],
  ['smtp_server_data', 'msg, meta'],
  ['smtp_server_message_received', 'msg, meta'],
  ['smtp_server_message_deferred_inject', 'msg, meta'],
  ['http_message_generated', 'msg'],
  ['get_queue_config', 'domain, tenant, campaign'],
  ['get_egress_pool', 'name'],
  ['get_egress_path_config', 'domain, source, site'],
  ['throttle_insert_ready_queue', 'msg'],
  ['should_enqueue_log_record', 'msg, hook'],
];
const DEEDS_PER_EVENT_MAX = 6;
/** How far a policy moves on in the deck: about as many deeds as it has handlers for. */
const DEEDS_PER_POLICY = 20;

export interface Mischief {
  readonly policy: string;
  readonly deeds: readonly string[];
}

/**
 * A policy whose handlers, and sometimes its file itself, do some of the deeds. Seeds that follow
 * one another go through all of them, again and again and each time in another order.
 */
export function mischief(seed: number, { root, port }: { root: string; port: number }): Mischief {
  const random = new SeededRandom(seed);
  const deeds: string[] = [];
  const next = (): string => {
    const deed = deedAt(seed * DEEDS_PER_POLICY + deeds.length);
    deeds.push(deed);
    return deed;
  };
  const attempts = (): string =>
    Array.from(
      { length: 1 + Math.floor(random.next() * DEEDS_PER_EVENT_MAX) },
      () => `  attempt(function() ${next()} end)`,
    ).join('\n');
  const handlers = EVENTS.filter(() => random.next() < 0.5).map(([event, args]) => {
    const last = random.next() < 0.1 ? `  ${next()}\n` : '';
    return `kumo.on('${event}', function(${args})\n${attempts()}\n${last}end)`;
  });
  const inFile = random.next() < 0.5 ? attempts() : '';
  const policy = `local kumo = require 'kumo'
local ROOT, PORT = ${JSON.stringify(root)}, '${port}'
local sqlite, redis = require 'sqlite', require 'redis'
local msg, meta
local function attempt(deed) pcall(deed) end
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:1025', relay_hosts = { '127.0.0.1' } }
end)
${handlers.join('\n')}
${inFile}`;
  return { policy, deeds };
}

function deedAt(place: number): string {
  const random = new SeededRandom(Math.floor(place / DEEDS.length));
  const order = DEEDS.map((deed) => ({ deed, key: random.next() }));
  return order.toSorted((a, b) => a.key - b.key)[place % DEEDS.length]?.deed ?? '';
}
