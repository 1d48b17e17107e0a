local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "How much the service's log holds, by level",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ logBufferLines = "Lines in the buffer", totalRequestsLifetime = "Requests so far",
    totalHistoryEntries = "Requests in the history", levels = "Lines by level" }, "Counts"),
  exits    = { SUCCESS = "The counts are there" },
  examples = { { "Count", "openproxy logs stats" } },
  run      = function(_, ctx) return wire.get(ctx, "/api/observability/stats") end,
}
