local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Ask the service to forget its usage, which today empties its log buffer only",
  danger   = "destructive", reversible = false, scopes = {}, network = place.network, reads = place.reads,
  returns  = { cleared = "string", message = "string?" },
  exits    = { SUCCESS = "The service did what it does at a reset" },
  examples = { { "See what would go", "openproxy quota reset --dry-run" } },
  render   = function(data, ui) ui.text("Cleared the " .. data.cleared .. ".") end,
  preview  = function(_, ctx)
    ctx.api.ready()
    return ctx.would("delete", { log_buffer = true })
  end,
  run      = function(_, ctx)
    local response = ctx.api.post("/api/observability/clear", { json = { action = "reset", confirm = true } })
    ctx.warn("COUNTERS_STAY", "The service empties its log buffer at a reset; its usage counters stay.")
    return ctx.deleted { cleared = "log buffer", message = wire.member(wire.payload(ctx, response), "message", "string") }
  end,
}
