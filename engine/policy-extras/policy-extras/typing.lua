--[[
Types that are checked while the policy runs. A type is a callable table: `Point { x = 1 }` checks a
plain table and returns it as a Point; later assignments of new fields are checked, too.

Errors begin with the place in the policy that caused them; what went wrong further inside follows
on lines of its own.
]]
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local Type = {}
Type.__index = Type

-- `T(value)` checks, and raises at the caller's place.
function Type:__call(value)
  local ok, result = self:check(value)
  if not ok then
    error(mod.at_caller(result), 0)
  end
  return result
end

function Type:__tostring()
  return self.name
end

-- `check(self, value)` returns true and the (coerced) value, or false and what is wrong.
local function new_type(name, check, extra)
  local new = { name = name, check = check }
  for key, value in pairs(extra or {}) do
    new[key] = value
  end
  return setmetatable(new, Type)
end

local THIS_FILE = kumo.traceback(1)[1].short_src

-- Prefixes a message with the nearest place outside of this module.
function mod.at_caller(message)
  local frames = kumo.traceback(2)
  if type(frames) == 'table' then
    for _, frame in ipairs(frames) do
      if frame.short_src ~= THIS_FILE and frame.curr_line and frame.curr_line > 0 then
        return frame.short_src .. ':' .. frame.curr_line .. ': ' .. message
      end
    end
  end
  return message
end

local function describe(value)
  if type(value) == 'table' then
    return kumo.json_encode(value)
  end
  return tostring(value)
end

local function scalar(name, lua_type)
  return new_type(name, function(_, value)
    if type(value) == lua_type then
      return true, value
    end
    return false,
      string.format("Expected '%s', got '%s' %s", name, type(value), describe(value))
  end)
end

mod.number = scalar('number', 'number')
mod.string = scalar('string', 'string')
mod.boolean = scalar('boolean', 'boolean')
mod.Function = scalar('function', 'function')
mod.any = new_type('any', function(_, value)
  return true, value
end)

-- A type whose values are among a few texts.
function mod.enum(name, ...)
  local values = { ... }
  return new_type(name, function(_, value)
    if utils.table_contains(values, value) then
      return true, value
    end
    local quoted = {}
    for i, text in ipairs(values) do
      quoted[i] = "'" .. text .. "'"
    end
    return false,
      string.format(
        "Unexpected '%s' value '%s', expected one of %s",
        name,
        tostring(value),
        table.concat(quoted, ', ')
      )
  end, { values = values })
end

-- The value may be absent.
function mod.option(inner)
  return new_type('option<' .. inner.name .. '>', function(_, value)
    if value == nil then
      return true, nil
    end
    return inner:check(value)
  end, { is_optional = true })
end

-- The value may be absent; then it is `value`.
function mod.default(inner, value)
  return new_type('default<' .. inner.name .. '>', function(_, given)
    if given == nil then
      given = value
    end
    return inner:check(given)
  end, { is_optional = true })
end

-- The first of several types that fits.
function mod.variant(...)
  local types = { ... }
  if #types < 2 then
    error(mod.at_caller 'variant needs at least two types', 0)
  end
  local names = {}
  for i, each in ipairs(types) do
    names[i] = each.name
  end
  local name = 'variant<' .. table.concat(names, ',') .. '>'
  return new_type(name, function(_, value)
    local problems = {}
    for _, each in ipairs(types) do
      local ok, result = each:check(value)
      if ok then
        return true, result
      end
      problems[#problems + 1] = result
    end
    return false, name .. ': no type fits\n' .. table.concat(problems, '\n')
  end)
end

-- Reads of a checked container go to its items; writes are checked first.
local function guard(container, check_pair)
  return setmetatable(container, {
    __newindex = function(target, key, value)
      local ok, result = check_pair(key, value)
      if not ok then
        error(mod.at_caller(result), 0)
      end
      rawset(target, key, result)
    end,
  })
end

function mod.list(item)
  local name = 'list<' .. item.name .. '>'
  local function check_pair(key, value)
    local ok, result = item:check(value)
    if ok then
      return true, result
    end
    return false, name .. ': invalid value for idx ' .. tostring(key) .. '\n' .. result
  end
  return new_type(name, function(_, value)
    if type(value) ~= 'table' then
      return false, string.format("Expected '%s', got '%s' %s", name, type(value), describe(value))
    end
    local items = {}
    for i, each in ipairs(value) do
      local ok, result = check_pair(i, each)
      if not ok then
        return false, result
      end
      items[i] = result
    end
    return true, guard(items, check_pair)
  end)
end

function mod.map(key_type, value_type)
  local name = 'map<' .. key_type.name .. ',' .. value_type.name .. '>'
  local function check_pair(key, value)
    local ok, result = key_type:check(key)
    if not ok then
      return false, name .. ': invalid key ' .. tostring(key) .. '\n' .. result
    end
    ok, result = value_type:check(value)
    if not ok then
      return false, name .. ": invalid value for key '" .. tostring(key) .. "'\n" .. result
    end
    return true, result
  end
  return new_type(name, function(_, value)
    if type(value) ~= 'table' then
      return false, string.format("Expected '%s', got '%s' %s", name, type(value), describe(value))
    end
    local items = {}
    for key, each in pairs(value) do
      local ok, result = check_pair(key, each)
      if not ok then
        return false, result
      end
      items[key] = result
    end
    return true, guard(items, check_pair)
  end)
end

--[[
A table with named fields. `fields._dynamic`, a function of key and value, decides about keys that
are not declared: true for accepted, false alone for unknown, false and a text for a bad value.
]]
function mod.record(name, fields)
  local dynamic = fields._dynamic
  local declared = {}
  for key, each in pairs(fields) do
    if key ~= '_dynamic' then
      declared[key] = each
    end
  end

  local function check_field(key, value)
    local field = declared[key]
    if field then
      local ok, result = field:check(value)
      if ok then
        return true, result
      end
      return false, string.format("%s: invalid value for field '%s'\n%s", name, tostring(key), result)
    end
    if dynamic then
      local ok, problem = dynamic(key, value)
      if ok then
        return true, value
      end
      if problem then
        return false,
          string.format("%s: invalid value for field '%s'\n%s", name, tostring(key), tostring(problem))
      end
    end
    return false, string.format("%s: unknown field '%s'", name, tostring(key))
  end

  local meta = {
    __name = name,
    __index = function(_, key)
      if declared[key] or dynamic then
        return nil
      end
      error(mod.at_caller(string.format("%s: attempt to read unknown field '%s'", name, tostring(key))), 0)
    end,
    __newindex = function(target, key, value)
      local ok, result = check_field(key, value)
      if not ok then
        error(mod.at_caller(result), 0)
      end
      rawset(target, key, result)
    end,
  }

  return new_type(name, function(_, value)
    local own = type(value) == 'table' and getmetatable(value)
    if own == meta then
      return true, value
    end
    if type(own) == 'table' and own.__name then
      return false,
        string.format(
          "Expected value of type '%s' but got type '%s' with value %s",
          name,
          own.__name,
          describe(value)
        )
    end
    if type(value) ~= 'table' then
      return false, string.format("Expected '%s', got '%s' %s", name, type(value), describe(value))
    end
    local checked = {}
    for key, each in pairs(value) do
      local ok, result = check_field(key, each)
      if not ok then
        return false, result
      end
      checked[key] = result
    end
    for key, field in pairs(declared) do
      if checked[key] == nil then
        if not field.is_optional then
          return false,
            string.format("%s: missing value for field '%s' of type '%s'", name, key, field.name)
        end
        local ok, result = field:check(nil)
        if not ok then
          return false, string.format("%s: invalid default for field '%s'\n%s", name, key, result)
        end
        checked[key] = result
      end
    end
    return true, setmetatable(checked, meta)
  end, { fields = declared })
end

-- What was wrong with a parameter table, out of the error of one of kumo's constructors.
function mod.extract_deserialize_error(err)
  local text = tostring(err)
  return text:match 'deserialize error: (.*), while processing' or text:match '^[^\n]*'
end

return mod
