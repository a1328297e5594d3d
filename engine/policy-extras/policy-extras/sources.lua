--[[
Egress sources and pools from data files:

  [source."ip-1"]                 options of kumo.make_egress_source
  [pool."main"."ip-1"] weight=2   an entry of a pool
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local PoolEntry = typing.record('PoolEntry', { weight = typing.option(typing.number) })
local Pool = typing.map(typing.string, PoolEntry)

-- A source's options are whatever kumo.make_egress_source accepts.
local Source = typing.record('Source', {
  _dynamic = function(key, value)
    local params = { name = 'check' }
    params[key] = value
    local ok, err = pcall(kumo.make_egress_source, params)
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

local Data = typing.record('SourceData', {
  source = typing.default(typing.map(typing.string, Source), {}),
  pool = typing.default(typing.map(typing.string, Pool), {}),
})

function mod.load(files)
  local merged = { source = {}, pool = {} }
  for _, file in ipairs(files) do
    local data = Data(utils.load_json_or_toml_file(file))
    utils.recursive_merge_into(data, merged)
  end
  return merged
end

local is_configured = false

-- Registers get_egress_source and get_egress_pool.
function mod:setup(files)
  if is_configured then
    error('sources module has already been configured', 2)
  end
  is_configured = true

  local cached = kumo.memoize(mod.load, {
    name = 'sources_data',
    ttl = '1 minute',
    capacity = 10,
    invalidate_with_epoch = true,
  })

  kumo.on('get_egress_source', function(name)
    local options = cached(files).source[name]
    if not options then
      return kumo.make_egress_source(nil)
    end
    return kumo.make_egress_source(utils.merge_into(options, { name = name }))
  end)

  kumo.on('get_egress_pool', function(name)
    local pool = cached(files).pool[name]
    if not pool then
      return kumo.make_egress_pool(nil)
    end
    local entries = {}
    for source, options in pairs(pool) do
      entries[#entries + 1] = { name = source, weight = options.weight }
    end
    return kumo.make_egress_pool { name = name, entries = entries }
  end)

  kumo.on('validate_config', function()
    local ok, data = pcall(mod.load, files)
    if not ok then
      print('sources: ' .. tostring(data))
      kumo.validation_failed()
      return
    end
    for pool, entries in pairs(data.pool) do
      for source in pairs(entries) do
        if not data.source[source] then
          print(string.format("sources: pool '%s' references source '%s' which is not defined", pool, source))
          kumo.validation_failed()
        end
      end
    end
  end)
end

return mod
