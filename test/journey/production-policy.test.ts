/** A policy as it runs in production starts unmodified and captures everything it would send out. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import { journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'

kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    max_segment_duration = '10 seconds',
  }
  kumo.start_esmtp_listener {
    listen = '0.0.0.0:25',
    hostname = 'mta.prod.example',
    relay_hosts = { '10.0.0.0/8', '192.168.0.0/16' },
  }
  kumo.start_http_listener {
    listen = '0.0.0.0:8000',
    trusted_hosts = { '127.0.0.1', '::1', '10.0.0.0/8' },
  }
end)

local sources = { ['ip-1'] = '198.51.100.1', ['ip-2'] = '198.51.100.2' }
kumo.on('get_egress_source', function(name)
  return kumo.make_egress_source {
    name = name,
    source_address = sources[name],
    ehlo_domain = name .. '.mta.prod.example',
  }
end)
kumo.on('get_egress_pool', function(name)
  return kumo.make_egress_pool {
    name = name,
    entries = { { name = 'ip-1', weight = 2 }, { name = 'ip-2' } },
  }
end)
kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config {
    egress_pool = 'outbound',
    max_age = '24 hours',
    retry_interval = '20 minutes',
  }
end)
kumo.on('get_egress_path_config', function(domain, source, site)
  return kumo.make_egress_path { enable_tls = 'Opportunistic', connection_limit = 10 }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:import_x_headers { 'x-tenant' }
  msg:set_meta('tenant', msg:get_meta('x_tenant') or 'default')
end)
`;
const ADDRESSES = ['ada@example.com', 'bob@gmail.com', 'eve@example.org'] as const;

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

test('it starts, captures all of it, and nothing leaves', { timeout: 120_000 }, async () => {
  const { policy, listeners, captureLeaving, openHosts } =
    await engine.api<EngineStatus>('/status');
  expect(policy.error).toBeNull();
  expect({ captureLeaving, openHosts }).toEqual({ captureLeaving: true, openHosts: [] });
  expect(listeners.every(({ address }) => address.startsWith('127.0.0.1:'))).toBe(true);

  const peers = new Set<string>();
  for (const to of ADDRESSES) {
    const headers = [`To: <${to}>`, 'From: <shop@prod.example>', 'Subject: x', 'X-Tenant: t1'];
    expect(await sendMail(engine, to, { headers })).toMatch(/^250 OK ids=/);
    for (const peer of peersOf(engine.pid)) peers.add(peer);
  }
  for (const to of ADDRESSES) {
    const row = await rowTo(engine, to, 'delivered');
    const [user, domain] = to.split('@') as [string, string];
    expect(row).toMatchObject({ queue: `t1@${domain}`, code: 200, route: 'captured' });
    expect(readdirSync(join(engine.workspace, 'mail', domain, user, 'new')).length).toBe(1);
    expect(await recordsOf(engine, row)).toEqual([
      ['Reception', 0, 250],
      ['Delivery', 0, 200],
    ]);
    const told = JSON.stringify(await journeyOf(engine, row));
    expect(told).toMatch(/captured instead of leaving|would have left the machine/i);
    expect(told).toContain(domain);
    for (const peer of peersOf(engine.pid)) peers.add(peer);
  }
  expect([...peers]).toEqual([]);
  expect(await engine.stop()).toBe(0);
  const outside = allowedOutside(join(engine.workspace, '.postyard/store/postyard.db'));
  expect(await outside).toEqual([]);
});

test('every remap is listed', { timeout: 60_000 }, async () => {
  await using again = await ServeProcess.start({ policy: POLICY });
  await sendMail(again, ADDRESSES[0]);
  await rowTo(again, ADDRESSES[0], 'delivered');
  const { remaps } = await again.api<{ remaps: { what: string; from: string; to: string }[] }>(
    '/remaps',
  );
  const root = join(again.workspace, '.postyard/root');
  expect(remaps).toEqual(
    expect.arrayContaining([
      {
        what: 'ESMTP listener',
        from: '0.0.0.0:25',
        to: `127.0.0.1:${again.smtpPort}`,
      },
      {
        what: 'HTTP listener',
        from: '0.0.0.0:8000',
        to: `127.0.0.1:${again.httpPort}`,
      },
      ...['/var/spool/kumomta/data', '/var/spool/kumomta/meta', '/var/log/kumomta'].map((from) => ({
        what: 'spool and log path',
        from,
        to: join(root, from),
      })),
    ]),
  );
});

/** Rows of the ledger that let something out to a host that is not loopback. */
async function allowedOutside(file: string): Promise<unknown[]> {
  const { DatabaseSync } = await import('node:sqlite');
  using database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare('select * from ledger where is_allowed = 1').all();
  return rows.filter(({ target }) => !/127\.|::1|localhost/.test(String(target)));
}

/** Remote addresses, other than loopback, of the process's TCP sockets; none where /proc is not. */
function peersOf(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ''))
      .map((fields) => (fields[2] ?? '').split(':')[0] ?? '')
      .filter((address) => !/^0+$/.test(address) && !isLoopbackHex(address)),
  );
}

/** As the kernel prints it: little-endian words in hex. */
function isLoopbackHex(address: string): boolean {
  return address.length === 8
    ? address.endsWith('7F')
    : address === '00000000000000000000000001000000' ||
        (address.startsWith('0000000000000000FFFF0000') && address.endsWith('7F'));
}
