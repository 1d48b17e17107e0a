local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

-- The rows of byProvider, the largest first.
local function by_provider(data)
  local rows = {}
  for name, totals in pairs(wire.member(data, "byProvider", "table") or {}) do
    rows[#rows + 1] = { provider = name, requests = wire.member(totals, "requests", "number"),
      cost = wire.member(totals, "cost", "number"), tokens = (wire.member(totals, "promptTokens", "number") or 0)
        + (wire.member(totals, "completionTokens", "number") or 0) }
  end
  table.sort(rows, function(x, y)
    if x.tokens ~= y.tokens then return x.tokens > y.tokens end
    return x.provider < y.provider
  end)
  return rows
end

return {
  about     = "Usage over a period: totals, by provider, model, account and key",
  danger    = "safe", scopes = {}, network = place.network, reads = place.reads,
  args      = {
    { "period", "string", "Length: today, 24h, 7d, 30d, 60d or all", default = "7d", loose = true },
  },
  returns   = wire.shape({ totals = "Requests, tokens, cost", byProvider = "The same by provider" }, "Statistics"),
  sensitive = { "apiKey", "apiKeyKey" },
  exits     = { SUCCESS = "The statistics are there" },
  examples  = { { "Everything", "openproxy usage stats --period all" } },
  render    = function(data, ui)
    for line in usage.totals_text(data):gmatch "[^\n]+" do ui.line(line) end
    local rows = by_provider(data)
    if #rows > 0 then usage.draw_quotas(ui, rows) end
  end,
  run       = function(args, ctx) return wire.get(ctx, "/api/usage/stats", { period = args.period }) end,
}
