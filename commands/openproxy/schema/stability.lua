local resources = require "lib.resources"

return {
  about    = "What of these forms can be relied on",
  danger   = "safe", scopes = {},
  returns  = { namespace = "string", stability = "string", policy = "string" },
  errors   = { SERVER_UNREACHABLE = false },
  exits    = { SUCCESS = "It is said" },
  examples = { { "The promise", "openproxy schema stability" } },
  render   = function(data, ui) ui.text(("%s is %s.\n%s"):format(data.namespace, data.stability, data.policy)) end,
  run      = function()
    return { namespace = resources.namespace, stability = resources.stability, policy = resources.policy }
  end,
}
