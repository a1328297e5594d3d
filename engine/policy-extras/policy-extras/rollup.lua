--[[
Queues by where domains really go: domains whose exchangers share addresses, or whose exchanger has
a given suffix, are sent through one queue.

What cannot be looked up is printed and leaves the message as it is.
]]
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local ROLLUP_SUFFIX = '.ip_rollup'

-- Runs `work`; its error is printed instead of raised.
local function tolerate(what, work)
  local ok, err = pcall(work)
  if not ok then
    print(string.format('rollup: %s: %s', what, tostring(err)))
  end
end

-- The hosts of the best preference.
local function best_hosts(mx)
  local best
  for preference in pairs(mx.by_pref) do
    local number = tonumber(preference)
    if not best or number < tonumber(best) then
      best = preference
    end
  end
  return best and mx.by_pref[best] or {}
end

-- The target of the first suffix that every best host ends with.
local function target_for(mx, by_suffix)
  local hosts = best_hosts(mx)
  for suffix, target in pairs(by_suffix) do
    local all = #hosts > 0
    for _, host in ipairs(hosts) do
      all = all and utils.ends_with(host, suffix)
    end
    if all then
      return target, hosts
    end
  end
end

local function addresses_of(hosts)
  local seen, addresses = {}, {}
  for _, host in ipairs(hosts) do
    for _, address in ipairs(kumo.dns.lookup_addr(host)) do
      if not seen[address] then
        seen[address] = true
        addresses[#addresses + 1] = address
      end
    end
  end
  table.sort(addresses)
  return addresses
end

local function first_recipient_domain(msg)
  return msg:recipient_list()[1].domain
end

--[[
Routes by the addresses of the exchangers. `by_suffix` maps host suffixes (with their final dot) to
names that end in `.ip_rollup`. The routing domain becomes `ADDRESSES.NAME`, which
apply_ip_rollup_to_queue_config turns into a list of hosts again.
]]
function mod.reroute_using_ip_rollup(msg, by_suffix)
  local domain = first_recipient_domain(msg)
  tolerate(domain, function()
    local target, hosts = target_for(kumo.dns.lookup_mx(domain), by_suffix)
    if not target then
      return
    end
    local addresses = addresses_of(hosts)
    if #addresses > 0 then
      local label = table.concat(addresses, '_'):gsub('[.:]', '-')
      msg:set_meta('routing_domain', label .. '.' .. target)
    end
  end)
end

-- The addresses in the first label of a rollup's routing domain.
local function addresses_in(label)
  local addresses = {}
  for part in label:gmatch '[^_]+' do
    local is_ipv4 = part:match '^%d+%-%d+%-%d+%-%d+$'
    addresses[#addresses + 1] = (part:gsub('-', is_ipv4 and '.' or ':'))
  end
  return addresses
end

-- Gives the queue of a rollup its list of hosts; leaves the parameters of other queues alone.
function mod.apply_ip_rollup_to_queue_config(domain, routing_domain, params)
  if not routing_domain or not utils.ends_with(routing_domain, ROLLUP_SUFFIX) then
    return params
  end
  local label = routing_domain:match '^([^.]+)%.'
  local mx_list = {}
  for _, address in ipairs(addresses_in(label or '')) do
    mx_list[#mx_list + 1] = { name = routing_domain, addr = address }
  end
  params.protocol = { smtp = { mx_list = mx_list } }
  return params
end

-- Sets the routing domain that `by_suffix` has for the suffix of the best exchangers.
function mod.reroute_based_on_mx_host_suffix(msg, by_suffix)
  local domain = first_recipient_domain(msg)
  tolerate(domain, function()
    local target = target_for(kumo.dns.lookup_mx(domain), by_suffix)
    if target then
      msg:set_meta('routing_domain', target)
    end
  end)
end

return mod
