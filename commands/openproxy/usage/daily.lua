local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

local function tokens_of(day)
  return (wire.member(day, "prompt_tokens", "number") or 0) + (wire.member(day, "completion_tokens", "number") or 0)
end

return {
  about    = "Usage of each day, by provider",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = { schema = { description = "One object for each day, oldest first" } },
  exits    = { SUCCESS = "The days are listed, possibly none" },
  examples = { { "Each day", "openproxy usage daily" } },
  render   = function(data, ui) usage.draw_buckets(ui, type(data) == "table" and data or {}, tokens_of) end,
  run      = function(_, ctx) return wire.get(ctx, "/api/usage/daily") end,
}
