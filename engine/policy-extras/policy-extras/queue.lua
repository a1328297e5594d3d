--[[
Queue configuration and tenants from data files:

  tenant_header, remove_tenant_header, campaign_header, remove_campaign_header, default_tenant,
  scheduling_header                     what is read from a message
  [tenant."T"]                          queue options, require_authz, overall_max_message_rate
  [tenant."T".campaigns."C"]            overall_max_message_rate of one campaign
  [queue.default]                       queue options of every domain
  [queue."D"]  [queue."D"."T"]  [queue."D"."T"."C"]
                                        of a domain, a tenant there, and a campaign of it

Inside a domain block a key that is not a queue option with an acceptable value is the name of a
tenant, inside a tenant block the name of a campaign.

The handler of get_queue_config answers for every domain, so handlers of the policy have to be
registered before setup.
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'

local mod = {}

-- Our own options beside those of kumo.make_queue_config.
local OWN_OPTIONS = {
  campaigns = true,
  overall_max_message_rate = true,
  require_authz = true,
  routing_domain = true,
}

-- Whether kumo.make_queue_config takes this option with this value; else what it says about it.
function mod.is_queue_config_option(key, value)
  local ok, err = pcall(kumo.make_queue_config, { [key] = value })
  if ok then
    return true
  end
  return false, typing.extract_deserialize_error(err)
end

-- For records: true, or false and what is wrong, or false alone for an unknown name.
local function check_queue_option(key, value)
  local ok, problem = mod.is_queue_config_option(key, value)
  if ok then
    return true
  end
  if problem:find('unknown field', 1, true) then
    return false
  end
  return false, problem
end

local function is_option(key, value)
  if key == 'routing_domain' then
    return type(value) == 'string'
  end
  if key == 'overall_max_message_rate' then
    return pcall(kumo.make_throttle, 'check', value)
  end
  return (mod.is_queue_config_option(key, value))
end

local CampaignOptions = typing.record('CampaignOptions', {
  overall_max_message_rate = typing.option(typing.any),
  _dynamic = check_queue_option,
})

local TenantOptions = typing.record('TenantOptions', {
  require_authz = typing.option(typing.list(typing.string)),
  overall_max_message_rate = typing.option(typing.any),
  campaigns = typing.option(typing.map(typing.string, CampaignOptions)),
  _dynamic = check_queue_option,
})

local QueueOptions = typing.record('QueueOptions', {
  routing_domain = typing.option(typing.string),
  overall_max_message_rate = typing.option(typing.any),
  _dynamic = check_queue_option,
})

local Headers = typing.record('QueueHelperConfig', {
  scheduling_header = typing.option(typing.string),
  tenant_header = typing.option(typing.string),
  remove_tenant_header = typing.default(typing.boolean, false),
  campaign_header = typing.option(typing.string),
  remove_campaign_header = typing.default(typing.boolean, false),
  default_tenant = typing.option(typing.string),
  tenant = typing.default(typing.map(typing.string, TenantOptions), {}),
  queue = typing.default(typing.map(typing.string, typing.any), {}),
})

-- Takes a block apart: its options, and the blocks inside it by name. What is not an option that can
-- be used is taken for a name.
local function split_block(kind, name, block)
  if type(block) ~= 'table' then
    error(
      string.format(
        "QueueConfig: invalid value for %s '%s'\nExpected a table of options, got '%s' %s",
        kind,
        name,
        type(block),
        tostring(block)
      ),
      0
    )
  end
  local options, inner = {}, {}
  for key, value in pairs(block) do
    if is_option(key, value) then
      options[key] = value
    else
      inner[key] = value
    end
  end
  return QueueOptions(options), inner
end

local function parse_tenant(name, block)
  local options, campaigns = split_block('tenant', name, block)
  local parsed = { options = options, campaigns = {} }
  for campaign, campaign_block in pairs(campaigns) do
    parsed.campaigns[campaign] = QueueOptions(campaign_block)
  end
  return parsed
end

local function parse_domain(name, block)
  local options, tenants = split_block('domain', name, block)
  local parsed = { options = options, tenants = {} }
  for tenant, tenant_block in pairs(tenants) do
    parsed.tenants[tenant] = parse_tenant(tenant, tenant_block)
  end
  return parsed
end

-- Reads and merges the files. `queue` becomes a domain map; `default` is kept apart, because it is
-- a name and not a domain.
function mod.load(file_names)
  local merged = {}
  for _, file in ipairs(file_names) do
    utils.recursive_merge_into(utils.load_json_or_toml_file(file), merged)
  end
  local data = utils.merge_into(Headers(merged), {})
  local domains = {}
  for domain, block in pairs(data.queue) do
    if domain == 'default' then
      data.default_queue = parse_domain(domain, block)
    else
      domains[domain] = parse_domain(domain, block)
    end
  end
  data.queue = kumo.domain_map.new(domains)
  return data
end

-- The options of one queue; what comes later in this function wins.
local function resolve(data, domain, tenant, campaign)
  local params = { refresh_strategy = 'Epoch' }
  if data.default_queue then
    utils.merge_into(data.default_queue.options, params)
  end
  local block = data.queue[domain]
  if block then
    utils.merge_into(block.options, params)
  end
  if tenant and data.tenant[tenant] then
    utils.merge_into(data.tenant[tenant], params)
  end
  local in_tenant = block and tenant and block.tenants[tenant]
  if in_tenant then
    utils.merge_into(in_tenant.options, params)
    local in_campaign = campaign and in_tenant.campaigns[campaign]
    if in_campaign then
      utils.merge_into(in_campaign, params)
    end
  end
  return params
end

local find_provider = kumo.memoize(function(domain)
  local ok, provider = pcall(function()
    local mx = kumo.dns.lookup_mx(domain)
    local path = kumo.invoke_get_egress_path_config(domain, 'unspecified', mx.site_name)
    return path.provider_name
  end)
  -- An option that is not set reads as a null that is neither nil nor a name.
  if ok and type(provider) == 'string' then
    return provider
  end
  return nil
end, {
  name = 'queue.lua_resolve_provider',
  ttl = '1 minute',
  capacity = 128,
})

-- The provider name that the egress path of a domain has, or nil.
function mod:resolve_provider(domain, routing_domain)
  return find_provider(routing_domain or domain)
end

local function apply_campaign(data, msg)
  local header = data.campaign_header
  if not header then
    return
  end
  local campaign = msg:get_first_named_header_value(header)
  if campaign then
    msg:set_meta('campaign', campaign)
    if data.remove_campaign_header then
      msg:remove_all_named_headers(header)
    end
  end
end

-- The tenant of a message and where its name comes from, or nil.
local function find_tenant(data, msg)
  local header = data.tenant_header
  if header then
    local tenant = msg:get_first_named_header_value(header)
    if data.remove_tenant_header then
      msg:remove_all_named_headers(header)
    end
    if tenant then
      return tenant, string.format("'%s' header", header)
    end
  end
  return data.default_tenant, 'default_tenant option'
end

local function check_tenant(data, msg, tenant, origin)
  local options = data.tenant[tenant]
  if not options then
    kumo.reject(500, string.format("tenant '%s' specified by %s is not defined in your queue config", tenant, origin))
  end
  if not options.require_authz then
    return
  end
  local authz_id = msg:get_meta 'authz_id'
  if not authz_id then
    kumo.reject(500, string.format("tenant '%s' requires SMTP AUTH", tenant))
  end
  if not utils.table_contains(options.require_authz, authz_id) then
    kumo.reject(
      500,
      string.format("authz_id '%s' is not authorized to send as tenant '%s'", authz_id, tenant)
    )
  end
end

local function apply(data, msg)
  if data.scheduling_header then
    msg:import_scheduling_header(data.scheduling_header, true)
  end
  apply_campaign(data, msg)
  local tenant, origin = find_tenant(data, msg)
  if tenant then
    check_tenant(data, msg, tenant, origin)
    msg:set_meta('tenant', tenant)
  end
  local recipient = msg:recipient_list()[1]
  local params = resolve(data, recipient.domain, tenant, msg:get_meta 'campaign')
  if params.routing_domain then
    msg:set_meta('routing_domain', params.routing_domain)
  end
end

-- Rates over all queues of a tenant, then of one campaign of it.
local function throttle(data, msg)
  local tenant = msg:get_meta 'tenant'
  local options = tenant and data.tenant[tenant]
  if not options then
    return
  end
  if options.overall_max_message_rate then
    kumo.make_throttle('queue_helper_tenant_' .. tenant, options.overall_max_message_rate)
      :delay_message_if_throttled(msg)
  end
  local campaign = msg:get_meta 'campaign'
  local in_campaign = campaign and options.campaigns and options.campaigns[campaign]
  if in_campaign and in_campaign.overall_max_message_rate then
    -- KumoMTA applies the tenant's rate to the campaign as well, when there is one.
    local rate = options.overall_max_message_rate or in_campaign.overall_max_message_rate
    kumo.make_throttle(string.format('queue_helper_campaign_%s_%s', tenant, campaign), rate)
      :delay_message_if_throttled(msg)
  end
end

local function queue_config(data, domain, tenant, campaign, routing_domain)
  local params = resolve(data, domain, tenant, campaign)
  for name in pairs(OWN_OPTIONS) do
    params[name] = nil
  end
  if not params.provider_name then
    params.provider_name = mod:resolve_provider(domain, routing_domain)
  end
  return kumo.make_queue_config(params)
end

local function validate(file_names)
  local ok, err = pcall(mod.load, file_names)
  if not ok then
    print('queue: ' .. tostring(err))
    kumo.validation_failed()
    return
  end
  local registrars = kumo.get_event_registrars 'get_queue_config'
  local last = registrars and registrars[#registrars]
  if last and not (last[1] or ''):find 'queue%.lua' then
    print 'queue: a get_queue_config handler is registered after the queue helper and will never be called'
    kumo.validation_failed()
  end
end

local is_configured = false

--[[
Options: file_names (required); skip_queue_config_hook leaves get_queue_config to the policy, which
then calls resolve_config; invalidate_with_epoch reads the files again when the configuration changes.
]]
function mod:setup_with_options(options)
  if is_configured then
    error('queue module has already been configured', 2)
  end
  is_configured = true

  local cached = kumo.memoize(mod.load, {
    name = 'queue_helper_data',
    ttl = '1 minute',
    capacity = 10,
    invalidate_with_epoch = options.invalidate_with_epoch,
  })
  local function data()
    return cached(options.file_names)
  end

  local helper = {}

  -- Sets tenant, campaign and routing domain of a message that was just received.
  function helper:apply(msg)
    apply(data(), msg)
  end

  -- The options of a queue as a table for kumo.make_queue_config (and our own beside them).
  function helper:resolve_config(domain, tenant, campaign)
    return resolve(data(), domain, tenant, campaign)
  end

  if not options.skip_queue_config_hook then
    kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
      return queue_config(data(), domain, tenant, campaign, routing_domain)
    end)
  end

  kumo.on('throttle_insert_ready_queue', function(msg)
    throttle(data(), msg)
  end)

  kumo.on('validate_config', function()
    validate(options.file_names)
  end)

  return helper
end

function mod:setup(file_names)
  return mod:setup_with_options { file_names = file_names }
end

return mod
