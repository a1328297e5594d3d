--[[
Authentication checks of an incoming message in one call: DKIM, SPF, reverse DNS, SMTP AUTH, DMARC
and ARC, and the header that tells their results.
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local Options = typing.record('MailAuthOptions', {
  dkim = typing.default(typing.boolean, true),
  spf = typing.default(typing.boolean, true),
  iprev = typing.default(typing.boolean, true),
  smtp_auth = typing.default(typing.boolean, true),
  dmarc = typing.default(typing.boolean, true),
  arc = typing.default(typing.boolean, true),
  add_auth_results_header = typing.default(typing.boolean, true),
  server_id = typing.option(typing.string),
  resolver = typing.option(typing.string),
})

-- Whether a name of the address leads back to it. RFC 8601 section 2.7.3.
function mod.iprev(ip, resolver)
  local ok, result, reason = pcall(function()
    local names = kumo.dns.lookup_ptr(ip, resolver)
    for _, name in ipairs(names) do
      if utils.table_contains(kumo.dns.lookup_addr(name, resolver), ip) then
        return 'pass', name
      end
    end
    if #names == 0 then
      return 'permerror', 'no PTR record'
    end
    return 'fail', 'no name resolves to the address'
  end)
  if not ok then
    result, reason = 'temperror', tostring(result):match '^[^\n]*'
  end
  return {
    method = 'iprev',
    result = result,
    reason = reason,
    props = { ['policy.iprev'] = ip },
  }
end

-- Of the peer that sent the message.
function mod.iprev_msg(msg, resolver)
  local peer = msg:get_meta 'received_from'
  if not peer then
    return nil
  end
  local ip = utils.split_ip_port(peer)
  return mod.iprev(ip, resolver)
end

local function smtp_auth(msg)
  local authn_id = msg:get_meta 'authn_id'
  if not authn_id then
    return nil
  end
  return { method = 'auth', result = 'pass', props = { ['smtp.auth'] = authn_id } }
end

--[[
Checks the message and returns the results by method: dkim (a list), spf, iprev, smtp_auth, dmarc and
arc. Options switch checks off, name the server in the header, or choose a resolver.
]]
function mod.check(msg, options)
  options = Options(options or {})
  local resolver = options.resolver
  local results = {}
  local header = {}
  local function add(name, result)
    results[name] = result
    if result then
      header[#header + 1] = result
    end
  end

  if options.dkim then
    results.dkim = msg:dkim_verify(resolver)
    for _, result in ipairs(results.dkim) do
      header[#header + 1] = result
    end
  end
  if options.spf then
    add('spf', kumo.spf.check_msg(msg, resolver).result)
  end
  if options.iprev then
    add('iprev', mod.iprev_msg(msg, resolver))
  end
  if options.smtp_auth then
    add('smtp_auth', smtp_auth(msg))
  end
  if options.dmarc then
    add('dmarc', kumo.dmarc.check_msg(msg, results.dkim or {}, resolver, results.spf, false).result)
  end
  if options.arc then
    add('arc', msg:arc_verify(resolver))
  end
  if options.add_auth_results_header then
    msg:add_authentication_results(options.server_id or msg:get_meta 'hostname', header)
  end
  return results
end

return mod
