local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Usage as it happens, until it is stopped",
  danger   = "safe", scopes = {}, network = true, reads = place.reads, stream = "default", timeout = 0,
  args     = { { "follow", "boolean", "Follow the stream, which it does anyway" } },
  returns  = { list = "any", ordered = true },
  exits    = { SUCCESS = "The service ended the stream" },
  examples = { { "Watch", "openproxy usage stream" } },
  render   = function(row, ui) ui.line(usage.event_text(row)) end,
  run      = function(_, ctx)
    for event in ctx.api.events "/api/usage/stream" do ctx.emit(wire.row(event)) end
  end,
}
