--[[
Log records for programs: as messages to a Lua connection of the policy, as JSON to a web hook, or
to a function at the moment they are made.
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'
require 'policy-extras.queue'

local mod = {}

local Options = typing.record('LogHookOptions', {
  name = typing.string,
  constructor = typing.Function,
  log_parameters = typing.option(typing.any),
  queue_config = typing.option(typing.any),
  batch_size = typing.option(typing.number),
  min_batch_size = typing.option(typing.number),
  max_batch_latency = typing.option(typing.any),
  filter = typing.option(typing.Function),
})

local JsonOptions = typing.record('JsonLogHookOptions', {
  name = typing.string,
  url = typing.string,
  log_parameters = typing.option(typing.any),
  queue_config = typing.option(typing.any),
})

local DispositionOptions = typing.record('DispositionHookOptions', {
  name = typing.string,
  hook = typing.Function,
})

-- Records go to the queue `<name>.log_hook`, delivered by connections that `constructor` makes.
function mod:new(options)
  options = Options(options)
  local queue_name = options.name .. '.log_hook'
  local constructor_event = 'make.' .. queue_name

  kumo.on('pre_init', function()
    local params = utils.merge_into(options.log_parameters or {}, {})
    params.name = options.name
    kumo.configure_log_hook(params)
  end)

  kumo.on('should_enqueue_log_record', function(msg, hook_name)
    if hook_name ~= options.name then
      return
    end
    -- Records about records would never end.
    local record = msg:get_meta 'log_record'
    if record and record.reception_protocol == 'LogRecord' then
      return false
    end
    if options.filter and options.filter(msg, hook_name) then
      return false
    end
    msg:set_meta('queue', queue_name)
    return true
  end)

  kumo.on('get_queue_config', function(domain)
    if domain ~= queue_name then
      return
    end
    local params = { retry_interval = '1m', max_retry_interval = '20m' }
    utils.merge_into(options.queue_config or {}, params)
    params.protocol = {
      custom_lua = {
        constructor = constructor_event,
        batch_size = options.batch_size,
        min_batch_size = options.min_batch_size,
        max_batch_latency = options.max_batch_latency,
      },
    }
    return kumo.make_queue_config(params)
  end)

  kumo.on(constructor_event, options.constructor)
end

-- Posts every record as JSON; answers other than 2xx bounce the record.
function mod:new_json(options)
  options = JsonOptions(options)
  mod:new {
    name = options.name,
    log_parameters = options.log_parameters,
    queue_config = options.queue_config,
    constructor = function()
      local connection = {}
      local client = kumo.http.build_client {}

      function connection:send(message)
        local response = client
          :post(options.url)
          :header('Content-Type', 'application/json')
          :body(message:get_data())
          :send()
        local disposition = string.format(
          '%d %s: %s',
          response:status_code(),
          response:status_reason(),
          response:text()
        )
        if response:status_is_success() then
          return disposition
        end
        kumo.reject(500, disposition)
      end

      function connection:close()
        client:close()
      end

      return connection
    end,
  }
end

-- Calls `hook(msg, record)` for every record while it is being made.
function mod:new_disposition_hook(options)
  options = DispositionOptions(options)
  kumo.on('pre_init', function()
    kumo.configure_log_disposition_hook { name = options.name }
  end)
  kumo.on('log_disposition_' .. options.name, options.hook)
end

return mod
