-- Runs: their states, and what a team sees of them.
-- Promise: a run moves only along queued → leased → running → completed | failed, with cancelling → cancelled on the way
-- and dead at the end of its retries; a finished run never changes.

local api = require "lib.minitower.api"
local apps = require "lib.minitower.apps"
local json = require "tool.json"
local towerfile = require "lib.minitower.towerfile"

local runs = {}

-- In the order of the team's list.
local STATUSES = { "running", "leased", "cancelling", "queued", "completed", "failed", "cancelled", "dead" }
local ACTIVE = { leased = true, running = true, cancelling = true }

-- The place of a status among them, as SQL.
local function rank()
  local cases = {}
  for i, status in ipairs(STATUSES) do cases[i] = ("WHEN '%s' THEN %d"):format(status, i) end
  return "CASE run.status " .. table.concat(cases, " ") .. " END"
end

local BY_STATUS = rank()

local SELECT = [[SELECT run.*, version.version_no, app.slug AS app_slug FROM run
  JOIN version ON version.id = run.version_id JOIN app ON app.id = run.app_id ]]

-- The app's slug is part of some answers only, as in the real server.
local function run_of(row, with_slug)
  return { run_id = row.id, app_id = row.app_id, app_slug = with_slug and row.app_slug or nil, run_no = row.run_no,
    version_no = row.version_no, status = row.status, input = row.input and json.decode(row.input),
    priority = row.priority, max_retries = row.max_retries, retry_count = row.retry_count,
    cancel_requested = row.cancel_requested ~= 0, queued_at = api.time(row.queued_ms),
    started_at = api.time(row.started_ms), finished_at = api.time(row.finished_ms) }
end

--- The row of a run.
function runs.get(state, id)
  return state.db:one(SELECT .. "WHERE run.id = ?", id)
end

-- States --------------------------------------------------------------------------------------------------------------

--- Queues a run; returns its id. of: version (a row), input (an object), priority, max_retries.
function runs.create(state, app, of, now)
  return state.db:atomic(function()
    local last = state.db:one("SELECT max(run_no) AS n FROM run WHERE app_id = ?", app.id).n or 0
    return state.db:insert([[INSERT INTO run(team_id, app_id, run_no, version_id, environment, status, input, priority,
      max_retries, queued_ms) VALUES(?, ?, ?, ?, 'default', 'queued', ?, ?, ?, ?)]], app.team_id, app.id, last + 1,
      of.version.id, of.input and json.encode(of.input), of.priority or 0, of.max_retries or 0, now)
  end)
end

--- Ends a run.
function runs.finish(state, id, status, now)
  state.db:exec("UPDATE run SET status = ?, finished_ms = ? WHERE id = ?", status, now, id)
end

--- Asks a run to end: what waits ends at once, what a runner has is told to it, what has ended stays as it is.
function runs.cancel(state, row, now)
  if row.status == "queued" then
    state.db:exec("UPDATE run SET status = 'cancelled', cancel_requested = 1, finished_ms = ? WHERE id = ?", now, row.id)
  elseif ACTIVE[row.status] then
    state.db:atomic(function()
      state.db:exec("UPDATE run SET status = 'cancelling', cancel_requested = 1 WHERE id = ?", row.id)
      state.db:exec("UPDATE attempt SET status = 'cancelling' WHERE run_id = ? AND status IN ('leased', 'running')", row.id)
    end)
    if state.runner then state.runner:cancel(row.id) end
  end
end

--- After the lease of an attempt of this run was lost: once more, or the end.
function runs.lost(state, row, now)
  if row.status == "cancelling" then
    runs.finish(state, row.id, "cancelled", now)
  elseif row.retry_count < row.max_retries then
    state.db:exec("UPDATE run SET status = 'queued', retry_count = retry_count + 1, queued_ms = ? WHERE id = ?", now, row.id)
  else
    runs.finish(state, row.id, "dead", now)
  end
end

-- Routes --------------------------------------------------------------------------------------------------------------

-- The run that the path names, of the caller's team.
local function named(state, req)
  local id = req.params.id:find "^%d+$" and math.tointeger(tonumber(req.params.id))
  if not id or id < 1 then api.fail(req, 400, "invalid_request", "invalid run ID") end
  local row = runs.get(state, id)
  if not row or row.team_id ~= req.token.team_id then api.fail(req, 404, "not_found", "run not found") end
  return row
end

local function version_for(state, req, app, number)
  if number and number < 1 then number = 0 end
  local version = apps.version(state, app.id, number)
  if version then return version end
  if not number then api.fail(req, 400, "no_version", "app has no versions") end
  api.fail(req, 404, "not_found", "version not found")
end

local function check_input(req, version, input)
  if not input or not version.params_schema then return end
  local field = towerfile.misfit(json.decode(version.params_schema), input)
  if field then
    api.fail(req, 400, "invalid_request", ("input does not match schema: $.%s has invalid type"):format(field))
  end
end

-- An object of a body; an array is none.
local function object(req, body, name)
  local value = api.field(req, body, name, "table")
  if value and #value > 0 then api.fail(req, 400, "invalid_request", "malformed JSON body") end
  return value
end

local function create_run(state, req)
  local app, body = apps.named(state, req), api.body(req, true)
  local input = object(req, body, "input")
  local number = api.field(req, body, "version_no", "integer")
  local priority = api.field(req, body, "priority", "integer")
  local max_retries = api.field(req, body, "max_retries", "integer")
  local version = version_for(state, req, app, number)
  check_input(req, version, input)
  -- the real server has no check of its own here: its database refuses
  if max_retries and max_retries < 0 then api.fail(req, 500, "internal", "failed to create run") end
  local id = runs.create(state, app,
    { version = version, input = input, priority = priority, max_retries = max_retries }, req.time_ms)
  local row = runs.get(state, id)
  if state.runner then state.runner:look() end
  return api.reply(201, run_of(row))
end

local function list_of(state, where, order, req, with_slug, ...)
  local args = table.pack(...)
  args[args.n + 1] = api.number(req.query.limit, 50, 1, 100)
  args[args.n + 2] = api.number(req.query.offset, 0, 0, math.maxinteger)
  local rows = state.db:rows(SELECT .. where .. " ORDER BY " .. order .. " LIMIT ? OFFSET ?",
    table.unpack(args, 1, args.n + 2))
  for i, row in ipairs(rows) do rows[i] = run_of(row, with_slug) end
  return api.reply(200, { runs = json.array(rows) })
end

local function list_app_runs(state, req)
  return list_of(state, "WHERE run.app_id = ?", "run.run_no DESC", req, false, apps.named(state, req).id)
end

local function one_of(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

-- The team's runs: grouped by status, newest first in each group, not in the order of time.
local function list_runs(state, req)
  local status, app = req.query.status, req.query.app
  local where, args = "WHERE run.team_id = ?", { req.token.team_id }
  if status and status ~= "" then
    if not one_of(STATUSES, status) then api.fail(req, 400, "invalid_request", "invalid status filter") end
    where, args[#args + 1] = where .. " AND run.status = ?", status
  end
  if app and app ~= "" then
    where, args[#args + 1] = where .. " AND app.slug = ?", app
  end
  return list_of(state, where, BY_STATUS .. ", run.queued_ms DESC, run.id DESC", req, true, table.unpack(args))
end

local function summary(state, req)
  local row = state.db:one([[SELECT count(*) AS total,
    count(CASE WHEN status IN ('running', 'leased', 'cancelling') THEN 1 END) AS active,
    count(CASE WHEN status = 'queued' THEN 1 END) AS queued FROM run WHERE team_id = ?]], req.token.team_id)
  return api.reply(200, { total_runs = row.total, active_runs = row.active, queued_runs = row.queued,
    terminal_runs = row.total - row.active - row.queued })
end

local function get_run(state, req)
  return api.reply(200, run_of(named(state, req), true))
end

local function cancel_run(state, req)
  local row = named(state, req)
  runs.cancel(state, row, req.time_ms)
  return api.reply(200, run_of(runs.get(state, row.id)))
end

-- The lines of the last attempt: earlier ones are not shown any more.
local function get_logs(state, req)
  local row, text = named(state, req), req.query.after_seq
  local after = (text == nil or text == "") and 0 or text:find "^%d+$" and math.tointeger(tonumber(text))
  if not after then api.fail(req, 400, "invalid_request", "invalid after_seq") end
  local lines = state.db:rows([[SELECT seq, stream, line, logged_ms FROM log WHERE seq > ? AND attempt_id =
    (SELECT id FROM attempt WHERE run_id = ? ORDER BY attempt_no DESC LIMIT 1) ORDER BY seq]], after, row.id)
  for i, line in ipairs(lines) do
    lines[i] = { seq = line.seq, stream = line.stream, line = line.line, logged_at = api.time(line.logged_ms) }
  end
  return api.reply(200, { logs = json.array(lines) })
end

--- How many runs have each status, for the metrics: a list of { status, n }.
function runs.count(state)
  local list = {}
  for i, status in ipairs(STATUSES) do
    list[i] = { status = status, n = state.db:one("SELECT count(*) AS n FROM run WHERE status = ?", status).n }
  end
  return list
end

--- The team's routes of runs.
function runs.routes(_, bind)
  return {
    ["GET /api/v1/apps/{app}/runs"] = { auth = "team", run = bind(list_app_runs) },
    ["POST /api/v1/apps/{app}/runs"] = { auth = "team", run = bind(create_run) },
    ["GET /api/v1/runs"] = { auth = "team", run = bind(list_runs) },
    ["GET /api/v1/runs/summary"] = { auth = "team", run = bind(summary) },
    ["GET /api/v1/runs/{id}"] = { auth = "team", run = bind(get_run) },
    ["POST /api/v1/runs/{id}/cancel"] = { auth = "team", run = bind(cancel_run) },
    ["GET /api/v1/runs/{id}/logs"] = { auth = "team", run = bind(get_logs) },
  }
end

return runs
