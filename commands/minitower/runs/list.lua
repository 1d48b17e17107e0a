local api = require "lib.api"
local runs = require "lib.runs"

local LARGEST = 100             -- runs that the service gives at once

return {
  about    = "List the runs of the team: active ones first, then by outcome",
  danger   = "safe", scopes = {}, network = true, page = 50, id = "run_id",
  args     = {
    { "app", "string", "Only runs of this app", match = "id" },
    { "status", "string", "Only runs of this status", match = "^[a-z]+$" },
    { "offset", "integer", "How many runs are passed over", default = 0, min = 0 },
  },
  returns  = { list = api.run, ordered = true },
  table    = runs.columns,
  exits    = { SUCCESS = "The runs are listed, possibly none" },
  examples = { { "What runs now", "minitower-cli runs list --status running" } },
  run      = function(args, ctx)
    local offset = tonumber(ctx.cursor or args.offset)
    local limit = ctx.limit > 0 and math.min(ctx.limit, LARGEST) or LARGEST
    local response = ctx.api.get("/api/v1/runs",
      { query = { app = args.app, status = args.status, limit = limit, offset = offset } })
    local list = api.list(ctx, response, "runs", api.run, "a run")
    return ctx.list(list, { next = #list == limit and tostring(offset + limit) or nil })
  end,
}
