local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Empty the service's log buffer",
  danger   = "destructive", reversible = false, scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ success = "Whether it was done", message = "What the service says" }, "The service's answer"),
  exits    = { SUCCESS = "The buffer is empty" },
  examples = { { "See what would go", "openproxy logs clear --dry-run" } },
  render   = function(_, ui) ui.text("Cleared the log buffer.") end,
  preview  = function(_, ctx)
    local payload = wire.get(ctx, "/api/observability/logs")
    return ctx.would("delete", { lines = #(wire.member(payload, "logs", "table") or {}) })
  end,
  run      = function(_, ctx)
    local payload = wire.payload(ctx, ctx.api.post "/api/observability/clear")
    return ctx.deleted(type(payload) == "table" and payload or {})
  end,
}
