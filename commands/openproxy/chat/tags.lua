local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Models as tools for Ollama list them",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ tags = "One object for each: name, size, digest, details" }, "The tags"),
  exits    = { SUCCESS = "The tags are listed, possibly none" },
  examples = { { "All tags", "openproxy chat tags" } },
  render   = function(data, ui)
    ui.table(wire.member(data, "tags", "table") or {}, { "name", "size", "modified_at" })
  end,
  run      = function(_, ctx) return wire.get(ctx, "/api/tags") end,
}
