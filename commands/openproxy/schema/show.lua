local resources = require "lib.resources"

return {
  about    = "The JSON Schema of a resource",
  danger   = "safe", scopes = {},
  args     = { { "resource", "string", "Resource, as `openproxy schema list` names it", at = 1, required = true, loose = true } },
  returns  = { ["…"] = "any" },
  errors   = { SERVER_UNREACHABLE = false },
  exits    = { SUCCESS = "It is there", NOT_FOUND = "There is no such resource" },
  examples = { { "The form of a combo", "openproxy schema show combo" } },
  render   = resources.draw,
  run      = function(args, ctx) return resources.schema(ctx, args.resource) end,
}
