local follow = require "lib.follow"
local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Usage as it happens, until it is stopped",
  danger   = "safe", scopes = {}, network = true, reads = place.reads, stream = "default", timeout = 0,
  args     = { { "follow", "boolean", "Follow the stream, which it does anyway" }, table.unpack(follow.args) },
  returns  = { list = "any", ordered = true },
  exits    = { SUCCESS = "The service ended the stream" },
  examples = { { "Watch", "openproxy usage stream" } },
  render   = function(row, ui) ui.line(usage.event_text(row)) end,
  run      = function(args, ctx)
    local last
    follow.stream(ctx, args, "/api/usage/stream", {
      opened = function(again)
        if again then
          ctx.warn("EVENTS_MISSED", "What came while the stream was broken has no events of its own; the next event "
            .. "has its sum.")
        end
      end,
      event = function(event, first)
        if first and event.data == last then return false end
        last = event.data
        ctx.emit(wire.row(event))
        return not first        -- the first event is of what was before
      end,
    })
  end,
}
