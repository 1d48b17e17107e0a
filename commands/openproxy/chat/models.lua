local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Models that the proxy offers",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ data = "One object for each model: id, owned_by, context_length" }, "The models"),
  exits    = { SUCCESS = "The models are listed, possibly none" },
  examples = { { "All models", "openproxy chat models" } },
  render   = function(data, ui)
    ui.table(wire.member(data, "data", "table") or {}, { "id", "owned_by", "context_length" })
  end,
  run      = function(_, ctx) return wire.get(ctx, "/v1/models") end,
}
