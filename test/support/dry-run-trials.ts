/**
 * Random dry runs that try to change the world, and a look at the world before and after. The fast
 * test makes a few, `npm run long` many.
 */
import { DatabaseSync } from 'node:sqlite';
import { SeededRandom } from '../../engine/base/random.ts';
import type { ScriptHost } from '../../engine/policy/script-host.ts';
import { DryRun } from '../../engine/replay/dry-run.ts';
import { arrival, dryWorkspace, withListener } from './dry-bench.ts';
import type { DryWorkspace } from './dry-bench.ts';
import { TestPolicy } from './policy.ts';

/** Each tries to leave a trace; an error of one does not stop the next. */
const DEEDS: readonly string[] = [
  `local db = sqlite.open('suppression.db') db:execute("insert into list values ('x@y.example')")`,
  `local db = sqlite.open('suppression.db') db:execute('delete from list')`,
  `local db = sqlite.open('suppression.db') db:execute("attach '" .. ROOT .. "/policy/other.db' as o") db:execute('create table o.t (a)')`,
  `local db = sqlite.open('suppression.db') db:execute("/* */ vacuum into '" .. ROOT .. "/copy.db'")`,
  `local db = sqlite.open('new.db') db:execute('create table t (a)') db:close()`,
  `local db = sqlite.open('wal.db') db:execute("insert into t values (2)") db:execute('pragma wal_checkpoint(truncate)')`,
  `os.remove('data/a.txt')`,
  `os.rename('data/a.txt', 'data/b.txt')`,
  `os.rename('data', 'moved')`,
  `os.remove('data')`,
  `local f = io.open('data/a.txt', 'w') f:write('gone') f:close()`,
  `local f = io.open('data/a.txt', 'a') f:write('more') f:close()`,
  `local f = io.open('data/a.txt', 'r+') f:write('XX') f:close()`,
  `local f = io.open('data/new.txt', 'w') f:write('new') f:close()`,
  `io.output('data/out.txt') io.write('x') io.close()`,
  `local f = kumo.fs.open('data/async.txt', 'w+') f:write('x') f:close()`,
  `kumo.fs.read_dir('data')`,
  `kumo.uncached_glob('data/*.txt')`,
  `os.tmpname()`,
  `os.execute('touch data/executed')`,
  `io.popen('touch data/popened')`,
  `os.exit(1)`,
  `kumo.inject_message(msg or kumo.make_message('a@b.example', 'c@d.example', 'x'))`,
  `kumo.api.inject.inject_v1 { envelope_sender = 'a@b.example', content = 'x', recipients = { { email = 'c@d.example' } } }`,
  `kumo.api.admin.bounce.bounce { reason = 'x', duration = '5m' }`,
  `kumo.api.admin.suspend.suspend { reason = 'x' }`,
  `kumo.bump_config_epoch()`,
  `msg:save()`,
  `kumo.start_esmtp_listener { listen = '127.0.0.1:0' }`,
  `kumo.define_spool { name = 'x', path = 'spool' }`,
  `kumo.configure_local_logs { log_dir = 'logs' }`,
  `kumo.spawn_task { event_name = 'other', args = {} }`,
  `kumo.make_throttle('shared', '1/h'):throttle()`,
  `kumo.mpsc.define('shared'):send(1)`,
  `kumo.mpsc.define('shared'):try_recv()`,
  `kumo.counter_series.define({ name = 'shared', num_buckets = 2, bucket_size = 3600 }):increment(5)`,
  `kumo.memoize(function() return 'dry' end, { name = 'shared', ttl = '1 hour', capacity = 10 })('k2')`,
  `kumo.http.build_client({}):post('http://127.0.0.1:9/x'):body('x'):send()`,
  `redis.open({ node = 'redis://127.0.0.1:9' }):query('SET', 'a', 'b')`,
  `kumo.dns.lookup_mx('example.net')`,
  `kumo.dns.configure_test_resolver { ['dry.example.'] = [[$ORIGIN dry.example.]] }`,
  `kumo.set_max_spare_lua_contexts(3)`,
  `msg:set_meta('tenant', 'dry')`,
  `msg:set_meta('queue', 'null')`,
  `msg:append_header('X-Dry', 'yes')`,
  `msg:set_data('Subject: other\\r\\n\\r\\nother')`,
  `kumo.sleep(3600)`,
  `kumo.reject(550, '5.7.1 no')`,
  `error('boom')`,
];

const EVENTS: readonly (readonly [string, string])[] = [
  ['smtp_server_connection_accepted', 'meta'],
  ['smtp_server_ehlo', 'domain, meta'],
  ['smtp_server_mail_from', 'address, meta'],
  ['smtp_server_rcpt_to', 'address, meta'],
  ['smtp_server_data', 'msg, meta'],
  ['smtp_server_message_received', 'msg, meta'],
  ['get_queue_config', 'domain, tenant, campaign'],
  ['throttle_insert_ready_queue', 'msg'],
];

const SHARED_STATE = `
kumo.on('look', function()
  local throttle = kumo.make_throttle('shared', '1/h'):throttle()
  local memo = kumo.memoize(function(k) return 'live ' .. k end, { name = 'shared', ttl = '1 hour', capacity = 10 })
  local counter = kumo.counter_series.define { name = 'shared', num_buckets = 2, bucket_size = 3600 }
  return throttle.throttled, kumo.mpsc.define('shared'):len(), counter:sum(), memo('k1'), memo('k2')
end)`;

/** A policy whose handlers do some of the deeds. */
export function mischief(random: SeededRandom, root: string): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
  const handlers = EVENTS.filter(() => random.next() < 0.5).map(([event, args]) => {
    const count = 1 + Math.floor(random.next() * 6);
    const deeds = Array.from({ length: count }, () => `  attempt(function() ${pick(DEEDS)} end)`);
    const last = random.next() < 0.2 ? `  ${pick(DEEDS)}\n` : '';
    return `kumo.on('${event}', function(${args})\n${deeds.join('\n')}\n${last}end)`;
  });
  return withListener(`
local ROOT = ${JSON.stringify(root)}
local sqlite, redis = require 'sqlite', require 'redis'
local function attempt(deed) pcall(deed) end
${handlers.join('\n')}`);
}

export interface Trial {
  readonly seed: number;
  readonly before: unknown;
  readonly after: unknown;
}

/** Runs `count` dry runs with seeds from `firstSeed` on; every trial has what was there before and after. */
export async function* trials(firstSeed: number, count: number): AsyncGenerator<Trial> {
  await using live = await TestPolicy.load(SHARED_STATE, { isStrict: false });
  await live.host.callEvent('look', []);
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = new SeededRandom(seed);
    using workspace = dryWorkspace('', { world: live.host.world });
    workspace.write('policy/init.lua', mischief(random, workspace.layout.root));
    furnish(workspace);
    const before = [workspace.digests(), await look(live.host)];
    const run = await DryRun.open(workspace.bench, { seed, http: 'stubs' });
    try {
      if (run.problem !== null) throw new Error(`seed ${seed}: ${run.problem.message}`);
      await run.receive(arrival({ to: ['a@one.example', 'b@two.example'] }));
    } finally {
      await run.close();
    }
    yield { seed, before, after: [workspace.digests(), await look(live.host)] };
  }
}

function furnish(workspace: DryWorkspace): void {
  workspace.write('data/a.txt', 'precious');
  workspace.write('data/sub/b.txt', 'as well');
  workspace.write('.postyard/store/postyard.db', 'the store');
  workspace.write('mail/user/new/1', 'a message');
  const open = (name: string): DatabaseSync => new DatabaseSync(`${workspace.layout.root}/${name}`);
  const list = open('suppression.db');
  list.exec("create table list (email); insert into list values ('a@b.example')");
  list.close();
  const wal = open('wal.db');
  wal.exec('pragma journal_mode = wal; create table t (a); insert into t values (1)');
  wal.close();
}

/** What scripts of the running engine would see. */
async function look(host: ScriptHost): Promise<unknown> {
  const { world } = host;
  const values = await host.callEvent('look', []);
  return [values, [...world.caches.keys()], world.epoch, { ...world.tuning }];
}
