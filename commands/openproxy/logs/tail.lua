local follow = require "lib.follow"
local place = require "lib.place"
local tail = require "lib.tail"
local wire = require "lib.wire"

-- Text that is no JSON, as an event of the log.
local function raw(text) return { kind = "raw", raw = text } end

-- The last `limit` lines of the buffer; all without a limit.
local function show(ctx, lines, limit)
  for i = math.max(1, #lines - (limit or #lines) + 1), #lines do
    ctx.emit { kind = "line", line = lines[i], buffered = true }
  end
end

return {
  about    = "The latest lines of the service's log, and with --follow the next ones",
  danger   = "safe", scopes = {}, network = true, reads = place.reads, stream = "default", timeout = 0,
  args     = {
    { "follow", "boolean", "Go on with new lines until stopped" },
    { "limit", "integer", "At most this many of the latest lines", min = 0 },
    table.unpack(follow.args),
  },
  returns  = { list = "any", ordered = true },
  exits    = { SUCCESS = "The lines are out" },
  examples = {
    { "The last ten", "openproxy logs tail --limit 10" },
    { "Those to come, through a night of restarts", "tool openproxy logs tail --follow --limit 0 --reconnects 1000" },
  },
  render   = function(row, ui)
    local line, skipped = wire.member(row, "line", "string"), wire.member(row, "skipped", "number")
    if line then ui.line(line) end
    if skipped then ui.line(("%d lines were too quick and are not shown"):format(skipped), "dim") end
  end,
  run      = function(args, ctx)
    local log = tail.new(ctx)
    if not args.follow then return show(ctx, log:buffer(), args.limit) end
    follow.stream(ctx, args, "/api/observability/stream", {
      opened = function(again)
        local lines = log:buffer()
        if again and log.gap then
          ctx.warn("LINES_MISSED", "The service no longer has the last line that was shown: lines may be missing here.")
        end
        show(ctx, lines, not again and args.limit or nil)
      end,
      event = function(event)
        local row = wire.event(event, raw)
        local new = log:takes(row)
        if new then ctx.emit(row) end
        return new
      end,
    })
  end,
}
