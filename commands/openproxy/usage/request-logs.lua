local place = require "lib.place"
local wire = require "lib.wire"

local PATH = "/api/usage/request-details"
local PAGE = 100                -- the most that the service gives at once

-- The row with this id on a page of details, or nil.
local function find(details, id)
  for _, row in ipairs(details or {}) do
    if type(row) == "table" and row.id == id then return row end
  end
end

-- A service that cannot look for an id has it on one of its pages.
local function search(ctx, id)
  local number = 1
  while true do
    local payload = wire.get(ctx, PATH, { page = number, pageSize = PAGE })
    local row = find(wire.member(payload, "details", "table"), id)
    if row then return row end
    local pages = wire.member(payload, "pagination", "table")
    if not pages or pages.hasNext ~= true then return nil end
    number = number + 1
  end
end

return {
  about    = "What is known of one request",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = { { "id", "string", "Request", at = 1, required = true, loose = true } },
  returns  = wire.shape({ rows = "The request: id, model, provider, latency, tokens and what was sent" }, "One request"),
  exits    = { SUCCESS = "The request is there", NOT_FOUND = "There is no such request" },
  examples = { { "One request", "openproxy usage request-logs 2031-02-03T10:00:00Z-0-m-1" } },
  render   = function(data, ui)
    local row = (wire.member(data, "rows", "table") or {})[1]
    if type(row) == "table" then ui.kv(row) end
  end,
  run      = function(args, ctx)
    local payload = wire.get(ctx, PATH, { id = args.id })
    if #(wire.member(payload, "rows", "table") or {}) > 0 then return payload end
    local details = wire.member(payload, "details", "table")
    local row = details and (find(details, args.id) or search(ctx, args.id))
    if not row then ctx.fail("NOT_FOUND", { message = ("no request log for id '%s'"):format(args.id) }) end
    return { rows = ctx.array { row } }
  end,
}
