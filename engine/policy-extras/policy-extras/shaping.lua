--[[
Egress paths from shaping files: options by default, provider, site, domain and source.

Records can be published to a traffic shaping daemon. Its answers (suspensions, changed limits) are
not subscribed to here: no background tasks are started, and a warning says so once.
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'
require 'policy-extras.sources'

local mod = {}

local DEFAULT_FILE = '/opt/kumomta/share/policy-extras/shaping.toml'

-- Records that say nothing about how a destination behaves.
local SKIPPED_RECORD_TYPES = {
  'AdminRebind',
  'DeferredInjectionRebind',
  'Delayed',
  'Reception',
  'Rejection',
  'XferIn',
  'XferOut',
}

local Strings = typing.list(typing.string)

local Options = typing.record('ShapingOptions', {
  extra_files = typing.option(Strings),
  publish = typing.option(Strings),
  subscribe = typing.option(Strings),
  no_default_files = typing.default(typing.boolean, false),
  pre_filter = typing.default(typing.boolean, true),
  skip_log_record_types = typing.option(Strings),
  additional_skip_log_record_types = typing.option(Strings),
  tsa_queue_config = typing.option(typing.any),
  back_pressure = typing.option(typing.number),
  load_validation_options = typing.option(typing.any),
  validation_options = typing.option(typing.any),
  cache_ttl = typing.default(typing.string, '1 minute'),
  allow_stale_shaping_data = typing.option(typing.boolean),
  shaping_data_populate_timeout = typing.option(typing.any),
  retry_shaping_data_fetch_on_populate_timeout = typing.option(typing.boolean),
  publish_timeout = typing.option(typing.any),
  publish_pool_idle_timeout = typing.option(typing.any),
  publish_connection_verbose = typing.option(typing.boolean),
})

local function file_names(options)
  local names = {}
  if not options.no_default_files then
    names[1] = DEFAULT_FILE
  end
  for _, name in ipairs(options.extra_files or {}) do
    names[#names + 1] = name
  end
  return names
end

local function queue_name(url)
  return url .. '.tsa.kumomta'
end

-- Whether a record is worth sending, by its type and, with pre_filter, by the rules that match it.
local function make_filter(options, shaping_data)
  local skipped = {}
  for _, list in ipairs {
    options.skip_log_record_types or SKIPPED_RECORD_TYPES,
    options.additional_skip_log_record_types or {},
  } do
    for _, name in ipairs(list) do
      skipped[name] = true
    end
  end
  return function(record)
    if skipped[record.type] or record.reception_protocol == 'LogRecord' then
      return false
    end
    return not options.pre_filter or #shaping_data():match_rules(record) > 0
  end
end

local function setup_publish_to(options, url, is_wanted)
  local name = queue_name(url)
  local constructor_event = 'make.' .. name

  kumo.on('should_enqueue_log_record', function(msg, hook_name)
    if hook_name ~= name then
      return
    end
    if not is_wanted(msg:get_meta 'log_record') then
      return false
    end
    msg:set_meta('queue', name)
    return true
  end)

  kumo.on('get_queue_config', function(domain)
    if domain ~= name then
      return
    end
    local params = { retry_interval = '1m', max_retry_interval = '20m' }
    utils.merge_into(options.tsa_queue_config or {}, params)
    params.protocol = { custom_lua = { constructor = constructor_event } }
    return kumo.make_queue_config(params)
  end)

  kumo.on(constructor_event, function()
    local connection = {}
    local client = kumo.http.build_client {
      timeout = options.publish_timeout,
      pool_idle_timeout = options.publish_pool_idle_timeout,
      connection_verbose = options.publish_connection_verbose,
    }

    function connection:send(message)
      local response = client
        :post(url .. '/publish_log_v1')
        :header('Content-Type', 'application/json')
        :body(message:get_data())
        :send()
      local disposition = string.format('%d %s', response:status_code(), response:status_reason())
      if response:status_is_success() then
        return disposition
      end
      kumo.reject(400, disposition)
    end

    function connection:close()
      client:close()
    end

    return connection
  end)
end

local is_configured = false

--[[
Returns a table with get_egress_path_config (a handler; a fourth argument true returns the options
instead of the path), setup_publish and load_shaping_data.
]]
function mod:setup_with_automation(given)
  if is_configured then
    error('shaping module has already been configured', 2)
  end
  is_configured = true

  local options = Options(given)
  local names = file_names(options)
  local cached = kumo.memoize(function()
    return kumo.shaping.load(names, options.load_validation_options)
  end, {
    name = 'shaping_data',
    ttl = options.cache_ttl,
    capacity = 4,
    invalidate_with_epoch = true,
    allow_stale_reads = options.allow_stale_shaping_data,
  })

  local shaper = {}

  function shaper.load_shaping_data()
    return cached()
  end

  function shaper.get_egress_path_config(domain, source, site, skip_make)
    local params = cached():get_egress_path_config(domain, source, site)
    if skip_make then
      return params
    end
    return kumo.make_egress_path(params)
  end

  local is_wanted = make_filter(options, cached)

  -- To be called in init: starts sending records to the daemons.
  function shaper.setup_publish()
    for _, url in ipairs(options.publish or {}) do
      kumo.configure_log_hook {
        name = queue_name(url),
        back_pressure = options.back_pressure,
      }
    end
    if options.subscribe and #options.subscribe > 0 then
      kumo.log_warn('shaping: suspensions and limits of a daemon are not applied here')
    end
  end

  for _, url in ipairs(options.publish or {}) do
    setup_publish_to(options, url, is_wanted)
  end

  kumo.on('validate_config', function()
    local ok, data = pcall(kumo.shaping.load, names, options.validation_options or {
      aliased_site = 'Error',
      dns_fail = 'Warn',
      local_load = 'Error',
      null_mx = 'Warn',
      provider_overlap = 'Warn',
      remote_load = 'Warn',
    })
    if not ok then
      print('shaping: ' .. tostring(data))
      kumo.validation_failed()
      return
    end
    for _, text in ipairs(data:get_warnings()) do
      print('shaping: warning: ' .. text)
    end
    for _, text in ipairs(data:get_errors()) do
      print('shaping: ' .. text)
      kumo.validation_failed()
    end
  end)

  return shaper
end

-- Returns a handler for get_egress_path_config.
function mod:setup(extra_files)
  return mod:setup_with_automation({ extra_files = extra_files }).get_egress_path_config
end

return mod
