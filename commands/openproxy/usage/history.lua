local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Finished requests",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = { { "limit", "integer", "At most this many, the newest", min = 0 } },
  returns  = wire.shape({ history = "One object for each request", total_requests = "Requests so far" }, "The history"),
  exits    = { SUCCESS = "The history is there, possibly empty" },
  examples = { { "The last ten", "openproxy usage history --limit 10" } },
  render   = function(data, ui)
    local rows = usage.priced(wire.member(data, "history", "table") or {}, "$%.6f")
    ui.table(rows, { "timestamp", "provider", "model", { "promptTokens", "sent" }, { "completionTokens", "received" },
      { "cost", align = "right" } })
  end,
  run      = function(args, ctx)
    return usage.newest(ctx, wire.get(ctx, "/api/usage/history", { limit = args.limit }), args.limit)
  end,
}
