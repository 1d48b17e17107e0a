local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Providers with their requests, tokens and cost",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ providers = "One object for each: provider or id, requests, tokens, cost" }, "The providers"),
  exits    = { SUCCESS = "The providers are listed, possibly none" },
  examples = { { "All providers", "openproxy usage providers" } },
  render   = function(data, ui)
    local rows = usage.priced(wire.member(data, "providers", "table") or {}, "$%.4f")
    ui.table(rows, { "provider", "name", "requests", "tokens", { "cost", align = "right" } })
  end,
  run      = function(_, ctx) return usage.providers(ctx) end,
}
