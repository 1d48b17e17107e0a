local resources = require "lib.resources"

return {
  about    = "Names of the resources",
  danger   = "safe", scopes = {}, rows = "resources",
  returns  = { namespace = "string", stability = "string", resources = { list = "string", ordered = true } },
  errors   = { SERVER_UNREACHABLE = false },
  exits    = { SUCCESS = "The names are listed" },
  examples = { { "All names", "openproxy schema list" } },
  render   = function(data, ui) for line in resources.listing(data):gmatch "[^\n]+" do ui.line(line) end end,
  run      = function(_, ctx)
    return { namespace = resources.namespace, stability = resources.stability, resources = ctx.array(resources.names()) }
  end,
}
