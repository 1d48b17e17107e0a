local place = require "lib.place"
local wire = require "lib.wire"

-- Text that is no JSON, as an event of the log.
local function raw(text) return { kind = "raw", raw = text } end

local function emit_snapshot(ctx, limit)
  local lines = wire.member(wire.get(ctx, "/api/observability/logs"), "logs", "table") or {}
  for i = math.max(1, #lines - (limit or #lines) + 1), #lines do
    ctx.emit { kind = "line", line = type(lines[i]) == "string" and lines[i] or "", buffered = true }
  end
end

return {
  about    = "The latest lines of the service's log, and with --follow the next ones",
  danger   = "safe", scopes = {}, network = true, reads = place.reads, stream = "default", timeout = 0,
  args     = {
    { "follow", "boolean", "Go on with new lines until stopped" },
    { "limit", "integer", "At most this many of the latest lines", min = 0 },
  },
  returns  = { list = "any", ordered = true },
  exits    = { SUCCESS = "The lines are out" },
  examples = { { "The last ten", "openproxy logs tail --limit 10" } },
  render   = function(row, ui)
    if type(row) == "table" and type(row.line) == "string" then ui.line(row.line) end
  end,
  run      = function(args, ctx)
    emit_snapshot(ctx, args.limit)
    if not args.follow then return end
    for event in ctx.api.events "/api/observability/stream" do ctx.emit(wire.event(event, raw)) end
  end,
}
