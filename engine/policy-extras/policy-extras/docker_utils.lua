--[[
Names of a container network. KumoMTA asks the system for them with a program; here they are asked
of the resolver, so that test zones can answer.
]]
local kumo = require 'kumo'

local mod = {}

-- The first address of a container, or nil.
function mod.resolve_docker_name(name)
  local ok, addresses = pcall(kumo.dns.lookup_addr, name)
  if ok then
    return addresses[1]
  end
  return nil
end

-- The network of a container as CIDR text, assuming the usual /16, or nil.
function mod.resolve_docker_network(name)
  local address = mod.resolve_docker_name(name)
  local a, b = (address or ''):match '^(%d+)%.(%d+)%.%d+%.%d+$'
  return a and string.format('%s.%s.0.0/16', a, b) or nil
end

-- URLs of the traffic shaping daemons behind a name.
function mod.resolve_tsa_endpoints(name, port)
  local ok, addresses = pcall(kumo.dns.lookup_addr, name)
  local urls = {}
  for i, address in ipairs(ok and addresses or {}) do
    urls[i] = string.format('http://%s:%d', address, port or 8008)
  end
  return urls
end

return mod
