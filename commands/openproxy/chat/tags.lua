local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Models as tools for Ollama list them",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ tags = "One object for each: name, size, digest, details" }, "The tags"),
  exits    = { SUCCESS = "The tags are listed, possibly none" },
  examples = { { "All tags", "openproxy chat tags" } },
  run      = function(_, ctx) return wire.get(ctx, "/api/tags") end,
}
