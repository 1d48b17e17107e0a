local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Prices by provider and model",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ rates = "By provider, then by model", pricing = "The same, of other services" }, "Prices"),
  exits    = { SUCCESS = "The prices are there" },
  examples = { { "All prices", "openproxy usage pricing" } },
  run      = function(_, ctx) return wire.get(ctx, "/api/usage/pricing") end,
}
