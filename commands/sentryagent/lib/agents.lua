-- The service's agents. Promise: one shape of an agent, whichever of its spellings the service answers with.

local auth = require "lib.auth"

local M = {}

--- Shape of an agent in results.
M.returns = { id = "string", name = "string", description = "string?", status = "string", created_at = "datetime" }

--- An agent of the service as the commands show it.
function M.shape(ctx, agent)
  if type(agent) ~= "table" then
    ctx.fail("INVALID_RESPONSE", { cause = "The answer has something else than an agent" })
  end
  local description = agent.description
  return {
    id = agent.agentId or agent.id, name = agent.name, status = agent.status, created_at = agent.createdAt,
    description = description ~= ctx.null and description or nil,
  }
end

--- One page of agents: array, and the total if the service says it (it may answer with a bare array).
function M.page(ctx, number, limit)
  local answer = auth.object(ctx, ctx.api.get("/agents", { query = { page = number, limit = limit } }))
  local list, out = answer.data or answer, {}
  if type(list) ~= "table" then ctx.fail("INVALID_RESPONSE", { cause = "The answer's data is no list" }) end
  for i, agent in ipairs(list) do out[i] = M.shape(ctx, agent) end
  return out, answer.data and math.tointeger(answer.total) or nil
end

--- The agent with this id, or nil: the service has no route for one agent.
function M.find(ctx, id)
  local number, seen = 1, 0
  while true do
    local list, total = M.page(ctx, number, 100)
    for _, agent in ipairs(list) do
      if agent.id == id then return agent end
    end
    number, seen = number + 1, seen + #list
    if #list == 0 or not total or seen >= total then return nil end
  end
end

return M
