local audit = require "lib.audit"
local auth = require "lib.auth"

local PAGE = 100                -- the most that the service gives at once
local LONGEST_PAUSE = 60        -- seconds between two requests while the service fails
local REFUSALS = { [7] = true, [8] = true }      -- exits: a service that does not want this caller
local PASSING = { INVALID_RESPONSE = true, SERVICE_ERROR = true, UNAVAILABLE = true, RATE_LIMITED = true,
  CONNECTION_FAILED = true, RESPONSE_INCOMPLETE = true, TIMEOUT = true }
local BEGINNING = "1970-01-01T00:00:00Z"

local function checked(ctx, events)
  local fits = type(events) == "table"
  for _, event in ipairs(fits and events or {}) do
    fits = fits and type(event) == "table" and type(event.eventId) == "string" and type(event.timestamp) == "string"
  end
  if not fits then ctx.fail("INVALID_RESPONSE", { cause = "The answer has something else than a list of events" }) end
  return events
end

-- One page of the log: its events, newest first, and whether older ones follow; or nil and the failure or the response.
local function page(ctx, args, since, number)
  local response, err = ctx.api.try.get("/audit/logs", {
    query = { agentId = args.agent_id, fromDate = since, page = number, limit = PAGE }, timeout = "30s",
  })
  if not response then return nil, err end
  if response.status >= 300 then return nil, response end
  local answer = auth.object(ctx, response)
  local events, total = checked(ctx, answer.data or answer), math.tointeger(answer.total)
  return events, total and #events > 0 and number * PAGE < total
end

-- All events since the cursor. Events that arrive meanwhile push others to the next page, never off it.
local function poll(ctx, args, cursor)
  local events, number = {}, 1
  while true do
    local list, more = page(ctx, args, cursor.since, number)
    if not list then return nil, more end
    for _, event in ipairs(list) do events[#events + 1] = event end
    if not more then return cursor:take(events) end
    number = number + 1
  end
end

-- Without --since the log begins where it ends now, by the service's own clock: all events of the latest timestamp are
-- history. Gives no events.
local function skip_history(ctx, args, cursor)
  local newest, number = nil, 1
  while true do
    local list, more = page(ctx, args, nil, number)
    if not list then return nil, more end
    for _, event in ipairs(list) do
      newest = newest or event.timestamp
      if event.timestamp ~= newest then return {} end
      cursor:passed(event)
    end
    if not more then return {} end
    number = number + 1
  end
end

-- A poll that fails on the way to its answer (no new token, an answer that is none) is a failed poll as well.
local function attempt(read, ctx, args, cursor)
  local ok, events, problem = pcall(read, ctx, args, cursor)
  if ok then return events, problem end
  if type(events) ~= "table" or not REFUSALS[events.exit] and not PASSING[events.code] then error(events, 0) end
  return nil, events
end

-- What a failed poll says, and whether another may do better.
local function judge(problem)
  if not problem.status then return problem.message, not REFUSALS[problem.exit] end
  local refused = problem.status == 401 or problem.status == 403
  return ("The service answered with status %d."):format(problem.status), not refused
end

local function row_of(ctx, event)
  local function present(value) if value ~= ctx.null then return value end end
  return {
    id = event.eventId, timestamp = event.timestamp, agent_id = event.agentId, action = event.action,
    outcome = event.outcome, ip_address = present(event.ipAddress), metadata = present(event.metadata),
  }
end

return {
  about    = "Follow the audit log",
  danger   = "safe", scopes = { "audit:read" }, network = true, timeout = "0s", stream = "default",
  long_running = true, writes = auth.writes, id = "id",
  args     = {
    { "agent-id", "string", "Only events of this agent", match = "id" },
    { "since", "datetime", "Begin with the events from this time on; without it, with new ones" },
    { "interval", "duration", "Pause between two requests", default = "5s", min = 0.1 },
  },
  returns  = { list = {
    id = "string", timestamp = "datetime", agent_id = "string", action = "string", outcome = "string",
    ip_address = "string?", metadata = "any?",
  }, ordered = true },
  render   = function(event, ui)
    local cells = { event.timestamp, event.agent_id, event.action, event.outcome, event.ip_address }
    ui.width = 0                -- one event is one line, however narrow the terminal
    ui.text(table.concat(cells, "  "))
  end,
  table    = { "timestamp", "agent_id", "action", "outcome", "ip_address" },
  exits    = { SUCCESS = "The stream ended" },
  examples = {
    { "Follow one agent", "sentryagent tail-audit-log --agent-id agent-1" },
    { "Begin in the past", "sentryagent tail-audit-log --since 2031-02-03T10:00:00Z" },
  },
  run      = function(args, ctx)
    auth.require_configured(ctx, args)
    local cursor, failed, answered = audit.new(args.since or BEGINNING), 0, false
    local read = args.since and poll or skip_history
    while true do
      local events, problem = attempt(read, ctx, args, cursor)
      local pause = args.interval
      if events then
        read, failed, answered = poll, 0, true
        for _, event in ipairs(events) do
          ctx.emit(row_of(ctx, event))
          cursor:passed(event)
        end
      else
        local why, passing = judge(problem)
        if not passing or not answered then ctx.fail(problem) end
        failed = failed + 1
        local asked = problem.status and problem.retry_after or problem.retry_after_ms
        pause = math.min(pause * 2 ^ failed, math.max(pause, LONGEST_PAUSE))
        pause = math.max(pause, (asked or 0) / 1000)
        ctx.warn("POLL_FAILED", ("%s Trying again in %.3g s."):format(why, pause))
      end
      ctx.sleep(pause)
    end
  end,
}
