/**
 * Runs inside a sealed network (`nothing-leaves.test.ts`): an engine whose policy tries every way
 * out, then a canary that goes past the guard on purpose. Prints one line of JSON.
 */
import { connect } from 'node:net';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecipientRow } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { OUTSIDE, openSealedNetwork, packetsOut } from '../support/sealed-network.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

export interface SealedReport {
  /** What each way of the policy came to. */
  readonly ways: Readonly<Record<string, string>>;
  /** Deliveries by recipient: the last reply. */
  readonly deliveries: Readonly<Record<string, string>>;
  readonly captured: string;
  /** `kind target why` of all refusals. */
  readonly ledger: readonly string[];
  readonly packets: { readonly engine: number; readonly canary: number };
}

const POLICY = `
local kumo = require 'kumo'
local redis = require 'redis'
local out = '${OUTSIDE}'

kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)

local function tries(msg)
  return {
    http_address = function() return kumo.http.build_client({}):get('http://' .. out .. '.80/'):send():status_code() end,
    http_name = function() return kumo.http.build_client({}):get('http://outside.example/'):send():status_code() end,
    https = function() return kumo.http.build_client({}):post('https://' .. out .. '.43/'):send():status_code() end,
    websocket = function() return kumo.http.connect_websocket('ws://' .. out .. '.80/') end,
    mx = function() return kumo.dns.lookup_mx 'outside.example' end,
    addr = function() return kumo.dns.lookup_addr 'outside.example' end,
    txt = function() return kumo.dns.lookup_txt 'outside.example' end,
    ptr = function() return kumo.dns.lookup_ptr(out .. '.9') end,
    rbl = function() return kumo.dns.rbl_lookup(out .. '.9', 'rbl.example') end,
    other_resolver = function()
      kumo.dns.configure_resolver { Hickory = { name_servers = { out .. '.53:53' } } }
      return kumo.dns.lookup_txt 'elsewhere.example'
    end,
    redis = function() return redis.open({ node = 'redis://' .. out .. '.79/' }):query 'PING' end,
    dkim = function() return kumo.json_encode(msg:dkim_verify()) end,
    spf = function() return kumo.json_encode(kumo.spf.check_msg(msg)) end,
    arc = function() return kumo.json_encode(msg:arc_verify()) end,
    amqp = function() kumo.amqp.basic_publish { routing_key = 'key', payload = 'x', uri = 'amqp://' .. out .. '.72' } return 'recorded' end,
    kafka = function() kumo.kafka.build_producer({ ['bootstrap.servers'] = out .. '.92:9092' }):send { topic = 't', payload = 'x' } return 'recorded' end,
    nats = function() kumo.nats.connect({ servers = { out .. '.42:4222' } }):publish { subject = 's', payload = 'x' } return 'recorded' end,
    shaping = function() return kumo.shaping.load({ 'http://' .. out .. '.80/shaping.toml' }, {}) end,
    program = function() return os.execute('true') end,
    pipe = function() return io.popen('true') end,
  }
end

kumo.on('smtp_server_message_received', function(msg)
  if msg:recipient().user ~= 'ways' then return end
  local ways = {}
  for name, try in pairs(tries(msg)) do
    local ok, value = pcall(try)
    ways[name] = tostring(value)
  end
  local file = assert(io.open('ways.json', 'w'))
  file:write(kumo.json_encode(ways))
  file:close()
end)

kumo.on('get_queue_config', function(domain)
  if domain == 'kept.test' then
    return kumo.make_queue_config { protocol = { maildir_path = 'mail/kept' } }
  end
  local pools = { ['socks.test'] = 'socks', ['proxy.test'] = 'proxy' }
  local hosts = {
    ['literal.test'] = { '[' .. out .. '.25]' },
    ['named.test'] = { 'mx.outside.example' },
    ['socks.test'] = { '[' .. out .. '.26]' },
    ['proxy.test'] = { '[' .. out .. '.27]' },
  }
  return kumo.make_queue_config {
    egress_pool = pools[domain],
    protocol = hosts[domain] and { smtp = { mx_list = hosts[domain] } },
  }
end)
kumo.on('get_egress_pool', function(name)
  return kumo.make_egress_pool { name = name, entries = { { name = name } } }
end)
kumo.on('get_egress_source', function(name)
  if name == 'socks' then
    return kumo.make_egress_source { name = name, socks5_proxy_server = out .. '.10:1080' }
  end
  return kumo.make_egress_source { name = name, ha_proxy_server = out .. '.11:5000', ha_proxy_source_address = out .. '.1' }
end)
`;

const SIGNED = [
  'DKIM-Signature: v=1; a=rsa-sha256; d=signed.example; s=key; c=relaxed/relaxed; h=From; bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=; b=AAAA',
  'From: <sender@signed.example>',
  'Subject: Every way out',
];

async function report(folder: string): Promise<SealedReport> {
  openSealedNetwork(join(folder, 'resolv.conf'));
  const before = packetsOut();
  const engine = await ServeProcess.start({
    workspace: join(folder, 'closed'),
    policy: POLICY,
    files: { 'postyard.json': '{ "captureLeaving": false }' },
  });
  await sendMail(engine, 'ways@kept.test', { headers: SIGNED });
  const waysFile = join(engine.workspace, 'ways.json');
  await eventually('what the ways came to', () => existsSync(waysFile), DEADLINE_MS);
  const ways = JSON.parse(readFileSync(waysFile, 'utf8')) as Record<string, string>;
  const deliveries: Record<string, string> = {};
  for (const domain of ['literal.test', 'named.test', 'socks.test', 'proxy.test', 'asked.test']) {
    await sendMail(engine, `a@${domain}`);
    const { code, lastText }: RecipientRow = await rowTo(engine, `a@${domain}`, 'deferred');
    deliveries[domain] = `${code} ${lastText}`;
  }
  await engine.stop();
  const database = new DatabaseSync(join(engine.workspace, '.postyard/store/postyard.db'), {
    readOnly: true,
  });
  const ledger = database
    .prepare('SELECT kind, target, why FROM ledger WHERE is_allowed = 0')
    .all()
    .map(({ kind, target, why }) => `${String(kind)} ${String(target)} ${String(why)}`);
  database.close();

  const capturing = await ServeProcess.start({
    workspace: join(folder, 'capturing'),
    policy: POLICY,
  });
  await sendMail(capturing, 'a@asked.test');
  const { route, state } = await rowTo(capturing, 'a@asked.test', 'delivered');
  await capturing.stop();

  const after = packetsOut();
  await goPastTheGuard();
  return {
    ways,
    deliveries,
    captured: `${state}: ${route}`,
    ledger,
    packets: { engine: after - before, canary: packetsOut() - after },
  };
}

/** What the engine must not do: the counter has to see it. */
async function goPastTheGuard(): Promise<void> {
  const socket = connect(25, `${OUTSIDE}.25`).on('error', () => {});
  const start = packetsOut();
  await eventually('the canary is counted', () => packetsOut() > start, DEADLINE_MS);
  socket.destroy();
}

const folder = mkdtempSync(join(tmpdir(), 'postyard-sealed-'));
try {
  process.stdout.write(`${JSON.stringify(await report(folder))}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
