local place = require "lib.place"
local usage = require "lib.usage"

return {
  about    = "Usage of each provider",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads, rows = "quotas",
  returns  = { quotas = { list = "any", ordered = true } },
  exits    = { SUCCESS = "The providers are listed, possibly none" },
  examples = { { "All of them", "openproxy quota list" } },
  render   = function(data, ui) usage.draw_quotas(ui, data.quotas) end,
  run      = function(_, ctx) return { quotas = usage.quotas(ctx) } end,
}
