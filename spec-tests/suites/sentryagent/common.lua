-- What the tests of the sentryagent suite share: runs in a home directory of their own, as `sentryagent` and as
-- `tool sentryagent`, against an emulator or a scripted service. Every run is searched for the planted secret.
local S = require "lib.spec"
local emulator = require "lib.emulator"
local stub = require "lib.stub_server"

local common = {}

-- The client secret of scripted services: characters that every encoding writes differently.
common.SECRET = "pl4nted/S3cret+w1th\"odd&chars%=ü"

local function percent(text, keep)
  return (text:gsub("[^%w" .. keep .. "]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The texts that would show a secret: raw, escaped, percent-encoded, hexadecimal, base64 at each of its alignments.
local function shapes(secret)
  local hex = secret:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local list = { secret, S.json.encode(secret):sub(2, -2), percent(secret, "%-._~"), percent(secret, "%-._~/"), hex,
    hex:upper(), secret:reverse() }
  for offset = 0, 2 do
    local coded = emulator.base64(("x"):rep(offset) .. secret):gsub("=", "")
    local part = coded:sub(offset > 0 and 5 or 1, -3)
    list[#list + 1] = part
    list[#list + 1] = (part:gsub("%+", "-"):gsub("/", "_"))
  end
  return list
end

-- Fails when a run shows a secret, in any encoding.
function common.nowhere(r, secret)
  for _, text in ipairs(shapes(secret)) do
    S.truth(r, not r.stdout:find(text, 1, true), "stdout shows the secret as " .. text)
    S.truth(r, not r.stderr:find(text, 1, true), "stderr shows the secret as " .. text)
  end
  return r
end

-- An environment that configures the suite for a service.
function common.env(url, more)
  local env = { SENTRYAGENT_API_URL = url, SENTRYAGENT_CLIENT_ID = "acme", SENTRYAGENT_CLIENT_SECRET = common.SECRET,
    HOME = S.dir "home" }
  for name, value in pairs(more or {}) do env[name] = value end
  return env
end

local function words(args)
  if type(args) == "table" then return { table.unpack(args) } end
  local list = {}
  for word in args:gmatch("%S+") do list[#list + 1] = word end
  return list
end

local function checked(args, opts)
  local r = S.tool(args, opts)
  common.nowhere(r, common.SECRET)
  if opts.secret then common.nowhere(r, opts.secret) end
  return r
end

-- Runs `sentryagent <args>`. opts as for spec.tool, and: secret, another one that must not show.
function common.sentryagent(args, opts)
  local all = { argv0 = "sentryagent" }
  for name, value in pairs(opts or {}) do all[name] = value end
  return checked(words(args), all)
end

-- Runs `tool sentryagent <args>`.
function common.tool(args, opts)
  local list = words(args)
  table.insert(list, 1, "sentryagent")
  return checked(list, opts or {})
end

-- An emulator whose client a fresh home is configured for: { …, env, secret }.
function common.emulated(flags)
  local e = emulator.start(flags)
  e.env = { HOME = S.dir "home", SENTRYAGENT_API_URL = e.url, SENTRYAGENT_CLIENT_ID = e.client_id,
    SENTRYAGENT_CLIENT_SECRET = e.client_secret }
  return e
end

-- A scripted service. routes: "METHOD /path" -> reply (see lib.stub_server) or function(request, count) -> reply; the
-- token endpoint gives numbered tokens unless a route says otherwise. seen(route) counts requests.
function common.service(routes)
  local counts = {}
  local server
  server = stub.start(function(request)
    local key = request.method .. " " .. request.path
    counts[key] = (counts[key] or 0) + 1
    local reply = routes[key] or routes["*"]
    if key == "POST /oauth2/token" and not routes[key] then
      return { json = { access_token = "tok-" .. counts[key], token_type = "Bearer", expires_in = 3600 } }
    end
    if type(reply) == "function" then reply = reply(request, counts[key]) end
    return reply or { status = 404, json = { code = "NOT_FOUND", message = "No such route." } }
  end)
  function server.seen(key) return counts[key] or 0 end
  function server.env(more) return common.env(server.url, more) end
  return server
end

-- A page of agents as the service answers it.
function common.agents(list)
  return { json = { data = S.json.array(list), total = #list, page = 1, limit = 20 } }
end

common.AGENT = { agentId = "agent-1", name = "one", description = S.json.null, status = "active",
  createdAt = "2031-02-03T10:00:00Z" }

return common
