-- Starts a policy with the routes and the suppression of a Postyard workspace laid over it:
--   kumod --policy start.lua
-- The policy itself, init.lua, is as it was. Where it has a handler that KumoMTA takes only one
-- of, what the overlay does is put behind it (reception) or before it (egress path).
local FOLDER = os.getenv 'POLICY_FOLDER' or '/opt/kumomta/etc/policy'
package.path = FOLDER .. '/?.lua;' .. package.path

local kumo = require 'kumo'
local routes = require 'routes'
local suppression = require 'suppression'

suppression.setup()

local function after_reception(msg)
  if routes.message then
    routes.message(msg)
  end
  suppression.check(msg)
end

local wrap = {}

function wrap.smtp_server_message_received(handler)
  return function(msg, ...)
    handler(msg, ...)
    after_reception(msg)
  end
end

wrap.http_message_generated = wrap.smtp_server_message_received

function wrap.get_egress_path_config(handler)
  return function(routing_domain, egress_source, site_name)
    local path = routes.path and routes.path(routing_domain, site_name)
    return path or handler(routing_domain, egress_source, site_name)
  end
end

local default = {
  smtp_server_message_received = function() end,
  http_message_generated = function() end,
  get_egress_path_config = function()
    return kumo.make_egress_path {}
  end,
}

local on = kumo.on
local handled = {}

function kumo.on(event, handler)
  handled[event] = true
  return on(event, wrap[event] and wrap[event](handler) or handler)
end

require 'init'

for event, handler in pairs(default) do
  if not handled[event] then
    kumo.on(event, handler)
  end
end
kumo.on = on
