-- The flavour `m4`: the shapes that the milestone's own tests and the command line's help expect, where they differ
-- from what the server at its head gives.

local catalogue = require "lib.openproxy.catalogue"
local json = require "tool.json"
local logs = require "lib.openproxy.logs"
local oauth = require "lib.openproxy.oauth"
local time = require "lib.time"
local usage = require "lib.openproxy.usage"

local m4 = {}

local routes = {}

routes["GET /api/usage/providers"] = function(state)
  return 200, { providers = usage.by_provider(state) }
end

routes["GET /api/usage/stats"] = function(state, req)
  local period = req.query.period or "7d"
  local stats = usage.stats(state, period, req.time_ms)
  if not stats then return 400, { error = "Invalid period" } end
  local totals = { requests = 0, tokens = stats.totalPromptTokens + stats.totalCompletionTokens, cost = stats.totalCost }
  for _, sums in pairs(stats.byProvider) do totals.requests = totals.requests + sums.requests end
  return 200, { period = period, totals = totals }
end

routes["GET /api/usage/history"] = function(state, req)
  local rows, out = usage.history(state).history, json.array {}
  for i, r in ipairs(rows) do
    if i > (math.tointeger(tonumber(req.query.limit)) or #rows) then break end
    out[i] = { timestamp = r.timestamp, provider = r.provider, model = r.model, prompt_tokens = r.promptTokens,
      completion_tokens = r.completionTokens, cost = r.cost }
  end
  return 200, { total_requests = #rows, history = out }
end

-- The rows of request details that a query means.
local function details(state, query, limit)
  local rows = usage.details(state, query, 1, limit)
  return rows
end

routes["GET /api/usage/logs"] = function(state, req)
  local limit = math.tointeger(tonumber(req.query.limit)) or 200
  local rows = details(state, { model = req.query.model, provider = req.query.provider }, math.max(0, limit))
  return 200, { logs = rows, total = #rows }
end

routes["GET /api/usage/request-details"] = function(state, req)
  return 200, { rows = details(state, { id = req.query.id, provider = req.query.provider, model = req.query.model }, 100) }
end

routes["GET /api/usage/pricing"] = function() return 200, { pricing = catalogue.prices() } end

routes["GET /api/observability/stats"] = function(state)
  return 200, { logBufferLines = #state.log.lines, totalRequestsLifetime = usage.summary(state).total_requests,
    levelCounts = logs.levels(state.log) }
end

routes["POST /api/observability/clear"] = function(state)
  logs.clear(state.log)
  return 200, { cleared = true }
end

routes["GET /api/oauth/{provider}/start"] = function(state, req)
  local status, body = oauth.start(state, req)
  body.url = body.auth_url
  return status, body
end

routes["POST /api/oauth/{provider}/poll"] = function(state, req)
  local status, body = oauth.poll(state, req)
  if status == 200 then body.status = "linked" end
  return status, body
end

routes["GET /api/oauth/{provider}/status"] = function(state, req)
  local _, body = oauth.status(state, req)
  local expires = body.connected and time.parse(body.expires_at)
  return 200, { provider = body.provider, url = json.null, expires_at = expires and expires // 1000 or json.null,
    status = not body.connected and "pending" or body.needs_refresh and "expired" or "linked" }
end

routes["POST /api/oauth/{provider}/refresh"] = function(state, req)
  local status, body = oauth.refresh(state, req)
  if status == 200 then body.status = "linked" end
  return status, body
end

--- Puts the handlers of this flavour in the place of the others; wrap(fn) binds them to the state.
function m4.apply(table_of_routes, wrap)
  for key, run in pairs(routes) do table_of_routes[key].run = wrap(run) end
end

return m4
