local place = require "lib.place"
local wire = require "lib.wire"

-- One row for each model, as the service or its own tool's documents name the prices.
local function rows_of(data)
  local rows = {}
  for provider, models in pairs(wire.member(data, "rates", "table") or wire.member(data, "pricing", "table") or {}) do
    for model, price in pairs(type(models) == "table" and models or {}) do
      rows[#rows + 1] = { provider = provider, model = model, kind = wire.member(price, "cost_model", "string"),
        sent = wire.member(price, "input_price_per_million", "number") or wire.member(price, "input", "number"),
        received = wire.member(price, "output_price_per_million", "number") or wire.member(price, "output", "number") }
    end
  end
  table.sort(rows, function(x, y)
    if x.provider ~= y.provider then return x.provider < y.provider end
    return x.model < y.model
  end)
  return rows
end

return {
  about    = "Prices by provider and model",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ rates = "By provider, then by model", pricing = "The same, of other services" }, "Prices"),
  exits    = { SUCCESS = "The prices are there" },
  examples = { { "All prices", "openproxy usage pricing" } },
  render   = function(data, ui)
    ui.text("Dollars for a million tokens", "dim")
    ui.table(rows_of(data), { "provider", "model", "kind", "sent", "received" })
  end,
  run      = function(_, ctx) return wire.get(ctx, "/api/usage/pricing") end,
}
