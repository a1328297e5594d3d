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

-- Every source of a pool has to be there.
local function check_pools(data, complain)
  for pool, entries in pairs(data.pool) do
    for source in pairs(entries) do
      if not data.source[source] then
        complain(string.format("pool '%s' references source '%s' which is not defined", pool, source))
      end
    end
  end
end

-- Registers get_egress_source and get_egress_pool.
function mod:setup(files)
  local data = utils.data_files {
    module = 'sources',
    files = files,
    load = mod.load,
    ttl = '1 minute',
    validate = check_pools,
  }

  kumo.on('get_egress_source', function(name)
    local options = data().source[name]
    if not options then
      return kumo.make_egress_source(nil)
    end
    return kumo.make_egress_source(utils.merge_into(options, { name = name }))
  end)

  kumo.on('get_egress_pool', function(name)
    local pool = data().pool[name]
    if not pool then
      return kumo.make_egress_pool(nil)
    end
    local entries = {}
    for source, options in pairs(pool) do
      entries[#entries + 1] = { name = source, weight = options.weight }
    end
    return kumo.make_egress_pool { name = name, entries = entries }
  end)
end

return mod
