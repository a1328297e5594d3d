import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../engine/mail/message.ts';
import { ExtrasWorld } from './extras-world.ts';

let extras: ExtrasWorld;
beforeEach(() => {
  extras = new ExtrasWorld();
});
afterEach(() => extras.close());

const QUEUES = `
tenant_header = "X-Tenant"
remove_tenant_header = true
campaign_header = "X-Campaign"
default_tenant = "house"

[tenant."acme"]
max_age = "5 minutes"

[tenant."house"]

[tenant."closed"]
require_authz = ["alice", "bob"]

[queue.default]
retry_interval = "30 minutes"
max_age = "10 minutes"

[queue."box.test"]
retry_interval = "40 minutes"
routing_domain = "relay.test"

[queue."box.test".acme]
max_retry_interval = "2 hours"

[queue."box.test".acme.spring]
egress_pool = "spring-pool"

[queue."*.wild.test"]
retry_interval = "1 hour"
`;

const POLICY = `
local helper = require('policy-extras.queue'):setup { FOLDER .. '/queues.toml' }
kumo.on('received', function(msg) helper:apply(msg) end)
kumo.on('resolve', function(domain, tenant, campaign)
  local p = helper:resolve_config(domain, tenant, campaign)
  local keys = {}
  for k, v in pairs(p) do keys[#keys + 1] = k .. '=' .. tostring(v) end
  table.sort(keys)
  return table.concat(keys, ' ')
end)
kumo.on('read', function(...)
  local c = ...
  return c.retry_interval, c.max_age, c.egress_pool == nil
end)
`;

const apply = async (message: Message): Promise<string> => {
  try {
    await extras.fire('received', extras.object(message));
    return message.queueName();
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? '';
  }
};

const mail = (headers: string, meta = {}): Message =>
  extras.message({ data: `${headers}From: <n@shop.test>\n\nhello\n`, meta });

describe('helper:apply', () => {
  beforeEach(async () => {
    extras.write('queues.toml', QUEUES);
    await extras.load(POLICY);
  });

  it('takes tenant and campaign from headers and sets the routing domain', async () => {
    const message = mail('X-Tenant: acme\nX-Campaign: spring\n');
    expect(await apply(message)).toBe('spring:acme@box.test!relay.test');
    expect(Buffer.from(message.data).toString()).toBe(
      'X-Campaign: spring\r\nFrom: <n@shop.test>\r\n\r\nhello\r\n',
    );
  });

  it('falls back to the default tenant', async () => {
    expect(await apply(mail(''))).toBe('house@box.test!relay.test');
  });

  it('refuses tenants that are unknown or not authorised', async () => {
    expect(await apply(mail('X-Tenant: nobody\n'))).toBe(
      "500 tenant 'nobody' specified by 'X-Tenant' header is not defined in your queue config",
    );
    expect(await apply(mail('X-Tenant: closed\n'))).toBe("500 tenant 'closed' requires SMTP AUTH");
    expect(await apply(mail('X-Tenant: closed\n', { authz_id: 'eve' }))).toBe(
      "500 authz_id 'eve' is not authorized to send as tenant 'closed'",
    );
    expect(await apply(mail('X-Tenant: closed\n', { authz_id: 'bob' }))).toBe(
      'closed@box.test!relay.test',
    );
  });

  it('lets the more special block win', async () => {
    expect(await extras.fire('resolve', 'box.test', 'acme', 'spring')).toEqual([
      'egress_pool=spring-pool max_age=5 minutes max_retry_interval=2 hours refresh_strategy=Epoch retry_interval=40 minutes routing_domain=relay.test',
    ]);
    expect(await extras.fire('resolve', 'a.wild.test', undefined, undefined)).toEqual([
      'max_age=10 minutes refresh_strategy=Epoch retry_interval=1 hour',
    ]);
    expect(await extras.fire('resolve', 'default', undefined, undefined)).toEqual([
      'max_age=10 minutes refresh_strategy=Epoch retry_interval=30 minutes',
    ]);
  });

  it('answers get_queue_config for every domain', async () => {
    const [config] = await extras.fire(
      'get_queue_config',
      'box.test',
      'house',
      undefined,
      undefined,
    );
    expect(await extras.fire('read', config)).toEqual(['40m', '10m', false]);
    expect(
      await extras.fire('get_queue_config', 'other.test', undefined, undefined, undefined),
    ).toHaveLength(1);
  });
});

it('merges files and inline tables, later ones over earlier ones', async () => {
  extras.write('queues.toml', QUEUES);
  await extras.load(
    POLICY.replace(
      "{ FOLDER .. '/queues.toml' }",
      "{ FOLDER .. '/queues.toml', { queue = { ['box.test'] = { retry_interval = '1m' } } } }",
    ),
  );
  expect(await extras.fire('resolve', 'box.test', undefined, undefined)).toEqual([
    'max_age=10 minutes refresh_strategy=Epoch retry_interval=1m routing_domain=relay.test',
  ]);
});

it.each([
  ['[tenant.x]\nmax_agee = "5m"', /TenantOptions: unknown field 'max_agee'/],
  ['[tenant.x]\nmax_age = "soon"', /TenantOptions: invalid value for field 'max_age'/],
  ['[queue."a.test"]\nmax_age = "soon"', /invalid value for tenant 'max_age'/],
  ['colour = "red"', /QueueHelperConfig: unknown field 'colour'/],
])('explains %j', async (text, problem) => {
  extras.write('queues.toml', text);
  await extras.load(POLICY);
  await expect(extras.fire('resolve', 'box.test', undefined, undefined)).rejects.toThrow(problem);
  await extras.fire('validate_config');
  expect(extras.printed.join('\n')).toMatch(problem);
  expect(extras.world.validationFailed).toBe(true);
});

it('is configured once', async () => {
  await expect(extras.load(`${POLICY}\nrequire('policy-extras.queue'):setup {}`)).rejects.toThrow(
    'queue module has already been configured',
  );
});
