--[[
DKIM signatures from data files:

  [base]                defaults: selector, headers, canonicalisation, over_sign, expiration,
                        vault_mount, vault_path_prefix, additional_signatures
  [domain."D"]          signs mail From that domain: selector, headers, policy, algo, filename, ...
  [signature."N"]       a signature by another domain, named in additional_signatures
]]
local kumo = require 'kumo'
local typing = require 'policy-extras.typing'
local utils = require 'policy-extras.policy_utils'

local mod = {}

local KEY_FOLDER = '/opt/kumomta/etc/dkim'

local Strings = typing.list(typing.string)
local Canonicalization = typing.enum('Canonicalization', 'Relaxed', 'Simple')
local Algorithm = typing.enum('Algorithm', 'sha256', 'ed25519')
local DomainPolicy = typing.enum('DomainPolicy', 'Always')
local SignaturePolicy = typing.enum('SignaturePolicy', 'Always', 'OnlyIfMissingDomainBlock')

-- Fields that every block may set.
local function with_signing_options(fields)
  fields.selector = typing.option(typing.string)
  fields.headers = typing.option(Strings)
  fields.expiration = typing.option(typing.number)
  fields.header_canonicalization = typing.option(Canonicalization)
  fields.body_canonicalization = typing.option(Canonicalization)
  fields.over_sign = typing.option(typing.boolean)
  return fields
end

local Base = typing.record(
  'Base',
  with_signing_options {
    vault_mount = typing.option(typing.string),
    vault_path_prefix = typing.option(typing.string),
    additional_signatures = typing.option(Strings),
    policy = typing.option(typing.string),
  }
)

local Domain = typing.record(
  'Domain',
  with_signing_options {
    policy = typing.default(DomainPolicy, 'Always'),
    algo = typing.default(Algorithm, 'sha256'),
    filename = typing.option(typing.string),
  }
)

local Signature = typing.record(
  'Signature',
  with_signing_options {
    domain = typing.string,
    policy = typing.default(SignaturePolicy, 'Always'),
    algo = typing.default(Algorithm, 'sha256'),
    filename = typing.option(typing.string),
  }
)

local Data = typing.record('DkimSignConfig', {
  base = typing.default(Base, {}),
  domain = typing.default(typing.map(typing.string, Domain), {}),
  signature = typing.default(typing.map(typing.string, Signature), {}),
})

local function merge(files)
  local merged = { base = {}, domain = {}, signature = {} }
  for _, file in ipairs(files) do
    utils.recursive_merge_into(utils.load_json_or_toml_file(file), merged)
  end
  return Data(merged)
end

local function require_selector(kind, name, block, base)
  if not (block.selector or base.selector) then
    error(string.format("dkim_sign: %s '%s' has no selector, and base has none either", kind, name), 0)
  end
end

function mod.load(files)
  local data = merge(files)
  local base = data.base
  for name, block in pairs(data.domain) do
    require_selector('domain', name, block, base)
  end
  for name, block in pairs(data.signature) do
    require_selector('signature', name, block, base)
  end
  for _, name in ipairs(base.additional_signatures or {}) do
    if not data.signature[name] then
      error(string.format("dkim_sign: additional signature '%s' is not defined", name), 0)
    end
  end
  return {
    base = base,
    domain = kumo.domain_map.new(data.domain),
    signature = data.signature,
  }
end

-- The block's option, else the one of base.
local function option(block, base, name)
  local value = block[name]
  if value == nil then
    value = base[name]
  end
  return value
end

local function key_of(block, base, domain, selector)
  if block.filename then
    return block.filename
  end
  if base.vault_mount then
    local prefix = base.vault_path_prefix or 'dkim'
    return {
      vault_mount = base.vault_mount,
      vault_path = string.format('%s/%s/%s', prefix, domain, selector),
    }
  end
  return string.format('%s/%s/%s.key', KEY_FOLDER, domain, selector)
end

local function make_signer(block, base, domain)
  local selector = option(block, base, 'selector')
  local params = {
    domain = domain,
    selector = selector,
    key = key_of(block, base, domain, selector),
  }
  for _, name in ipairs {
    'headers',
    'expiration',
    'header_canonicalization',
    'body_canonicalization',
    'over_sign',
  } do
    params[name] = option(block, base, name)
  end
  if block.algo == 'ed25519' then
    return kumo.dkim.ed25519_signer(params)
  end
  return kumo.dkim.rsa_sha256_signer(params)
end

-- Returns a function that signs a message.
function mod:setup(files)
  local data_of = utils.data_files {
    module = 'dkim_sign',
    files = files,
    load = mod.load,
    ttl = '5 minutes',
  }

  return function(msg)
    local data = data_of()
    local from = msg:from_header()
    if not from then
      kumo.reject(552, '5.6.0 DKIM signing requires a From header, but it is missing from this message')
    end
    local domain = from.domain
    local block = data.domain[domain]
    if block then
      msg:dkim_sign(make_signer(block, data.base, domain))
    end
    for _, name in ipairs(data.base.additional_signatures or {}) do
      local signature = data.signature[name]
      if signature.policy == 'Always' or not block then
        msg:dkim_sign(make_signer(signature, data.base, signature.domain))
      end
    end
  end
end

return mod
