-- The emulated job orchestrator: teams, apps and their versions, runs that really run, runners.
-- Promise: the routes, statuses, payloads and oddities of the real server; state in SQLite, secrets as digests; what a
-- program leaves ends with its run.

local api = require "lib.minitower.api"
local apps = require "lib.minitower.apps"
local db = require "lib.db"
local leases = require "lib.minitower.leases"
local limit = require "lib.limit"
local oauth = require "lib.oauth"
local runner = require "lib.minitower.runner"
local runs = require "lib.minitower.runs"
local seed = require "lib.minitower.seed"
local teams = require "lib.minitower.teams"
local times = require "tool.time"

local minitower = { name = "minitower", about = "a job orchestrator", on_error = api.on_error }

local SWEEP_S = 10                  -- between two looks for leases that are over
local FORM_BYTES = 65536            -- what a form adds to the file in it

-- What an option of the command is when it was not given.
local DEFAULTS = { lease_ttl = 60, max_artifact = 100 * 1024 * 1024 }

-- Access --------------------------------------------------------------------------------------------------------------

local function unauthorized(req)
  api.fail(req, 401, "unauthorized", "invalid or missing token")
end

-- Who may use a route, by its `auth`.
local GUARDS = {
  team = function(state, req)
    req.token = teams.bearer(state, req) or unauthorized(req)
    req.client = "token " .. req.token.id
  end,
  admin = function(state, req)
    req.token = teams.bearer(state, req) or unauthorized(req)
    if req.token.role ~= "admin" then api.fail(req, 403, "forbidden", "admin role required") end
  end,
  bootstrap = function(state, req)
    if req.authorization.bearer ~= state.options.bootstrap_token then unauthorized(req) end
  end,
  registration = function(state, req)
    if req.authorization.bearer ~= state.registration_token then unauthorized(req) end
  end,
  runner = function(state, req)
    req.runner = leases.bearer(state, req) or unauthorized(req)
  end,
}

--- What runs ahead of every route.
function minitower.before(state)
  return function(req)
    local guard = GUARDS[req.route.auth]
    if guard then guard(state, req) end
    local wait = req.client and state.limit(req.client, req.time_ms)
    if wait then
      api.fail(req, 429, "rate_limited", "too many requests", oauth.retry_after(wait))
    end
  end
end

-- Health --------------------------------------------------------------------------------------------------------------

local function ok() return api.reply(200, { status = "ok" }) end

local function ready(state, req)
  if not pcall(state.db.one, state.db, "SELECT 1 AS one") then api.fail(req, 503, "internal", "db not ready") end
  return ok()
end

local function metrics(state)
  local out = { "# HELP minitower_runs Runs by status.", "# TYPE minitower_runs gauge" }
  for _, row in ipairs(runs.count(state)) do
    out[#out + 1] = ('minitower_runs{status="%s"} %d'):format(row.status, row.n)
  end
  for _, table_name in ipairs { "team", "app", "version", "runner" } do
    local n = state.db:one("SELECT count(*) AS n FROM " .. table_name).n
    out[#out + 1] = ("# TYPE minitower_%ss gauge\nminitower_%ss %d"):format(table_name, table_name, n)
  end
  return 200, table.concat(out, "\n") .. "\n", { ["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8" }
end

-- The emulator's interface ----------------------------------------------------------------------------------------------

--- The routes (see ctx.serve).
function minitower.routes(state)
  local function bind(fn)
    return function(req) return fn(state, req) end
  end
  local routes = {
    ["GET /health"] = { run = ok }, ["GET /ready"] = { run = bind(ready) }, ["GET /metrics"] = { run = bind(metrics) },
  }
  for _, part in ipairs { teams, apps, runs, leases } do
    for key, route in pairs(part.routes(state, bind)) do routes[key] = route end
  end
  return routes
end

-- A setting that is made with the database.
local function setting(state, name, make)
  local row = state.db:one("SELECT value FROM setting WHERE name = ?", name)
  if row then return row.value end
  local value = make()
  state.db:exec("INSERT INTO setting(name, value) VALUES(?, ?)", name, value)
  return value
end

--- Opens the service's state. options: path, rate, args (of the command).
function minitower.open(ctx, options)
  local args = options.args
  local state = { ctx = ctx, db = db.open(ctx, options.path, require "lib.minitower.schema"), options = {
    signup = not args.no_signup, bootstrap_token = args.bootstrap_token,
    lease_ttl_ms = math.tointeger((args.lease_ttl or DEFAULTS.lease_ttl) * 1000 // 1),
    max_artifact = args.max_artifact or DEFAULTS.max_artifact,
  } }
  state.limit = limit.new(options.rate)
  state.registration_token = setting(state, "registration_token", function() return "mts_" .. state.db:hex(16) end)
  if not args.no_runner then state.runner = runner.new(state) end
  return state
end

--- The largest body that the server takes whole; what is above that is not even read.
function minitower.max_body(state) return state.options.max_artifact + FORM_BYTES end

--- What runs beside the server: leases that are over are taken back, and what waits is run.
function minitower.start(state)
  state.ctx.task(function()
    while true do
      leases.sweep(state, math.floor(times.now() * 1000))
      if state.runner then state.runner:look() end
      state.ctx.sleep(math.min(SWEEP_S, state.options.lease_ttl_ms / 6000))
    end
  end)
end

--- Adds a team with an app, its versions and runs in several states; a new token of that team each time.
minitower.seed = seed.fill

--- What a client needs to know to use it.
function minitower.describe(state)
  return { team = state.team, password = state.password, token = state.token,
    registration_token = state.registration_token }
end

return minitower
