--[[
Suppression of a policy's own, told to a panel by web hook. For people who must not answer their
customers' programs with an error: listed mail is accepted and recorded, its campaign is kept, and
nothing is sent. The panel gets every Reception, Delivery, Bounce and Expiration, and can show
"suppressed because of earlier errors" beside the message.

A hard bounce, a failure that another host reports, and an expiration list the recipient for that
sending domain. The list is `suppression.db`, the file that Postyard shows in its window; in
production it is a file like any other.

Environment: PANEL_URL is where records are posted, SUPPRESSION_DB the list's file, SMARTHOST a
host:port that takes all mail; without it mail goes by MX.
]]
local kumo = require 'kumo'
local sqlite = require 'sqlite'
local log_hooks = require 'policy-extras.log_hooks'

local DATABASE = os.getenv 'SUPPRESSION_DB' or '/opt/kumomta/suppression.db'
local PANEL_URL = os.getenv 'PANEL_URL' or 'http://127.0.0.1:9000/records'

local SMARTHOST = os.getenv 'SMARTHOST'

local LISTED_BY = { Bounce = 'bounce', OOB = 'oob', Expiration = 'expiration' }

local function query(sql, ...)
  local db = sqlite.open(DATABASE, 2000)
  local result = db:execute(sql, ...)
  db:close()
  return result
end

kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:1025', relay_hosts = { '127.0.0.1' } }

  -- Postyard makes this table by itself; elsewhere the policy does.
  query [[CREATE TABLE IF NOT EXISTS suppression (
    recipient TEXT NOT NULL COLLATE NOCASE,
    sending_domain TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    reason TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL DEFAULT 'policy',
    UNIQUE (recipient, sending_domain)
  )]]
  kumo.configure_log_hook { name = 'listing', headers = { 'From' }, meta = { 'suppressed' } }
end)

-- The panel: every record as JSON, with the campaign, and with the mark of suppressed mail.
log_hooks:new_json {
  name = 'panel',
  url = PANEL_URL,
  log_parameters = { headers = { 'Subject' }, meta = { 'campaign', 'suppressed' } },
}

-- Looked up for every message, so remembered: a new entry counts within ten seconds. Only values
-- are remembered, which is why the refusal itself is elsewhere. One column, since a statement of
-- several gives an empty row when nothing is found.
local reason_for = kumo.memoize(function(recipient, sending_domain)
  local found = query(
    'SELECT reason FROM suppression WHERE recipient = ? AND sending_domain IN (?, ?) LIMIT 1',
    recipient,
    sending_domain,
    ''
  )
  return found[1] or false
end, { name = 'suppression', ttl = '10 seconds', capacity = 10000 })

-- Campaign and tenant are part of a queue's name; only the domain is another one.
local function suppressed_queue(campaign, tenant)
  if campaign then
    return string.format('%s:%s@suppressed', campaign, tenant or '')
  end
  return tenant and (tenant .. '@suppressed') or 'suppressed'
end

local function process(msg)
  local campaign = msg:get_first_named_header_value 'X-Campaign'
  if campaign then
    msg:set_meta('campaign', campaign)
  end
  local recipient = msg:recipient().email:lower()
  local reason = reason_for(recipient, msg:from_header().domain:lower())
  if reason then
    -- The mark makes Postyard call the row "suppressed" instead of "bounced".
    msg:set_meta('suppressed', reason)
    msg:set_meta('queue', suppressed_queue(campaign, msg:get_meta 'tenant'))
  end
end

kumo.on('smtp_server_message_received', process)
kumo.on('http_message_generated', process)

-- Failures list their recipients, by a log hook whose queue is delivered by Lua below.
kumo.on('should_enqueue_log_record', function(msg, hook_name)
  if hook_name ~= 'listing' then
    return
  end
  local record = msg:get_meta 'log_record'
  if not LISTED_BY[record.type] or record.meta.suppressed then
    return false
  end
  msg:set_meta('queue', 'listing')
  return true
end)

kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  if domain == 'suppressed' then
    return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.suppressed' } } }
  elseif domain == 'listing' then
    return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.listing' } } }
  end
  if SMARTHOST then
    return kumo.make_queue_config { protocol = { smtp = { mx_list = { SMARTHOST } } } }
  end
end)

kumo.on('make.suppressed', function()
  local connection = {}
  function connection:send(message)
    kumo.reject(
      550,
      '5.7.1 suppressed because of earlier errors: ' .. message:get_meta 'suppressed'
    )
  end
  return connection
end)

kumo.on('make.listing', function()
  local connection = {}
  function connection:send(message)
    local record = message:get_meta 'log_record'
    -- An OOB record is about a report; its From is the other host's, its sender is ours.
    local from = record.type ~= 'OOB' and record.headers.From or record.sender
    query(
      'INSERT OR IGNORE INTO suppression (recipient, sending_domain, reason, origin) VALUES (?, ?, ?, ?)',
      record.recipient:lower(),
      (tostring(from):match '@([%w%.%-]+)' or ''):lower(),
      string.format('%s %d %s', record.type, record.response.code, record.response.content),
      LISTED_BY[record.type]
    )
    return 'listed'
  end
  return connection
end)
