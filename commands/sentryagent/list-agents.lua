local agents = require "lib.agents"
local auth = require "lib.auth"

local LARGEST = 100             -- items that the service puts on one page

return {
  about    = "List the agents of the tenant",
  danger   = "safe", scopes = { "agents:read" }, network = true, writes = auth.writes, page = 20, id = "id",
  returns  = { list = agents.returns, ordered = true },         -- in the order of the service: pages fit together
  table    = { "id", "name", "status", "created_at" },
  exits    = { SUCCESS = "The agents are listed, possibly none" },
  examples = { { "All agents", "sentryagent list-agents --limit 0" } },
  run      = function(_, ctx)
    -- the cursor keeps the page size, which the numbers of later pages depend on
    local number, limit = 1, math.min(ctx.page_size, LARGEST)
    if ctx.cursor then
      local n, size = tostring(ctx.cursor):match("^(%d+)/(%d+)$")
      number, limit = tonumber(n), tonumber(size)
    end
    local list, total = agents.page(ctx, number, limit)
    local more = total and number * limit < total and #list > 0
    return ctx.list(list, { next = more and ("%d/%d"):format(number + 1, limit) or nil, total = total })
  end,
}
