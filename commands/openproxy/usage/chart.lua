local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Tokens and cost over a period, in equal steps",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = {
    { "period", "string", "Length: 24h, 7d, 30d or 60d", default = "7d", loose = true },
  },
  returns  = wire.shape({ data = "The steps, oldest first: date, tokens, cost" }, "A chart"),
  exits    = { SUCCESS = "The chart is there" },
  examples = { { "The last day by the hour", "openproxy usage chart --period 24h" } },
  render   = function(data, ui) usage.draw_buckets(ui, usage.buckets(data)) end,
  run      = function(args, ctx) return wire.get(ctx, "/api/usage/chart", { period = args.period }) end,
}
