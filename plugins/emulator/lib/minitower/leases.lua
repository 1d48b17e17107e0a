-- Runners and what they may do with a run: register, lease, start, heartbeat, logs, result, artifact.
-- Promise: a run is held by one attempt at a time, proven by its lease token; an attempt whose lease is over changes nothing
-- any more; log lines are kept once, by their number.

local api = require "lib.minitower.api"
local apps = require "lib.minitower.apps"
local hash = require "tool.hash"
local json = require "tool.json"
local runs = require "lib.minitower.runs"

local leases = {}

--- The longest log line, in bytes, and the most lines of one delivery.
leases.MAX_LINE, leases.MAX_LINES = 8192, 100

local HELD = { leased = true, running = true, cancelling = true }
local RESULTS = { completed = true, failed = true, cancelled = true }

-- Runners -------------------------------------------------------------------------------------------------------------

--- Makes a runner, or gives one of that name a new token. Returns its id, the token, and whether it is new.
function leases.register(state, name, environment)
  local token = "mtr_" .. state.db:hex(24)
  local known = state.db:one("SELECT id FROM runner WHERE name = ?", name)
  if known then
    state.db:exec("UPDATE runner SET hash = ?, environment = coalesce(?, environment) WHERE id = ?", hash.sha256(token),
      environment, known.id)
    return known.id, token, false
  end
  return state.db:insert("INSERT INTO runner(name, environment, hash) VALUES(?, ?, ?)", name, environment or "default",
    hash.sha256(token)), token, true
end

--- The runner behind the bearer of a request, or nil; it counts as seen.
function leases.bearer(state, req)
  local text = req.authorization.bearer
  local runner = text and state.db:one("SELECT * FROM runner WHERE hash = ?", hash.sha256(text))
  if runner then leases.seen(state, runner.id, req.time_ms) end
  return runner
end

--- A runner was heard of.
function leases.seen(state, runner_id, now)
  state.db:exec("UPDATE runner SET last_seen_ms = ? WHERE id = ?", now, runner_id)
end

-- Leases --------------------------------------------------------------------------------------------------------------

--- Gives the first run of the queue to a runner; nil when none waits. Returns { attempt_id, attempt_no, token, expires_ms,
--- run (its row), version (its row) }.
function leases.take(state, runner, now)
  return state.db:atomic(function()
    local run = state.db:one([[SELECT id, version_id FROM run WHERE status = 'queued' AND environment = ?
      ORDER BY priority DESC, queued_ms, id LIMIT 1]], runner.environment)
    if not run then return false end
    local token, expires = "mtl_" .. state.db:hex(24), now + state.options.lease_ttl_ms
    local last = state.db:one("SELECT max(attempt_no) AS n FROM attempt WHERE run_id = ?", run.id).n or 0
    local id = state.db:insert([[INSERT INTO attempt(run_id, attempt_no, runner_id, status, hash, expires_ms)
      VALUES(?, ?, ?, 'leased', ?, ?)]], run.id, last + 1, runner.id, hash.sha256(token), expires)
    state.db:exec("UPDATE run SET status = 'leased' WHERE id = ?", run.id)
    return { attempt_id = id, attempt_no = last + 1, token = token, expires_ms = expires, run = runs.get(state, run.id),
      version = state.db:one("SELECT * FROM version WHERE id = ?", run.version_id) }
  end) or nil
end

--- The attempt of that number while its lease holds, with `run_status` and `cancel_requested`; else nil.
function leases.held(state, attempt_id, now)
  local attempt = state.db:one([[SELECT attempt.*, run.status AS run_status, run.cancel_requested FROM attempt
    JOIN run ON run.id = run_id WHERE attempt.id = ?]], attempt_id)
  return attempt and HELD[attempt.status] and attempt.expires_ms > now and attempt or nil
end

--- The attempt's program begins.
function leases.start(state, attempt, now)
  if attempt.status ~= "leased" then return end
  state.db:atomic(function()
    state.db:exec("UPDATE attempt SET status = 'running' WHERE id = ?", attempt.id)
    state.db:exec("UPDATE run SET status = 'running', started_ms = coalesce(started_ms, ?) WHERE id = ?", now, attempt.run_id)
  end)
end

--- The attempt lives: its lease begins anew.
function leases.extend(state, attempt_id, now)
  state.db:exec("UPDATE attempt SET expires_ms = ? WHERE id = ?", now + state.options.lease_ttl_ms, attempt_id)
end

--- Keeps log lines { seq, stream, line, ms }; what is there already stays.
function leases.log(state, attempt_id, lines)
  state.db:atomic(function()
    for _, l in ipairs(lines) do
      state.db:exec("INSERT OR IGNORE INTO log(attempt_id, seq, stream, line, logged_ms) VALUES(?, ?, ?, ?, ?)",
        attempt_id, l.seq, l.stream, l.line, l.ms)
    end
  end)
end

--- Ends an attempt and its run. Returns false when that cannot be its result.
function leases.finish(state, attempt, status, exit_code, message, now)
  if (attempt.status == "cancelling") ~= (status == "cancelled") then return false end
  state.db:atomic(function()
    state.db:exec("UPDATE attempt SET status = ?, exit_code = ?, error_message = ? WHERE id = ?", status, exit_code, message,
      attempt.id)
    runs.finish(state, attempt.run_id, status, now)
  end)
  return true
end

--- Takes the runs back whose leases are over.
function leases.sweep(state, now)
  local lost = state.db:rows([[SELECT id, run_id FROM attempt WHERE status IN ('leased', 'running', 'cancelling')
    AND expires_ms <= ?]], now)
  for _, attempt in ipairs(lost) do
    state.db:atomic(function()
      state.db:exec("UPDATE attempt SET status = 'expired' WHERE id = ?", attempt.id)
      runs.lost(state, runs.get(state, attempt.run_id), now)
    end)
  end
end

-- Routes --------------------------------------------------------------------------------------------------------------

local function register(state, req)
  local body = api.body(req)
  local name = api.required(req, body, "name")
  local id, token, new = leases.register(state, name, api.field(req, body, "environment", "string"))
  leases.seen(state, id, req.time_ms)
  return api.reply(new and 201 or 200, { runner_id = id, name = name, token = token })
end

local function list_runners(state, req)
  local rows = state.db:rows "SELECT * FROM runner ORDER BY name"
  local since = req.time_ms - 2 * state.options.lease_ttl_ms
  for i, row in ipairs(rows) do
    rows[i] = { runner_id = row.id, name = row.name, environment = row.environment,
      status = (row.last_seen_ms or 0) > since and "online" or "offline", last_seen_at = api.time(row.last_seen_ms) }
  end
  return api.reply(200, { runners = json.array(rows) })
end

local function lease(state, req)
  local got = leases.take(state, req.runner, req.time_ms)
  if not got then return 204 end
  local run, version = got.run, got.version
  return api.reply(200, { run_id = run.id, run_no = run.run_no, app_id = run.app_id, app_slug = run.app_slug,
    version_no = run.version_no, entrypoint = version.entrypoint, timeout_seconds = version.timeout_seconds,
    input = run.input and json.decode(run.input), attempt_id = got.attempt_id, attempt_no = got.attempt_no,
    lease_token = got.token, lease_expires_at = api.time(got.expires_ms) })
end

-- The attempt that the request's lease token stands for, held or not.
local function attempt_of(state, req)
  local id = req.params.id:find "^%d+$" and math.tointeger(tonumber(req.params.id))
  if not id then api.fail(req, 400, "invalid_request", "invalid run ID") end
  local token = req.headers["x-lease-token"]
  if not token or token == "" then api.fail(req, 400, "invalid_request", "missing lease token") end
  return state.db:one("SELECT * FROM attempt WHERE run_id = ? AND runner_id = ? AND hash = ?", id, req.runner.id,
    hash.sha256(token))
end

local function gone(req) api.fail(req, 410, "gone", "lease is invalid or expired") end

local function held(state, req)
  local attempt = attempt_of(state, req)
  attempt = attempt and leases.held(state, attempt.id, req.time_ms)
  if not attempt then gone(req) end
  return attempt
end

local function lease_state(state, attempt_id, now)
  local a = leases.held(state, attempt_id, now)
  return api.reply(200, { attempt_id = a.id, attempt_no = a.attempt_no, status = a.status,
    lease_expires_at = api.time(a.expires_ms), cancel_requested = a.cancel_requested ~= 0, run_status = a.run_status })
end

local function start(state, req)
  local attempt = held(state, req)
  leases.start(state, attempt, req.time_ms)
  leases.extend(state, attempt.id, req.time_ms)
  return lease_state(state, attempt.id, req.time_ms)
end

local function heartbeat(state, req)
  local attempt = held(state, req)
  leases.extend(state, attempt.id, req.time_ms)
  return lease_state(state, attempt.id, req.time_ms)
end

-- One line of a delivery, or nil when it is none.
local function line_of(entry)
  if type(entry) ~= "table" or math.type(entry.seq) ~= "integer" or entry.seq < 1 then return nil end
  if entry.stream ~= "stdout" and entry.stream ~= "stderr" then return nil end
  if type(entry.line) ~= "string" or #entry.line > leases.MAX_LINE then return nil end
  local ms = type(entry.logged_at) == "string" and require("lib.time").parse(entry.logged_at)
  return ms and { seq = entry.seq, stream = entry.stream, line = entry.line, ms = ms } or nil
end

local function append_logs(state, req)
  local attempt = held(state, req)
  local given = api.field(req, api.body(req), "logs", "table") or {}
  if #given > leases.MAX_LINES then
    api.fail(req, 400, "invalid_request", ("at most %d log entries at a time"):format(leases.MAX_LINES))
  end
  local lines = {}
  for i, entry in ipairs(given) do
    lines[i] = line_of(entry) or api.fail(req, 400, "invalid_request", ("invalid log entry %d"):format(i - 1))
  end
  leases.log(state, attempt.id, lines)
  return api.reply(200, { status = "ok" })
end

local function result(state, req)
  local attempt, body = attempt_of(state, req), api.body(req)
  local status = api.field(req, body, "status", "string")
  if not RESULTS[status] then
    api.fail(req, 400, "invalid_request", "status must be completed, failed or cancelled")
  end
  local code, message = api.field(req, body, "exit_code", "integer"), api.field(req, body, "error_message", "string")
  if attempt and attempt.status == status then return api.reply(200, { status = "ok" }) end
  if attempt and RESULTS[attempt.status] then api.fail(req, 409, "conflict", "attempt is already " .. attempt.status) end
  attempt = held(state, req)
  if not leases.finish(state, attempt, status, code, message, req.time_ms) then
    api.fail(req, 409, "conflict", ("attempt is %s"):format(attempt.status))
  end
  if state.runner then state.runner:look() end
  return api.reply(200, { status = "ok" })
end

local function artifact(state, req)
  local attempt = held(state, req)
  local version = state.db:one("SELECT version.* FROM version JOIN run ON version_id = version.id WHERE run.id = ?",
    attempt.run_id)
  return 200, apps.artifact(state, version.id), { ["Content-Type"] = "application/gzip",
    ["X-Artifact-SHA256"] = version.sha256, ["X-Entrypoint"] = version.entrypoint,
    ["X-Timeout-Seconds"] = version.timeout_seconds and tostring(version.timeout_seconds),
    ["X-Import-Paths"] = version.import_paths }
end

--- The routes of runners.
function leases.routes(_, bind)
  return {
    ["GET /api/v1/admin/runners"] = { auth = "admin", run = bind(list_runners) },
    ["POST /api/v1/runners/register"] = { auth = "registration", run = bind(register) },
    ["POST /api/v1/runs/lease"] = { auth = "runner", run = bind(lease) },
    ["POST /api/v1/runs/{id}/start"] = { auth = "runner", run = bind(start) },
    ["POST /api/v1/runs/{id}/heartbeat"] = { auth = "runner", run = bind(heartbeat) },
    ["POST /api/v1/runs/{id}/logs"] = { auth = "runner", run = bind(append_logs) },
    ["POST /api/v1/runs/{id}/result"] = { auth = "runner", run = bind(result) },
    ["GET /api/v1/runs/{id}/artifact"] = { auth = "runner", run = bind(artifact) },
  }
end

return leases
