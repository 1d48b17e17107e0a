local place = require "lib.place"
local usage = require "lib.usage"
local wire = require "lib.wire"

return {
  about    = "Usage of one provider",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = { { "provider", "string", "Provider or its id", at = 1, required = true, loose = true } },
  returns  = wire.shape({ provider = "The provider", requests = "Requests", tokens = "Tokens", cost = "Cost in dollars" },
    "Usage of the provider"),
  exits    = { SUCCESS = "The provider is there", NOT_FOUND = "There is no such provider" },
  examples = { { "One provider", "openproxy quota get glm" } },
  render   = function(data, ui) usage.draw_quotas(ui, { data }) end,
  run      = function(args, ctx)
    for _, row in ipairs(usage.quotas(ctx)) do
      if wire.member(row, "provider", "string") == args.provider or wire.member(row, "id", "string") == args.provider then
        return row
      end
    end
    ctx.fail("NOT_FOUND", { message = ("no quota row for provider '%s'"):format(args.provider) })
  end,
}
