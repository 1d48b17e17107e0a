local json = require "tool.json"
local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Lines about single requests",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = {
    { "limit", "integer", "At most this many", min = 0 },
    { "model", "string", "Only of this model", loose = true },
    { "provider", "string", "Only of this provider", loose = true },
  },
  returns  = { schema = { description = "A list of lines, or an object with logs or entries" } },
  exits    = { SUCCESS = "The lines are listed, possibly none" },
  examples = { { "Five of one provider", "openproxy usage logs --limit 5 --provider glm" } },
  render   = function(data, ui)
    for _, entry in ipairs(usage.entries(data)) do
      ui.line(type(entry) == "string" and entry or json.encode(entry))
    end
  end,
  run      = function(args, ctx)
    local query = wire.form { { "limit", args.limit }, { "model", args.model }, { "provider", args.provider } }
    return usage.filtered(ctx, wire.get(ctx, "/api/usage/logs" .. query), args)
  end,
}
