--[[
What may be relayed, from data files:

  ["example.com"]            options of kumo.make_listener_domain, plus relay_from_authz
  ["*.example.com"]
  [listener."10.0.0.1:25"."example.com"]   only for connections to that address
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local ANY_LISTENER = '*'

local Domain = typing.record('ListenerDomain', {
  relay_from_authz = typing.option(typing.list(typing.string)),
  _dynamic = function(key, value)
    local ok, err = pcall(kumo.make_listener_domain, { [key] = value })
    if ok then
      return true
    end
    local problem = typing.extract_deserialize_error(err)
    if problem:find('unknown field', 1, true) then
      return false
    end
    return false, problem
  end,
})

local Domains = typing.map(typing.string, Domain)

-- Listener -> domain -> options; domains outside of a listener block belong to any listener.
local function merge(files)
  local listeners = {}
  local function add(listener, domains)
    listeners[listener] = listeners[listener] or {}
    utils.recursive_merge_into(Domains(domains), listeners[listener])
  end
  for _, file in ipairs(files) do
    local domains = {}
    for key, value in pairs(utils.load_json_or_toml_file(file)) do
      if key == 'listener' then
        for listener, block in pairs(value) do
          add(listener, block)
        end
      else
        domains[key] = value
      end
    end
    add(ANY_LISTENER, domains)
  end
  return listeners
end

-- Listener -> domain map.
function mod.load(files)
  local maps = {}
  for listener, domains in pairs(merge(files)) do
    maps[listener] = kumo.domain_map.new(domains)
  end
  return maps
end

local function find(maps, domain, listener)
  local own = maps[listener]
  local options = own and own[domain]
  if options then
    return options
  end
  local any = maps[ANY_LISTENER]
  return any and (any[domain] or any['*'])
end

-- Returns a handler for get_listener_domain.
function mod:setup(files)
  local data_of = utils.data_files {
    module = 'listener_domains',
    files = files,
    load = mod.load,
    ttl = '5 minutes',
  }

  return function(domain, listener, conn_meta)
    local found = find(data_of(), domain, listener)
    if not found then
      return nil
    end
    local options = utils.merge_into(found, {})
    local allowed = options.relay_from_authz
    options.relay_from_authz = nil
    if allowed then
      local authz_id = conn_meta:get_meta 'authz_id'
      if authz_id and utils.table_contains(allowed, authz_id) then
        -- This session's peer, and nobody else.
        local ip = utils.split_ip_port(conn_meta:get_meta 'received_from')
        options.relay_from = { ip }
      end
    end
    return kumo.make_listener_domain(options)
  end
end

return mod
