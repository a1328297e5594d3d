-- Postyard's default policy: every message is captured into a maildir of its own
-- recipient, and nothing leaves this machine. It is an ordinary KumoMTA policy;
-- replace it with yours, or keep it and uncomment what you want to see.
-- Saving this file reloads it at once; if it does not compile, the old one stays.

local kumo = require 'kumo'

kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }

  kumo.start_esmtp_listener {
    listen = '127.0.0.1:1025',
    relay_hosts = { '127.0.0.1', '::1' },
    -- KumoMTA's default is 20 MB, which a mail with a 15 MB attachment exceeds.
    max_message_size = 100 * 1024 * 1024,
  }
  -- POST /api/inject/v1 and the admin API of KumoMTA.
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
end)

-- Where a queue delivers. A queue is named campaign:tenant@domain!routing_domain.
kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  -- 1. Smarthost by queue: hosts tried in order, with ports.
  -- if domain == 'smarthost.example.com' then
  --   return kumo.make_queue_config {
  --     protocol = {
  --       smtp = {
  --         mx_list = {
  --           'smart.host.local:2025',
  --           { name = 'mx.example.com', addr = '127.0.0.1:2026' },
  --         },
  --       },
  --     },
  --   }
  -- end

  -- 2. Delivery by your own Lua: see the constructor 'make.webhook' below.
  -- if domain == 'webhook' then
  --   return kumo.make_queue_config {
  --     protocol = { custom_lua = { constructor = 'make.webhook' } },
  --     retry_interval = '1 minute',
  --   }
  -- end

  -- 3. Mail of a "suppressed" campaign is bounced by Lua.
  -- if campaign == 'suppressed' then
  --   return kumo.make_queue_config {
  --     protocol = { custom_lua = { constructor = 'make.suppression' } },
  --   }
  -- end

  -- Everything else: one maildir per user.
  return kumo.make_queue_config {
    protocol = {
      maildir_path = 'mail/{{ domain_part }}/{{ local_part }}',
      -- dir_mode = tonumber('775', 8),
      -- file_mode = tonumber('664', 8),
    },
  }
end)

-- Called once for each recipient when the data has arrived.
-- kumo.on('smtp_server_message_received', function(msg, conn_meta)
--   -- 4. Smarthost by message: the queue becomes example.com!my.smarthost.com
--   msg:set_meta('routing_domain', 'my.smarthost.com')
--
--   -- 5. Another queue altogether, here an address literal
--   -- msg:set_meta('queue', '[127.0.0.1]:2525')
--
--   -- 6. Suppression, three ways: refuse, drop silently, or bounce later (see 3.)
--   -- if is_suppressed(msg:recipient().email, msg:from_header().domain) then
--   --   kumo.reject(550, '5.7.1 recipient is suppressed')
--   --   msg:set_meta('queue', 'null')
--   --   msg:set_meta('campaign', 'suppressed')
--   -- end
-- end)

-- kumo.on('make.webhook', function(domain, tenant, campaign)
--   local connection = {}
--   function connection:send(message)
--     print(message:get_data())
--     -- kumo.reject(400, 'try again later')  -- TransientFailure, retried
--     -- kumo.reject(500, 'never')            -- Bounce
--     return 'OK'
--   end
--   return connection
-- end)

-- kumo.on('make.suppression', function(domain, tenant, campaign)
--   local connection = {}
--   function connection:send(message)
--     kumo.reject(550, 'recipient is suppressed (too many errors)')
--   end
--   return connection
-- end)
