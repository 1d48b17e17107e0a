-- What the tests of the openproxy suite share: a scripted service with the payloads of a small proxy, and runs as
-- `openproxy` and as `tool openproxy` in a home of their own.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local common = {}

common.KEY = "op-k3y-0f-the-tests"

local function keys(total, list)
  local out = { total_requests = total, history = S.json.array(list) }
  return out
end

local STATS = { totalRequests = 3, totalPromptTokens = 120, totalCompletionTokens = 45, totalCost = 0.75,
  byProvider = { acme = { requests = 2, promptTokens = 90, completionTokens = 30, cost = 0.5 },
    beta = { requests = 1, promptTokens = 30, completionTokens = 15, cost = 0.25 } },
  byApiKey = { ["dev|m-1|acme"] = { requests = 2, apiKey = "dev-key-of-somebody-long", keyName = "dev" } },
  activeRequests = S.json.array {}, errorProvider = "" }

local ROW = { timestamp = "2031-02-03T10:00:00Z", provider = "acme", model = "m-1", promptTokens = 60,
  completionTokens = 15, cost = 0.25, status = S.json.null }

local CHAT = { id = "c-1", object = "chat.completion", model = "acme/m-1", usage = { total_tokens = 5 },
  choices = S.json.array { { index = 0, finish_reason = "stop", message = { role = "assistant", content = "Blue" } } } }

local LINES = S.json.array { "INFO listening on 4623", "WARN slow provider", "ERROR no key" }

-- What the service answers with, by route.
common.PAYLOADS = {
  ["GET /api/health"] = { ok = true },
  ["GET /api/usage/summary"] = { total_requests = 3, total_prompt_tokens = 120, total_completion_tokens = 45,
    total_cost = 0.75 },
  ["GET /api/usage/daily"] = S.json.array {
    { date = "2031-02-02", requests = 1, prompt_tokens = 30, completion_tokens = 15, cost = 0.25 },
    { date = "2031-02-03", requests = 2, prompt_tokens = 90, completion_tokens = 30, cost = 0.5 } },
  ["GET /api/usage/chart"] = { data = S.json.array { { date = "Feb 2", tokens = 45, cost = 0.25 },
    { date = "Feb 3", tokens = 120, cost = 0.5 } } },
  ["GET /api/usage/history"] = keys(1, { ROW }),
  ["GET /api/usage/stats"] = STATS,
  ["GET /api/usage/providers"] = { providers = S.json.array {
    { provider = "acme", id = "acme", requests = 2, tokens = 120, cost = 0.5 },
    { provider = "beta", id = "beta", requests = 1, tokens = 45, cost = 0.25 } } },
  ["GET /api/usage/logs"] = S.json.array { "03-02-2031 10:00:00 | m-1 | ACME | main | 60 | 15 | -",
    "03-02-2031 10:00:01 | m-2 | BETA | main | 30 | 15 | ok" },
  ["GET /api/usage/request-details"] = { rows = S.json.array { { id = "r-1", model = "m-1", provider = "acme" } } },
  ["GET /api/usage/pricing"] = { pricing = { acme = { ["m-1"] = { input = 0.5 } } } },
  ["GET /api/observability/logs"] = { logs = LINES, count = 3 },
  ["GET /api/observability/stats"] = { logBufferLines = 3, totalRequestsLifetime = 7, totalHistoryEntries = 7,
    levels = { info = 1, warn = 1, error = 1 } },
  ["POST /api/observability/clear"] = { success = true, message = "Logs cleared" },
  ["GET /v1/models"] = { object = "list", data = S.json.array { { id = "acme/m-1", object = "model", owned_by = "acme" },
    { id = "beta/m-2", object = "model", owned_by = "beta" } } },
  ["GET /api/tags"] = { tags = S.json.array { { name = "m-1:latest", size = 1 } } },
  ["POST /api/dashboard/chat/completions"] = CHAT,
  ["GET /api/oauth/claude/start"] = { auth_url = "https://login.example.com/authorize?state=s-1", state = "s-1",
    provider = "claude", expires_in = 600 },
  ["POST /api/oauth/github/poll"] = { success = true, provider = "github", pending = false, message = "Authorization successful" },
  ["GET /api/oauth/claude/status"] = { provider = "claude", connected = false, auth_type = "oauth", expires_at = S.json.null },
  ["POST /api/oauth/claude/refresh"] = { success = true, access_token = "at-0123456789abcdef", expires_in = 3600 },
  ["GET /api/oauth/kiro/auto-import"] = { found = true, source = "file.json" },
  ["POST /api/oauth/kiro/import"] = { success = true, connection = { id = "k-1", provider = "kiro" } },
  ["POST /api/oauth/iflow/cookie"] = { success = true, connection = { id = "i-1", provider = "iflow" } },
  ["POST /api/oauth/gitlab/pat"] = { success = true },
}

-- Streams, which end by themselves.
local STREAMS = {
  ["GET /api/usage/stream"] = { ": ping\n\n", "data: {\"totals\":{\"requests\":4}}\n\n", "data: 17\n\n" },
  ["GET /api/observability/stream"] = { ": connected\n\n", "data: {\"kind\":\"line\",\"line\":\"INFO new\"}\n\n",
    "data: {\"kind\":\"clear\"}\n\n", "data: plain\n\n" },
}
local PIECES = { "data: {\"choices\":[{\"delta\":{\"content\":\"Bl\"}}]}\n\n",
  "data: {\"choices\":[{\"delta\":{\"content\":\"ue\"}}]}\n\n", "data: [DONE]\n\n", "data: {\"after\":1}\n\n" }

local function usual(request)
  local key = request.method .. " " .. request.path
  if key == "POST /api/dashboard/chat/completions" and request.body:find('"stream":true', 1, true) then
    return { events = PIECES }
  elseif STREAMS[key] then
    return { events = STREAMS[key] }
  end
  return common.PAYLOADS[key] and { json = common.PAYLOADS[key] } or { status = 404, json = { error = "no route" } }
end

-- A scripted service; routes: "METHOD /path" -> reply or function(request, count) -> reply, before the usual ones.
-- seen(route): the requests that came for it.
function common.service(routes)
  local by_route = {}
  local server = stub.start(function(request)
    local key = request.method .. " " .. request.path
    by_route[key] = by_route[key] or {}
    table.insert(by_route[key], request)
    local reply = routes and (routes[key] or request.path ~= "/api/health" and routes["*"])
    if type(reply) == "function" then reply = reply(request, #by_route[key]) end
    return reply or usual(request)
  end)
  function server.seen(key) return by_route[key] or {} end
  function server.forget() by_route = {} end
  return server
end

-- An environment in which nothing but this service and key is known.
function common.env(url, more)
  local env = { HOME = S.dir "home", OPENPROXY_URL = url, OPENPROXY_API_KEY = common.KEY }
  for name, value in pairs(more or {}) do env[name] = value end
  return env
end

function common.words(args)
  if type(args) == "table" then return { table.unpack(args) } end
  local list = {}
  for word in args:gmatch("%S+") do list[#list + 1] = word end
  return list
end

local function with(defaults, opts)
  local all = {}
  for _, part in ipairs { defaults, opts or {} } do
    for name, value in pairs(part) do all[name] = value end
  end
  return all
end

-- Runs `openproxy <args>`: what it writes is no envelope of the tool.
function common.openproxy(args, opts)
  return S.tool(common.words(args), with({ argv0 = "openproxy", shape = "none" }, opts))
end

-- Runs `tool openproxy <args>`.
function common.tool(args, opts)
  local list = common.words(args)
  table.insert(list, 1, "openproxy")
  return S.tool(list, opts or {})
end

-- What a program's caller sees, compared as a whole.
function common.shows(r, stdout, stderr, status)
  S.equal(r, { status or 0, stdout or "", stderr or "" }, { r.status or r.signal or "none", r.stdout, r.stderr },
    "status, stdout, stderr")
  return r
end

-- The envelope of a failure, as the program writes it.
function common.refusal(code, message)
  message = message:gsub('[\\"]', "\\%0"):gsub("\n", "\\n")
  return ('{"schema":"openproxy.v1.error","ok":false,"error":{"code":"%s","message":"%s"},"meta":{}}\n'):format(code, message)
end

-- All commands that talk to the service, with arguments that make a whole call.
common.COMMANDS = {
  ["usage summary"] = {}, ["usage daily"] = {}, ["usage chart"] = {}, ["usage history"] = {}, ["usage stats"] = {},
  ["usage providers"] = {}, ["usage logs"] = {}, ["usage request-logs"] = { "r-1" }, ["usage stream"] = {},
  ["usage pricing"] = {}, ["logs tail"] = {}, ["logs export"] = {}, ["logs clear"] = {}, ["logs stats"] = {},
  ["quota list"] = {}, ["quota get"] = { "acme" }, ["quota reset"] = { "--yes" }, ["quota refresh"] = {},
  ["chat models"] = {}, ["chat tags"] = {}, ["chat send"] = { "--model", "m-1", "--prompt", "hi" },
  ["chat stream"] = { "--model", "m-1", "--prompt", "hi" }, ["provider oauth start"] = { "claude" },
  ["provider oauth poll"] = { "github" }, ["provider oauth status"] = { "claude" },
  ["provider oauth refresh"] = { "claude" }, ["provider oauth import-kiro"] = { "--auto" },
  ["provider oauth iflow-cookie"] = {}, ["provider oauth gitlab-pat"] = {},
}

-- A command of the list above as words.
function common.call(name)
  local list = common.words(name)
  table.move(common.COMMANDS[name], 1, #common.COMMANDS[name], #list + 1, list)
  return list
end

return common
