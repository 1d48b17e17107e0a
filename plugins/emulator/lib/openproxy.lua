-- The emulated AI proxy: usage, log, quota, chat, models, logins, behind its three rules of who may call what.
-- Promise: status codes and shapes are those of the real server, its oddities included; nothing leaves this machine
-- unless a service to forward to is named.

local catalogue = require "lib.openproxy.catalogue"
local chat = require "lib.openproxy.chat"
local db = require "lib.db"
local json = require "tool.json"
local keys = require "lib.openproxy.keys"
local logs = require "lib.openproxy.logs"
local m4 = require "lib.openproxy.m4"
local oauth = require "lib.openproxy.oauth"
local script = require "lib.openproxy.script"
local seed = require "lib.openproxy.seed"
local sse = require "lib.sse"
local time = require "lib.time"
local usage = require "lib.openproxy.usage"

local openproxy = { name = "openproxy" }

local SCHEMA = { [[
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE combo(name TEXT PRIMARY KEY, models TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE connection(id TEXT PRIMARY KEY, provider TEXT NOT NULL, name TEXT NOT NULL, active INTEGER NOT NULL,
                          auth_type TEXT NOT NULL DEFAULT 'apikey', access_token TEXT, refresh_token TEXT,
                          expires_ms INTEGER, scope TEXT) WITHOUT ROWID;
  INSERT INTO connection(id, provider, name, active) VALUES('demo-1', 'demo', 'main', 1), ('glm-1', 'glm', 'main', 1);
]] .. usage.SCHEMA .. keys.SCHEMA .. oauth.SCHEMA }

local PING = 25 -- seconds between the pings of a stream

-- Usage --------------------------------------------------------------------------------------------------------------

local routes = {}

local function get(path, auth, run) routes["GET " .. path] = { auth = auth, run = run } end
local function post(path, auth, run) routes["POST " .. path] = { auth = auth, run = run } end

get("/api/health", "public", function() return 200, { ok = true } end)
get("/health", "public", function() return 200, { status = "ok", component = "api" } end)

get("/api/usage/summary", "session", function(state) return 200, usage.summary(state) end)
get("/api/usage/daily", "session", function(state) return 200, usage.daily(state) end)
get("/api/usage/history", "session", function(state) return 200, usage.history(state) end)
get("/api/usage/providers", "session", function(state) return 200, usage.providers(state) end)
get("/api/usage/logs", "session", function(state) return 200, usage.logs(state) end)
get("/api/usage/request-logs", "session", function(state) return 200, usage.logs(state) end)
get("/api/usage/pricing", "session", function() return 200, { rates = catalogue.prices() } end)

get("/api/usage/chart", "session", function(state, req)
  local chart = usage.chart(state, req.query.period or "today", req.time_ms)
  if not chart then return 400, { error = "Invalid period" } end
  return 200, chart
end)

get("/api/usage/stats", "session", function(state, req)
  local stats = usage.stats(state, req.query.period or "today", req.time_ms)
  if not stats then return 400, { error = "Invalid period. Use one of: today, 24h, 7d, 30d, 60d, all" } end
  return 200, stats
end)

-- A number of the query; the fallback when there is none or it is no number.
local function number(text, fallback)
  return text and text:find "^%-?%d+$" and math.tointeger(tonumber(text)) or fallback
end

get("/api/usage/request-details", "session", function(state, req)
  local page, size = number(req.query.page, 1), number(req.query.pageSize, 20)
  if page < 1 then return 400, { error = "Page must be >= 1" } end
  if size < 1 or size > 100 then return 400, { error = "PageSize must be between 1 and 100" } end
  local query = {}
  for _, name in ipairs { "provider", "model", "connectionId", "status", "startDate", "endDate" } do
    query[name] = req.query[name]
  end
  local details, pagination = usage.details(state, query, page, size)
  return 200, { details = details, pagination = pagination }
end)

get("/api/usage/stream", "session", function(state, req)
  sse.serve(req, state.usage_topic, { ping = state.ping, first = function()
    return json.encode(usage.stats(state, "7d", req.time_ms))
  end })
end)

-- Log ----------------------------------------------------------------------------------------------------------------

get("/api/observability/logs", "key", function(state)
  return 200, { logs = json.array { table.unpack(state.log.lines) }, count = #state.log.lines }
end)
get("/api/observability/stream", "key", function(state, req) logs.follow(state.log, req, state.ping) end)
get("/api/observability/stats", "key", function(state)
  local lifetime = usage.summary(state).total_requests
  return 200, { logBufferLines = #state.log.lines, totalRequestsLifetime = lifetime, totalHistoryEntries = lifetime,
    levels = logs.levels(state.log) }
end)
post("/api/observability/clear", "key", function(state)
  logs.clear(state.log)
  return 200, { success = true, message = "Logs cleared" }
end)

-- Chat ---------------------------------------------------------------------------------------------------------------

get("/v1/models", "login", function(state, _, ctx) return 200, chat.models(state, ctx) end)
get("/api/tags", "session", function() return 200, { tags = json.array(catalogue.tags()) } end)
post("/api/dashboard/chat/completions", "session", function(state, req, ctx) return chat.complete(state, ctx, req) end)
post("/v1/chat/completions", "login", function(state, req, ctx) return chat.complete(state, ctx, req) end)

-- Logins -------------------------------------------------------------------------------------------------------------

get("/api/oauth/{provider}/start", "handler", oauth.start)
get("/api/oauth/{provider}/status", "handler", oauth.status)
post("/api/oauth/{provider}/device_code", "handler", oauth.device_code)
post("/api/oauth/{provider}/poll", "handler", oauth.poll)
post("/api/oauth/{provider}/refresh", "handler", oauth.refresh)
get("/api/oauth/kiro/auto-import", "session", oauth.auto_import)
post("/api/oauth/kiro/import", "session", oauth.kiro_import)
post("/api/oauth/iflow/cookie", "session", oauth.iflow_cookie)
post("/api/oauth/gitlab/pat", "session", oauth.gitlab_pat)

-- The emulator's interface --------------------------------------------------------------------------------------------

--- The routes (see ctx.serve).
function openproxy.routes(state)
  local out = {}
  local function wrap(run)
    return function(req, ctx) return run(state, req, ctx) end
  end
  for key, route in pairs(routes) do out[key] = { auth = route.auth, run = wrap(route.run) } end
  if state.options.flavour == "m4" then m4.apply(out, wrap) end
  out["POST /__emulator/oauth/{code}"] = {
    input = { decision = { "string", one_of = { "approve", "deny", "expire" } } },
    run = function(req) return oauth.decide(state, req) end,
  }
  out["POST /__emulator/log"] = {
    input = { text = "string", level = { "string", one_of = { "error", "warn", "info", "debug", "trace" }, default = "info" },
      times = { "integer", min = 1, max = 100000, default = 1 } },
    run = function(req)
      for _ = 1, req.json.times do logs.add(state.log, req.json.level, req.json.text) end
      return 200, { lines = #state.log.lines }
    end,
  }
  return out
end

--- What runs ahead of every route.
function openproxy.before(state)
  return function(req) return keys.guard(state, req) end
end

--- The form of the errors that no handler writes: each family of routes has its own.
function openproxy.on_error(problem, req)
  if req.path:find "^/v1/" or req.path:find "^/api/dashboard/" then
    return (select(2, chat.error(problem.status, problem.message)))
  end
  local provider = req.path:match "^/api/oauth/([^/]+)/"
  if provider then
    return { error = { message = problem.message, code = problem.code:lower(), provider = provider } }
  end
  return { error = problem.message }
end

-- The demonstration key and session; they stay the same while the database does.
local function ensure_keys(state)
  if not state.db:one "SELECT 1 AS one FROM meta WHERE name = 'session'" then
    state.db:atomic(function()
      state.db:exec("INSERT INTO meta(name, value) VALUES('session', ?)", state.db:hex(16))
      state.db:exec("INSERT INTO api_key(id, name, key, active) VALUES('k1', 'demo', ?, 1)", "demo-" .. state.db:hex(12))
      state.db:exec("INSERT INTO api_key(id, name, key, active) VALUES('k2', 'old', ?, 0)", "old-" .. state.db:hex(12))
    end)
  end
  state.session = state.db:one("SELECT value FROM meta WHERE name = 'session'").value
  state.key = state.db:one("SELECT key FROM api_key WHERE id = 'k1'").key
  state.key_names = {}
  for _, row in ipairs(state.db:rows "SELECT key, name FROM api_key") do state.key_names[row.key] = row.name end
end

-- Tells the followers of the statistics: all of it when a request ended, what changes meanwhile otherwise.
local function announcer(state)
  local last
  return function(ended)
    if state.usage_topic.count == 0 then
      last = nil
      return
    end
    local now = time.now()
    last = (ended or not last) and usage.stats(state, "7d", now) or usage.refresh(state, last, now)
    state.usage_topic:publish(json.encode(last))
  end
end

local function rules_of(ctx, path)
  if not path then return script.DEFAULT end
  local rules, problem = script.parse(ctx.files.read(path))
  if not rules then
    ctx.fail("SCRIPT_INVALID", { message = ("%s: %s"):format(path, problem), context = { path = path } })
  end
  return rules
end

--- Opens the service's state. options: path, script, forward { url, key }, flavour, ping, open.
function openproxy.open(ctx, options)
  local rules = rules_of(ctx, options.script)
  local state = { ctx = ctx, options = options, db = db.open(ctx, options.path, SCHEMA), rules = rules, log = logs.new(),
    usage_topic = sse.topic(), running = {}, cooling = {}, node_names = { demo = "Demonstration" },
    ping = options.ping or PING, require_login = not options.open }
  ensure_keys(state)
  state.changed = announcer(state)
  state.seeded = function() return state.db:one "SELECT 1 AS one FROM meta WHERE name = 'seeded'" ~= nil end
  state.loaded = state.db:one("SELECT coalesce(max(seq), 0) AS n FROM usage").n
  logs.add(state.log, "info", "listening; " .. state.loaded .. " requests in the history")
  return state
end

--- Adds example data, once.
function openproxy.seed(state)
  if not state.seeded() then seed.fill(state) end
end

--- What a client needs to know to use it.
function openproxy.describe(state)
  return { api_key = state.key, auth_token = state.session }
end

return openproxy
