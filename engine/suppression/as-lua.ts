/**
 * The Lua of a policy that suppresses as this engine does: a module for KumoMTA, made of one text
 * that suits the mode. It opens the same file with the same table, so a list that was built here
 * works there. What differs is said in the text.
 */
import type { AutoAdd, Mode } from './suppression-settings.ts';
import { TABLE_SQL } from './suppression-file.ts';

export interface LuaModule {
  /** Name of the file beside `init.lua`. */
  readonly file: string;
  readonly text: string;
  /** The one statement that the mode comes down to. */
  readonly core: string;
}

/** What a policy does with a message whose recipient is listed; `reply` is a local of the module. */
const CORE: Readonly<Record<Exclude<Mode, 'off'>, string>> = {
  reject: 'kumo.reject(550, reply)',
  null: "msg:set_meta('queue', 'null')",
  bounce: "msg:set_meta('queue', bounce_queue(msg))",
};

const WHAT: Readonly<Record<Exclude<Mode, 'off'>, string>> = {
  reject: 'refused with 550 at the end of the data',
  null: 'accepted and thrown away; a Reception record is all that remains',
  bounce: 'accepted, then bounced by Lua, so that a Bounce record says why',
};

export function suppressionAsLua(mode: Exclude<Mode, 'off'>, autoAdd: AutoAdd): LuaModule {
  const listsByItself = autoAdd.bounce || autoAdd.oob || autoAdd.expiration;
  const parts = [
    head(mode),
    LOOK_UP,
    mode === 'bounce' ? BOUNCE_QUEUE : '',
    check(mode),
    setup([mode === 'bounce' && BOUNCE_SETUP, listsByItself && autoAddSetup(autoAdd)]),
  ];
  return {
    file: 'suppression.lua',
    text: parts.filter((part) => part !== '').join('\n'),
    core: CORE[mode],
  };
}

function head(mode: Exclude<Mode, 'off'>): string {
  return `--[[
Suppression by recipient and sending domain. Listed mail is ${WHAT[mode]}.
Written by Postyard; runs in KumoMTA, too. Save it beside init.lua and write there:

  local suppression = require 'suppression'
  suppression.setup() -- before handlers of your own for get_queue_config

  kumo.on('smtp_server_message_received', function(msg)
    -- your own handling first
    suppression.check(msg)
  end)
  kumo.on('http_message_generated', function(msg)
    suppression.check(msg)
  end)
]]
local kumo = require 'kumo'
local sqlite = require 'sqlite'

local mod = {}

local DATABASE = os.getenv 'SUPPRESSION_DB' or '/opt/kumomta/suppression.db'

local TABLE = [[
${TABLE_SQL}
]]

local function open()
  return sqlite.open(DATABASE, 2000)
end
`;
}

/** One column: several would give an empty row where nothing is found. */
const LOOK_UP = `-- "bounce 2026-11-21" for a pair that is listed, else false. An entry without sending domain
-- stops mail from every sender. A new entry is noticed within the lifetime.
local cause_of = kumo.memoize(function(recipient, sending_domain)
  local db = open()
  local found = db:execute(
    [[SELECT CASE origin WHEN 'hand' THEN 'by hand' WHEN 'import' THEN 'imported'
        WHEN 'policy' THEN 'by the policy' ELSE origin END
        || ' ' || date(since_ms / 1000, 'unixepoch')
      FROM suppression WHERE recipient = ? AND sending_domain IN (?, '')
      ORDER BY sending_domain = '' LIMIT 1]],
    recipient,
    sending_domain
  )
  db:close()
  return found[1] or false
end, { name = 'suppression', ttl = '10 seconds', capacity = 10000 })

-- The domain of the From header, else of the envelope.
local function sending_domain_of(msg)
  local ok, domain = pcall(function()
    return msg:from_header().list[1].domain
  end)
  return ((ok and domain) or msg:sender().domain):lower()
end
`;

const BOUNCE_QUEUE = `-- Campaign and tenant stay in the queue's name, so that the records still tell them.
local function bounce_queue(msg)
  local campaign, tenant = msg:get_meta 'campaign', msg:get_meta 'tenant'
  if campaign then
    return string.format('%s:%s@suppressed', campaign, tenant or '')
  end
  return tenant and (tenant .. '@suppressed') or 'suppressed'
end
`;

function check(mode: Exclude<Mode, 'off'>): string {
  const marks = mode === 'reject' ? '' : "  msg:set_meta('suppressed', cause)\n";
  const reply =
    mode === 'null' ? '' : "  local reply = '5.7.1 recipient is suppressed (' .. cause .. ')'\n";
  const keepsReply = mode === 'bounce' ? "  msg:set_meta('suppressed_reply', reply)\n" : '';
  return `-- Call it when the message has its final headers.
function mod.check(msg)
  if msg:get_meta 'queue' == 'null' then
    return
  end
  local cause = cause_of(msg:recipient().email:lower(), sending_domain_of(msg))
  if not cause then
    return
  end
${reply}${marks}${keepsReply}  ${CORE[mode]}
end
`;
}

const BOUNCE_SETUP = `  kumo.on('get_queue_config', function(domain)
    if domain == 'suppressed' then
      return kumo.make_queue_config {
        protocol = { custom_lua = { constructor = 'make.suppression' } },
      }
    end
  end)

  kumo.on('make.suppression', function()
    local connection = {}
    function connection:send(message)
      kumo.reject(550, message:get_meta 'suppressed_reply' or '5.7.1 recipient is suppressed')
    end
    return connection
  end)
`;

function autoAddSetup({ bounce, oob, expiration, classes }: AutoAdd): string {
  const wanted = [
    bounce && "Bounce = 'bounce'",
    oob && "OOB = 'oob'",
    expiration && "Expiration = 'expiration'",
  ].filter((one) => one !== false);
  const classFilter =
    classes.length === 0
      ? ''
      : `
    local classes = { ${classes.map((name) => `[${luaString(name)}] = true`).join(', ')} }
    if record.type ~= 'Expiration' and not classes[record.bounce_classification] then
      return false
    end`;
  return `  -- Failures list their recipients. The log hook delivers to a queue that writes the entry.
  local origins = { ${wanted.join(', ')} }

  kumo.on('should_enqueue_log_record', function(msg, hook_name)
    if hook_name ~= 'suppression' then
      return
    end
    local record = msg:get_meta 'log_record'
    local code = record.response.code
    local is_final = record.type == 'Expiration' or (code >= 500 and code < 600)
    if not origins[record.type] or not is_final or record.meta.suppressed then
      return false
    end${classFilter}
    msg:set_meta('queue', 'suppression.listing')
    return true
  end)

  kumo.on('get_queue_config', function(domain)
    if domain == 'suppression.listing' then
      return kumo.make_queue_config {
        protocol = { custom_lua = { constructor = 'make.suppression.listing' } },
      }
    end
  end)

  kumo.on('make.suppression.listing', function()
    local connection = {}
    function connection:send(message)
      local record = message:get_meta 'log_record'
      local from = record.type ~= 'OOB' and tostring(record.headers.From or '') or ''
      local domain = from:match '@([%w%.%-]+)' or record.sender:match '@(.*)$' or ''
      local recipient = record.recipient
      local recipients = type(recipient) == 'string' and { recipient } or recipient
      local db = open()
      for _, one in ipairs(recipients) do
        db:execute(
          [[INSERT OR IGNORE INTO suppression (recipient, sending_domain, reason, origin, source)
            VALUES (?, ?, ?, ?, ?)]],
          one:lower(),
          domain:lower(),
          record.response.content,
          origins[record.type],
          tostring(record.response.code)
        )
      end
      db:close()
      return 'listed'
    end
    return connection
  end)
`;
}

function setup(parts: readonly (string | false)[]): string {
  const more = parts.filter((part) => part !== false);
  const hook = more.some((part) => part.includes('should_enqueue_log_record'))
    ? `    kumo.configure_log_hook { name = 'suppression', headers = { 'From' }, meta = { 'suppressed' } }\n`
    : '';
  return `-- Call it once, when the policy is loaded.
function mod.setup()
  kumo.on('pre_init', function()
    local db = open()
    db:execute(TABLE)
    db:close()
${hook}  end)
${more.map((part) => `\n${part}`).join('')}end

return mod
`;
}

function luaString(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replace(/[\r\n]+/g, ' ')}'`;
}
