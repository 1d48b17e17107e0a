local place = require "lib.place"
local usage = require "lib.usage"

return {
  about    = "Usage of each provider, fetched anew and counted",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads, rows = "quotas",
  returns  = { quotas = { list = "any", ordered = true }, refreshed = "integer" },
  exits    = { SUCCESS = "The providers are listed, possibly none" },
  examples = { { "Fetch them", "openproxy quota refresh" } },
  render   = function(data, ui)
    usage.draw_quotas(ui, data.quotas)
    ui.text(("%d providers."):format(data.refreshed))
  end,
  run      = function(_, ctx)
    local quotas = usage.quotas(ctx)
    return { quotas = quotas, refreshed = #quotas }
  end,
}
