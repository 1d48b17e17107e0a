local place = require "lib.place"
local wire = require "lib.wire"

-- Text that is no JSON, as an event of the log.
local function raw(text) return { kind = "raw", raw = text } end

local function buffered_lines(ctx)
  local lines = {}
  for i, line in ipairs(wire.member(wire.get(ctx, "/api/observability/logs"), "logs", "table") or {}) do
    lines[i] = type(line) == "string" and line or ""
  end
  return lines
end

-- The stream is opened before the buffer is read, so that no line is lost between the two; lines that came both ways are
-- the first of the stream and the last of the buffer. Gives a function: is this row one of them?
local function overlap(lines)
  local at, over = nil, false
  local function position(line)
    if at then return lines[at] == line and at or nil end
    for i = #lines, 1, -1 do
      if lines[i] == line then return i end
    end
  end
  return function(row)
    local line = wire.member(row, "line", "string")
    if over or not line then return false end
    local found = position(line)
    at, over = found and found + 1, found == nil
    return found ~= nil
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
    local events = args.follow and ctx.api.events "/api/observability/stream"
    local lines = buffered_lines(ctx)
    for i = math.max(1, #lines - (args.limit or #lines) + 1), #lines do
      ctx.emit { kind = "line", line = lines[i], buffered = true }
    end
    if not events then return end
    local seen = overlap(lines)
    for event in events do
      local row = wire.event(event, raw)
      if not seen(row) then ctx.emit(row) end
    end
  end,
}
