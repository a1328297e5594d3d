--[[
The sender of Postyard's queue for suppressed mail: it delivers nothing and refuses each message,
so that a Bounce says why. A policy with a handler for `make.suppression` keeps its own.
]]
local kumo = require 'kumo'

if not kumo.get_event_registrars 'make.suppression' then
  kumo.on('make.suppression', function()
    local connection = {}

    function connection:send(message)
      local reply = message:get_meta 'suppressed_reply'
      kumo.reject(550, reply or '5.7.1 recipient is suppressed')
    end

    return connection
  end)
end
