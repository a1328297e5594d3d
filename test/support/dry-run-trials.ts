/**
 * Random dry runs in a running engine, of policies that try to change the world, and a look at the
 * world after each: files, databases, what the API shows, what the engine's own scripts share, and
 * whether anybody was called. The usual test makes a few, `npm run long` many.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EngineStatus, FarEndList, RowPage } from '../../engine/api/protocol.ts';
import { toError } from '../../engine/base/assert.ts';
import { dryBench } from '../../engine/compose/dry-bench.ts';
import { DryRun } from '../../engine/replay/dry-run.ts';
import { WorkspaceEngine } from '../../engine/workspace-engine.ts';
import { workspaceLayout } from '../../engine/workspace/layout.ts';
import type { WorkspaceLayout } from '../../engine/workspace/layout.ts';
import { arrival } from './dry-bench.ts';
import { mischief } from './dry-run-deeds.ts';
import { sendRaw } from './raw-smtp.ts';
import { eventually } from './serve-process.ts';

/** The policy that runs while others run dry: it shares state, and tells of it. */
const LIVE_POLICY = `local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  kumo.mpsc.define('shared'):send { a = 1, deep = { b = 2 } }
  kumo.mpsc.define('shared'):send { a = 1, deep = { b = 2 } }
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path { idle_timeout = '200ms' }
end)
local series = { name = 'shared', num_buckets = 2, bucket_size = 3600 }
local memo = kumo.memoize(function(key) return { key = key } end,
  { name = 'shared', ttl = '30 days', capacity = 10 })
kumo.on('look', function()
  local throttle = kumo.make_throttle('shared', '1000000/3000000d'):throttle()
  local counter = kumo.counter_series.define(series)
  return throttle.remaining, kumo.mpsc.define('shared'):len(), counter:sum(),
    memo('table').key, tostring(memo('table').a)
end)
kumo.on('peek', function()
  local queue = kumo.mpsc.define('shared')
  local item = queue:recv()
  queue:send(item)
  return item.a, item.deep.b
end)`;

/** What the API shows of all that a dry run could reach. */
const VIEWS = [
  ...['/queues', '/far-ends', '/far-ends/one/received', '/routes', '/ledger', '/rows?limit=50'],
  ...['/records?limit=50', '/suppression', '/settings', '/replay/runs', '/dns/zones', '/status'],
];
/** They go on by themselves: time, and what the engine writes down every minute. */
const OWN_PACE =
  /"(?:nowMs|realMs|mailMs|sinceMs|receivedPerMinute|loadedMs|inspectLag|durationMs|offsetMs|commitSeq|flushCount)":[-\d.e+]+,?/g;

/** They are dropped after ten minutes. */
const EMPTY_QUEUES = /\{"name":"[^"]+","depth":0,[^}]*\},?/g;

export interface Trial {
  readonly seed: number;
  readonly deeds: readonly string[];
  /** Functions that it called. */
  readonly called: ReadonlySet<string>;
  /** What is not as it was, in words; empty when all is. */
  readonly changes: readonly string[];
}

/** Runs `count` dry runs with seeds from `firstSeed` on. */
export async function* trials(firstSeed: number, count: number): AsyncGenerator<Trial> {
  await using world = await World.open();
  let before = await world.look();
  await eventually('the world is still', async () => {
    const earlier = before;
    before = await world.look();
    return differences(earlier, before).length === 0;
  });
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { deeds, called } = await world.runDry(seed).catch((error: Error) => {
      throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
    });
    const after = await world.look();
    const changes = differences(before, after);
    before = after;
    yield { seed, deeds, called, changes };
  }
}

type Look = Readonly<Record<string, string>>;

function differences(before: Look, after: Look): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const [was = 'absent', is = 'absent'] = [before[name], after[name]];
    if (was === is) return [];
    const from = Math.max(0, [...was].findIndex((letter, at) => letter !== is[at]) - 40);
    const part = (text: string): string => text.slice(from, from + 160);
    return [`${name}: ${part(was)} became ${part(is)}`];
  });
}

class World implements AsyncDisposable {
  readonly #folder: string;
  readonly #engine: WorkspaceEngine;
  readonly #databases: readonly (readonly [string, DatabaseSync])[];
  readonly #webServer: Server;
  #callCount = 0;
  #lookCount = 0;

  private constructor(folder: string, engine: WorkspaceEngine, webServer: Server) {
    this.#folder = folder;
    this.#engine = engine;
    this.#webServer = webServer;
    webServer.on('connection', (socket) => {
      this.#callCount++;
      socket.destroy();
    });
    const { layout } = engine;
    this.#databases = [
      join(layout.storeFolder, 'postyard.db'),
      layout.suppressionFile,
      join(layout.root, 'data/own.db'),
      join(layout.root, 'data/wal.db'),
    ].map((file) => [file, new DatabaseSync(file, { readOnly: true })] as const);
  }

  static async open(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-dry-test-'));
    const layout = workspaceLayout(join(folder, 'workspace'));
    furnish(layout);
    const any = '127.0.0.1:0';
    const engine = await WorkspaceEngine.start(
      layout,
      { smtp: any, http: any, ui: any },
      null,
      () => undefined,
    );
    const webServer = createServer();
    await new Promise<void>((resolve) => webServer.listen(0, '127.0.0.1', resolve));
    await receiveSome(engine);
    return new World(folder, engine, webServer);
  }

  async runDry(seed: number): Promise<Pick<Trial, 'deeds' | 'called'>> {
    const { layout } = this.#engine;
    const { port } = this.#webServer.address() as AddressInfo;
    const { policy, deeds } = mischief(seed, { root: layout.root, port });
    const edited = new Map([[layout.policyFile, policy]]);
    await using run = await DryRun.open(dryBench(this.#engine), { seed, http: 'stubs', edited });
    const calls = [...run.startCalls];
    if (run.problem === null || run.listener() !== null) {
      const outcome = await run.receive(arrival({ to: ['a@one.example', 'b@two.example'] }));
      calls.push(...outcome.calls);
      const injected = { from: 'a@b.example', to: 'c@d.example', meta: {} };
      const data = Buffer.from('Subject: x\r\n\r\nx');
      // Whoever injects by HTTP is told of an error of the policy.
      await run.inject({ ...injected, data, protocol: 'HTTP' }).then(
        (injection) => calls.push(...injection.calls),
        () => calls.push(...run.policy.takeCalls()),
      );
    }
    return { deeds, called: new Set(calls.map(({ name }) => name)) };
  }

  /** Everything by name, as text or as a digest of it. */
  async look(): Promise<Look> {
    const seen: Record<string, string> = {};
    for (const [file, digest] of filesBelow(this.#folder)) seen[`file ${file}`] = digest;
    for (const [file, database] of this.#databases)
      for (const [table, digest] of contentOf(database))
        seen[`database ${file.slice(this.#folder.length + 1)}, ${table}`] = digest;
    for (const view of VIEWS) {
      const shown = await callApi(this.#engine, view).catch(toError);
      const text = shown instanceof Error ? shown.message : JSON.stringify(shown);
      seen[`API ${view}`] = text.replace(OWN_PACE, '').replace(EMPTY_QUEUES, '');
    }
    seen['metrics'] = this.#engine.core.metrics
      .toText()
      .split('\n')
      .filter((line) => !line.includes('look') && !line.includes('peek'))
      .join('\n');
    Object.assign(seen, await this.#shared());
    seen['calls of the network'] = String(this.#callCount);
    seen['working folder'] = process.cwd();
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [, database] of this.#databases) database.close();
    await this.#engine.stop();
    await new Promise((resolve) => this.#webServer.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What scripts of the running engine see, and what it keeps for them. */
  async #shared(): Promise<Record<string, string>> {
    const { policy } = this.#engine.core;
    const { world } = policy;
    const [remaining, ...shared] = await policy.callEvent('look', []);
    this.#lookCount++;
    const { caches, queues, counters, tuning, memory, monitorGlobs, setup, epoch } = world;
    return {
      // Each look takes one itself.
      'seen by scripts': JSON.stringify([Number(remaining) + this.#lookCount, ...shared]),
      'items between scripts': JSON.stringify(await policy.callEvent('peek', [])),
      'kept for scripts': JSON.stringify({
        caches: [...caches].map(([name, cache]) => [name, cache.size]),
        ...{ queues: [...queues.keys()], counters: [...counters.keys()] },
        ...{ tuning, memory, monitorGlobs, epoch, setup: setup.length },
        validationFailed: world.validationFailed,
      }),
    };
  }
}

function furnish(layout: WorkspaceLayout): void {
  const write = (path: string, text: string): void => {
    const file = join(layout.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  write('policy/init.lua', LIVE_POLICY);
  write('data/a.txt', 'precious');
  write('data/sub/b.txt', 'as well');
  write('data/shaping.toml', '["example.net"]\nmax_deliveries_per_connection = 5\n');
  write('mail/user/new/1', 'a message');
  write('../outside.txt', 'not of the workspace');
  write('far-ends.json', '{ "farEnds": [{ "name": "one" }] }');
  write(
    'routes.json',
    '{ "routes": [{ "name": "to-one", "match": { "domain": "one.example" }, "to": { "kind": "farEnd", "name": "one" } }] }',
  );
  symlinkSync(join(layout.root, 'data/a.txt'), join(layout.root, 'data/link.txt'));
  const database = (name: string, sql: string): void => {
    const opened = new DatabaseSync(join(layout.root, 'data', name));
    opened.exec(sql);
    opened.close();
  };
  database('own.db', 'create table t (a); insert into t values (1)');
  database('wal.db', 'pragma journal_mode = wal; create table t (a); insert into t values (1)');
}

/** Mail that was delivered, that waits and that is suppressed, so that there is something to lose. */
async function receiveSome(engine: WorkspaceEngine): Promise<void> {
  const entries = [{ recipient: 'listed@two.example' }];
  await callApi(engine, '/suppression', { entries });
  const smtp = engine.listening.find(({ service }) => service === 'smtp');
  const port = Number(smtp?.address.split(':').at(-1));
  const to = ['a@one.example', 'b-451@one.example', 'listed@two.example', 'b@two.example'];
  for (const one of to)
    await sendRaw(port, { from: 'a@shop.test', to: one }, Buffer.from('Subject: x\r\n\r\nx\r\n'));
  await eventually('nothing is under way', async () => {
    const page = (await callApi(engine, '/rows?limit=50')) as RowPage;
    return page.rows.length === to.length && page.rows.every(({ state }) => state !== 'queued');
  });
  await eventually('what follows has happened', async () => {
    const status = (await callApi(engine, '/status')) as EngineStatus;
    const { farEnds } = (await callApi(engine, '/far-ends')) as FarEndList;
    return (
      status.inspectLag === 0 &&
      farEnds.every(({ connections }) => connections === 0) &&
      existsSync(engine.layout.routeCountsFile)
    );
  });
}

async function callApi(engine: WorkspaceEngine, path: string, body?: object): Promise<unknown> {
  const [base, token] = engine.windowUrl.split('/#token=');
  const response = await fetch(`${base}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as unknown;
}

/** Files that are no databases, whose content is looked at apart. */
function* filesBelow(folder: string): Generator<[string, string]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (/\.db-(wal|shm)$/.test(name)) continue;
    if (name.endsWith('.db')) yield [name, 'a database'];
    else if (entry.isFile()) yield [name, digestOf(readFileSync(path))];
    else yield [name, entry.isSymbolicLink() ? 'a link' : 'a folder'];
  }
}

/** Its tables and what is in them, without what the engine writes down every minute. */
function* contentOf(database: DatabaseSync): Generator<[string, string]> {
  const tables = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all();
  for (const { name, sql } of tables) {
    if (/^CREATE VIRTUAL/i.test(String(sql))) continue;
    const rows = database
      .prepare(`SELECT * FROM "${String(name)}"`)
      .all()
      .filter((row) => row['key'] !== 'maildirsFlushedThrough' && row['name'] !== 'commitSeq');
    yield [String(name), digestOf(JSON.stringify([sql, rows]))];
  }
}

function digestOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
