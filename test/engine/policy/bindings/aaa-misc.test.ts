import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { aaaBindings, AccessControlList } from '../../../../engine/policy/bindings/aaa.ts';
import { httpResourceChain } from '../../../../engine/policy/bindings/aaa-acl.ts';
import { miscBindings } from '../../../../engine/policy/bindings/misc.ts';
import type { BindingDeps } from '../../../../engine/policy/bindings/bindings.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

it('httpResourceChain() walks up from the URL, then over every listener', () => {
  expect(httpResourceChain('127.0.0.1:8000', '/a/b?x=1')).toEqual([
    'http_listener/127.0.0.1:8000/a/b',
    'http_listener/127.0.0.1:8000/a',
    'http_listener/127.0.0.1:8000',
    'http_listener/*/a/b',
    'http_listener/*/a',
    'http_listener',
  ]);
});

it('asks access control lists: the first rule that matches decides', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aaa-test-'));
  const path = join(folder, 'acl.toml');
  writeFileSync(
    path,
    `[["http_listener/*/api"]]
criteria = { Any = [{ Group = "admins" }, { Machine = "10.0.0.0/8" }] }
privilege = "GET"
access = "Allow"
`,
  );
  const secret = new AccessControlList([
    { criteria: { Individual: 'eve' }, privilege: 'GET', access: 'Deny' },
    { criteria: 'AnyAuthenticated', privilege: 'GET', access: 'Allow' },
  ]);
  const deps = fakeDeps({
    callEvent: (_, [resource]) =>
      Promise.resolve(resource === 'http_listener/*/api/secret' ? [secret] : []),
  });
  const lines = await traceLua(
    [aaaBindings(deps)],
    `
    kumo.aaa.set_fall_back_to_acl_map(kumo.aaa.load_acl_map(path))
    local function ask(url, auth, privilege)
      local resource = kumo.aaa.make_http_url_resource('127.0.0.1:8000', url)
      local r = kumo.aaa.query_resource_access(resource, auth, privilege or 'GET')
      trace(r.allow, r.resource)
    end
    local function id(name) return { identities = { { identity = name, context = 'HttpBasicAuth' } }, groups = {} } end
    ask('/api/secret', id 'bob')
    ask('/api/secret', id 'eve')
    ask('/api/other', id 'bob')
    ask('/api/other', { peer_address = '10.1.2.3', identities = {}, groups = {} })
    ask('/api/other', { identities = {}, groups = { 'admins' } })
    ask('/api/other', { identities = {}, groups = { 'admins' } }, 'POST')
    try(kumo.aaa.make_access_control_list, { { criteria = 'Any', privilege = 'GET', access = 'Maybe' } })
    trace(kumo.aaa.load_acl_map(path):get 'nowhere')
  `,
    { path },
  );
  rmSync(folder, { recursive: true });
  expect(lines).toEqual([
    'true http_listener/*/api/secret',
    'false http_listener/*/api/secret',
    'false nil',
    'true http_listener/*/api',
    'true http_listener/*/api',
    'false nil',
    'error deserialize error: unknown variant `Maybe`, expected `Allow` or `Deny`',
    'nil',
  ]);
});

it('records what is published, tells kinds of files and explains what is absent', async () => {
  const told: string[] = [];
  const services = { diagnostic: (_: string, text: string) => told.push(text) };
  const deps = fakeDeps({ services: services as unknown as BindingDeps['services'] });
  expect(
    await traceLua(
      miscBindings(deps),
      `
      local producer = kumo.kafka.build_producer { ['bootstrap.servers'] = 'kafka:9092' }
      trace(producer:send { topic = 'mail', payload = 'abc' })
      trace(producer:send { topic = 'mail', payload = '' })
      producer:close()
      try(producer.send, producer, { topic = 'mail' })
      kumo.nats.connect({ servers = {} }):publish { subject = 's', payload = 'x' }
      try(kumo.amqp.basic_publish, {})
      trace(kumo.file_type.from_bytes('\\x89PNG\\r\\n\\x1a\\n....').media_types, kumo.file_type.from_extension('JPEG').name, kumo.file_type.from_media_type('text/csv; x=y').extensions, kumo.file_type.from_bytes 'hello')
      try(kumo.jsonl.new_tailer, {})
    `,
    ),
  ).toEqual([
    '0 0',
    '0 1',
    'error kafka client was closed',
    'error deserialize error: missing field `routing_key`',
    '{1=image/png} JPEG {1=csv} nil',
    'error kumo.jsonl.new_tailer exists in KumoMTA but not in Postyard: log folders are read by the window and by the command line',
  ]);
  expect(told).toEqual([
    'kafka: 3 bytes for mail recorded, not sent',
    'kafka: 0 bytes for mail recorded, not sent',
    'nats: 1 bytes for s recorded, not sent',
  ]);
});
