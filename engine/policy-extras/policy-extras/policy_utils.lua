--[[
Small tools that the other modules share: comparing values in checks, merging tables, and reading
data that a policy gives as a file or as a table.
]]
local kumo = require 'kumo'

local mod = {}

-- Printable text of any value; tables with sorted keys, nested ones indented.
function mod.dumps(value, indent)
  indent = indent or ''
  if type(value) == 'string' then
    return string.format('%q', value)
  end
  if type(value) ~= 'table' then
    return tostring(value)
  end
  local keys = mod.table_keys(value)
  if #keys == 0 then
    return '{}'
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  local inner = indent .. '  '
  local lines = {}
  for _, key in ipairs(keys) do
    local name = type(key) == 'string' and key or '[' .. tostring(key) .. ']'
    lines[#lines + 1] = inner .. name .. ' = ' .. mod.dumps(value[key], inner)
  end
  return '{\n' .. table.concat(lines, ',\n') .. '\n' .. indent .. '}'
end

-- A table of ours, as opposed to userdata and to tables that guard their metatable.
local function has_own_equality(value)
  local meta = getmetatable(value)
  return type(meta) == 'table' and meta.__eq ~= nil
end

-- Deep equality. With `ignore_metatable` tables are compared by content even if they define `==`.
function mod.equals(a, b, ignore_metatable)
  if a == b then
    return true
  end
  if type(a) ~= 'table' or type(b) ~= 'table' then
    return false
  end
  if not ignore_metatable and (has_own_equality(a) or has_own_equality(b)) then
    return false
  end
  for key, value in pairs(a) do
    if not mod.equals(value, b[key], ignore_metatable) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function fail(message, default)
  error(message or default, 3)
end

function mod.assert_eq(actual, expected, message)
  if not mod.equals(actual, expected) then
    fail(message, 'expected ' .. mod.dumps(actual) .. ' to equal ' .. mod.dumps(expected))
  end
end

function mod.assert_ne(actual, expected, message)
  if mod.equals(actual, expected) then
    fail(message, 'expected ' .. mod.dumps(actual) .. ' to differ from ' .. mod.dumps(expected))
  end
end

function mod.assert_matches(text, pattern, message)
  if not kumo.regex.compile(pattern):is_match(text) then
    fail(message, 'expected ' .. mod.dumps(text) .. ' to match ' .. mod.dumps(pattern))
  end
end

-- Copies the pairs of `source` over those of `target`.
function mod.merge_into(source, target)
  for key, value in pairs(source) do
    target[key] = value
  end
  return target
end

-- Like merge_into, descending where both sides hold tables. Userdata is taken over as it is.
function mod.recursive_merge_into(source, target)
  for key, value in pairs(source) do
    if type(value) == 'table' then
      local existing = target[key]
      if type(existing) ~= 'table' then
        existing = {}
        target[key] = existing
      end
      mod.recursive_merge_into(value, existing)
    else
      target[key] = value
    end
  end
  return target
end

-- Whether `value` is one of the values of `list`.
function mod.table_contains(list, value)
  for _, item in pairs(list) do
    if item == value then
      return true
    end
  end
  return false
end

function mod.table_keys(tbl)
  local keys = {}
  for key in pairs(tbl) do
    keys[#keys + 1] = key
  end
  return keys
end

function mod.table_is_empty(tbl)
  for _ in pairs(tbl) do
    return false
  end
  return true
end

-- Data of a path (TOML by its name, else JSON), or of a table that is already there.
function mod.load_json_or_toml_file(file)
  if type(file) == 'table' then
    return file
  end
  if mod.ends_with(file, '.toml') then
    return kumo.toml_load(file)
  end
  return kumo.json_load(file)
end

local configured = {}

--[[
What a module that reads data files sets up, once per context:

  module   its name, in errors and as the name of its cache (`<name>_data`)
  files    paths or tables, as `load` takes them
  load     reads and checks them
  ttl      how long the data is kept while the files stay the same
  validate optional, under --validate: gets the data and a function for what is wrong with it

Returns a function that gives the data.
]]
function mod.data_files(options)
  local name, files = options.module, options.files
  if configured[name] then
    error(name .. ' module has already been configured', 3)
  end
  configured[name] = true

  local function complain(problem)
    print(name .. ': ' .. tostring(problem))
    kumo.validation_failed()
  end
  kumo.on('validate_config', function()
    local ok, data = pcall(options.load, files)
    if not ok then
      complain(data)
    elseif options.validate then
      options.validate(data, complain)
    end
  end)

  local cached = kumo.memoize(options.load, {
    name = name .. '_data',
    ttl = options.ttl,
    capacity = 10,
    invalidate_with_epoch = true,
  })
  return function()
    return cached(files)
  end
end

function mod.starts_with(text, prefix)
  return text:sub(1, #prefix) == prefix
end

function mod.ends_with(text, suffix)
  return suffix == '' or text:sub(-#suffix) == suffix
end

-- '10.0.0.1:25' -> '10.0.0.1', '25'; '[::1]:25' -> '::1', '25'. Without a port, only the address.
function mod.split_ip_port(text)
  local ip, port = text:match '^%[([^%]]+)%]:(%d+)$'
  if ip then
    return ip, port
  end
  ip, port = text:match '^([^:]+):(%d+)$'
  if ip then
    return ip, port
  end
  return text:match '^%[([^%]]+)%]$' or text
end

return mod
