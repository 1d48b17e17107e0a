local place = require "lib.place"
local wire = require "lib.wire"

local function lines_of(payload)
  local lines = {}
  for i, line in ipairs(wire.member(payload, "logs", "table") or {}) do
    lines[i] = (type(line) == "string" and line or "") .. "\n"
  end
  return lines
end

-- Where the lines shall go; nil for stdout.
local function target(args, ctx)
  return args.out and args.out ~= ctx.cwd .. "/-" and args.out or nil
end

return {
  about    = "The lines of the service's log, also into a file",
  danger   = "mutating", scopes = {}, network = place.network, reads = place.reads,
  args     = { { "out", "path", "File for the lines, written anew; - for stdout", access = "write" } },
  returns  = wire.shape({ logs = "The lines, oldest first", count = "How many", written = "The file and its lines" },
    "The log"),
  exits    = { SUCCESS = "The lines are there" },
  examples = {
    { "On stdout", "openproxy logs export" }, { "Into a file", "openproxy logs export --out proxy.log" },
  },
  render   = function(data, ui)
    if data.written then return ui.text(("Wrote %d lines to %s."):format(data.written.lines, data.written.path)) end
    for _, line in ipairs(lines_of(data)) do ui.line((line:gsub("\n$", ""))) end
  end,
  preview  = function(args, ctx)
    ctx.api.ready()
    return ctx.would(target(args, ctx) and "create" or "noop", { file = target(args, ctx) })
  end,
  run      = function(args, ctx)
    local payload, path = wire.get(ctx, "/api/observability/logs"), target(args, ctx)
    local data = type(payload) == "table" and payload or { logs = ctx.array {} }
    if not path then return ctx.noop(data) end
    local lines = lines_of(payload)
    ctx.files.write(path, table.concat(lines))
    data.written = { path = path, lines = #lines }
    return ctx.created(data)
  end,
}
