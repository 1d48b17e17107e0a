-- The emulated identity provider for agents: OAuth 2.0 client credentials, agents, their credentials, an audit log.
-- Promise: strict where a client could be sloppy, and everything that happens is in the audit log. Reading is not
-- logged: a client that follows the log would never see it rest.

local db = require "lib.db"
local hash = require "tool.hash"
local json = require "tool.json"
local limit = require "lib.limit"
local oauth = require "lib.oauth"
local time = require "lib.time"

local sentryagent = { name = "sentryagent", about = "an identity provider for agents" }

local SCHEMA = {
  [[
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE agent(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, description TEXT,
                     status TEXT NOT NULL, created_ms INTEGER NOT NULL);
  CREATE TABLE client(id TEXT PRIMARY KEY, secret_hash TEXT NOT NULL, credential_id TEXT NOT NULL, scope TEXT NOT NULL,
                      agent_id TEXT UNIQUE REFERENCES agent(id)) WITHOUT ROWID;
  CREATE TABLE token(hash TEXT PRIMARY KEY, client_id TEXT NOT NULL REFERENCES client(id), subject TEXT NOT NULL,
                     scope TEXT NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE audit(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent_id TEXT NOT NULL, action TEXT NOT NULL,
                     outcome TEXT NOT NULL, at_ms INTEGER NOT NULL, ip TEXT, metadata TEXT);
  CREATE INDEX audit_by_agent ON audit(agent_id, at_ms);
  CREATE INDEX audit_by_time ON audit(at_ms);
  ]],
}

local ADMIN_SCOPE = "agents:read agents:write audit:read credentials:rotate"
local AGENT_SCOPE = "agents:read"
local KEEP_EXPIRED_MS = 24 * 3600 * 1000 -- a token is known as expired for a day, then unknown

-- Audit --------------------------------------------------------------------------------------------------------------

local function audit(state, req, agent_id, action, outcome, metadata)
  state.db:exec("INSERT INTO audit(id, agent_id, action, outcome, at_ms, ip, metadata) VALUES(?, ?, ?, ?, ?, ?, ?)",
    "evt_" .. state.db:hex(12), agent_id, action, outcome, req.time_ms, req.remote, metadata and json.encode(metadata))
end

local function event_of(row)
  return {
    eventId = row.id, agentId = row.agent_id, action = row.action, outcome = row.outcome,
    timestamp = time.format(row.at_ms), ipAddress = row.ip, metadata = row.metadata and json.decode(row.metadata),
  }
end

local function list_audit(state, req)
  local q, conditions, values = req.query, {}, {}
  if q.agentId then
    conditions[#conditions + 1], values[#values + 1] = "agent_id = ?", q.agentId
  end
  if q.fromDate then
    local from = time.parse(q.fromDate)
    if not from then
      req.refuse(400, "VALIDATION_ERROR", "The request does not fit this route.",
        { { field = "fromDate", message = "must be an RFC 3339 date-time" } })
    end
    conditions[#conditions + 1], values[#values + 1] = "at_ms >= ?", from
  end
  local from = "FROM audit" .. (#conditions > 0 and " WHERE " .. table.concat(conditions, " AND ") or "")
  local rows, total = state.db:page("*", from, "at_ms DESC, seq DESC", q.page, q.limit, table.unpack(values))
  for i, row in ipairs(rows) do rows[i] = event_of(row) end
  return 200, { data = state.ctx.array(rows), total = total, page = q.page, limit = q.limit }
end

-- Agents -------------------------------------------------------------------------------------------------------------

local function agent_of(state, row)
  return {
    agentId = row.id, name = row.name, description = row.description or state.ctx.null, status = row.status,
    createdAt = time.format(row.created_ms),
  }
end

local function find_agent(state, id)
  return state.db:one("SELECT * FROM agent WHERE id = ?", id)
end

-- Makes an agent with a client of its own that has no known secret yet.
local function create_agent(state, req, name, description)
  local id = "agt_" .. state.db:hex(12)
  state.db:exec("INSERT INTO agent(id, name, description, status, created_ms) VALUES(?, ?, ?, 'active', ?)",
    id, name, description, req.time_ms)
  state.db:exec("INSERT INTO client(id, secret_hash, credential_id, scope, agent_id) VALUES(?, ?, ?, ?, ?)",
    "cli_" .. state.db:hex(12), hash.sha256(state.ctx.random(32)), "crd_" .. state.db:hex(12), AGENT_SCOPE, id)
  audit(state, req, id, "agent.registered", "success", { name = name, by = req.client_id })
  return find_agent(state, id)
end

local function register_agent(state, req)
  local name, description = req.json.name, req.json.description
  local taken = state.db:one("SELECT id FROM agent WHERE name = ?", name)
  if taken then
    audit(state, req, taken.id, "agent.registered", "failure", { name = name, reason = "AGENT_ALREADY_EXISTS" })
    req.refuse(409, "AGENT_ALREADY_EXISTS", ("An agent named %s exists already."):format(name),
      { { field = "name", message = "is taken", agentId = taken.id } })
  end
  if description == state.ctx.null then description = nil end
  local agent = state.db:atomic(function() return create_agent(state, req, name, description) end)
  return 201, agent_of(state, agent), { Location = "/agents/" .. agent.id }
end

local function list_agents(state, req)
  local rows, total = state.db:page("*", "FROM agent", "created_ms, seq", req.query.page, req.query.limit)
  for i, row in ipairs(rows) do rows[i] = agent_of(state, row) end
  return 200, { data = state.ctx.array(rows), total = total, page = req.query.page, limit = req.query.limit }
end

local function rotate(state, req)
  local agent = find_agent(state, req.params.id)
  if not agent then
    audit(state, req, req.params.id:sub(1, 64), "credentials.rotated", "failure", { reason = "AGENT_NOT_FOUND" })
    req.refuse(404, "AGENT_NOT_FOUND", ("There is no agent %s."):format(req.params.id))
  end
  local secret, credential = "sas_" .. state.db:hex(24), "crd_" .. state.db:hex(12)
  return state.db:atomic(function()
    local client = state.db:one("SELECT id FROM client WHERE agent_id = ?", agent.id)
    state.db:exec("UPDATE client SET secret_hash = ?, credential_id = ? WHERE id = ?",
      hash.sha256(secret), credential, client.id)
    state.db:exec("DELETE FROM token WHERE client_id = ? OR subject = ?", client.id, agent.id)
    audit(state, req, agent.id, "credentials.rotated", "success", { credentialId = credential, by = req.client_id })
    return {
      credentialId = credential, clientId = client.id, clientSecret = secret, rotatedAt = time.format(req.time_ms),
    }
  end)
end

-- Tokens -------------------------------------------------------------------------------------------------------------

-- The client that the request proves to be, or nil and why not.
local function authenticate(state, req)
  local id, secret = oauth.client(req)
  if not id then return nil, "client authentication by HTTP Basic is required" end
  local client = state.db:one("SELECT * FROM client WHERE id = ?", id)
  if not client or client.secret_hash ~= hash.sha256(secret) then
    return nil, "unknown client or wrong secret", id
  end
  return client
end

local function deny(state, req, who, status, code, description, headers)
  audit(state, req, who or "unknown", "token.denied", "failure", { error = code, reason = description })
  return oauth.error(status, code, description, headers)
end

-- Problems of the form, in the order of RFC 6749 §5.2; nil when it asks for a token that may be given.
local function form_problem(form, repeated)
  if not form then return "invalid_request", "the body must be application/x-www-form-urlencoded" end
  if repeated then return "invalid_request", repeated .. " is given more than once" end
  if not form.grant_type or form.grant_type == "" then return "invalid_request", "grant_type is missing" end
  if form.grant_type ~= "client_credentials" then
    return "unsupported_grant_type", "only client_credentials is supported"
  end
end

-- The scope to grant of the one asked for; nil when more is asked for than the client has.
local function granted_scope(client, asked)
  if not asked or asked == "" then return client.scope end
  for word in asked:gmatch("%S+") do
    if not (" " .. client.scope .. " "):find(" " .. word .. " ", 1, true) then return nil end
  end
  return asked
end

local function grant(state, req, client, subject, scope)
  local token = "sat_" .. state.db:hex(24)
  local ttl = state.options.token_ttl_ms
  state.db:atomic(function()
    state.db:exec("INSERT INTO token(hash, client_id, subject, scope, expires_ms) VALUES(?, ?, ?, ?, ?)",
      hash.sha256(token), client.id, subject, scope, req.time_ms + ttl)
    audit(state, req, subject, "token.issued", "success", { clientId = client.id, scope = scope })
  end)
  return oauth.token(token, ttl, scope)
end

local function issue_token(state, req)
  local client, why, claimed = authenticate(state, req)
  local wait = state.token_limit(client and client.id or req.remote, req.time_ms)
  if wait then
    return oauth.error(429, "temporarily_unavailable", "too many token requests", oauth.retry_after(wait))
  end
  if not client then
    return deny(state, req, claimed and claimed:sub(1, 64), 401, "invalid_client", why,
      { ["WWW-Authenticate"] = 'Basic realm="sentryagent", charset="UTF-8"' })
  end
  local code, description = form_problem(req.form, req.form_repeated)
  if code then return deny(state, req, client.id, 400, code, description) end
  local agent_id = req.form.agent_id
  if agent_id and not find_agent(state, agent_id) then
    return deny(state, req, agent_id:sub(1, 64), 400, "invalid_request", "agent_id names no agent")
  end
  if agent_id and client.agent_id and client.agent_id ~= agent_id then
    return deny(state, req, client.agent_id, 400, "unauthorized_client", "an agent gets tokens for itself only")
  end
  local scope = granted_scope(client, req.form.scope)
  if not scope then return deny(state, req, client.id, 400, "invalid_scope", "more than this client may have") end
  local for_agent = agent_id and not req.form.scope
  return grant(state, req, client, agent_id or client.agent_id or client.id, for_agent and AGENT_SCOPE or scope)
end

-- Access -------------------------------------------------------------------------------------------------------------

local function refuse_bearer(state, req, status, code, message, params, who)
  if who then audit(state, req, who, "access.denied", "failure", { path = req.path, reason = code }) end
  req.refuse(status, code, message, nil, { ["WWW-Authenticate"] = oauth.challenge(params) })
end

-- Lets a request with a good token and within its rate through (RFC 6750 §3).
local function guard(state, req)
  if req.route.open then return end
  local text = req.authorization.bearer
  if not text then
    refuse_bearer(state, req, 401, "UNAUTHENTICATED", "A bearer token is required.", {})
  end
  local token = state.db:one("SELECT * FROM token WHERE hash = ?", hash.sha256(text))
  local problem = not token and "The access token is unknown or was revoked"
    or token.expires_ms <= req.time_ms and "The access token expired" or nil
  if problem then
    refuse_bearer(state, req, 401, "INVALID_TOKEN", problem .. ".",
      { error = "invalid_token", error_description = problem }, token and token.subject or "unknown")
  end
  req.client_id = token.client_id
  local wait = state.call_limit(token.client_id, req.time_ms)
  if wait then
    req.refuse(429, "RATE_LIMITED", "Too many requests; wait and try again.", nil, oauth.retry_after(wait))
  end
  if not (" " .. token.scope .. " "):find(" " .. req.route.scope .. " ", 1, true) then
    refuse_bearer(state, req, 403, "INSUFFICIENT_SCOPE", ("This needs the scope %s."):format(req.route.scope),
      { error = "insufficient_scope", scope = req.route.scope }, token.subject)
  end
end

-- The emulator's interface --------------------------------------------------------------------------------------------

local PAGE = { page = { "integer", min = 1, default = 1 }, limit = { "integer", min = 1, max = 100, default = 20 } }

local function with_page(fields)
  for name, rule in pairs(PAGE) do fields[name] = rule end
  return fields
end

--- The routes (see ctx.serve).
function sentryagent.routes(state)
  local function bind(fn)
    return function(req) return fn(state, req) end
  end
  return {
    ["GET /health"] = { open = true, run = function() return 200, { status = "ok" } end },
    ["POST /oauth2/token"] = { open = true, run = bind(issue_token) },
    ["POST /agents"] = {
      scope = "agents:write", run = bind(register_agent),
      input = {
        name = { "string", min = 1, max = 128, match = "^%S.*$", message = "must not begin with white space" },
        description = { "string?!", max = 1024 },
      },
    },
    ["GET /agents"] = { scope = "agents:read", run = bind(list_agents), query = with_page {} },
    ["POST /agents/{id}/credentials/rotate"] = { scope = "credentials:rotate", run = bind(rotate) },
    ["GET /audit/logs"] = {
      scope = "audit:read", run = bind(list_audit), query = with_page { agentId = "string?", fromDate = "string?" },
    },
  }
end

--- What runs ahead of every route.
function sentryagent.before(state)
  return function(req) return guard(state, req) end
end

-- The demonstration client; its secret is no secret, and stays the same while the database does.
local function ensure_client(state)
  local row = state.db:one("SELECT value FROM meta WHERE name = 'demo_secret'")
  state.secret = row and row.value
  if state.secret then return end
  state.secret = "demo-" .. state.db:hex(16)
  state.db:atomic(function()
    state.db:exec("INSERT INTO meta(name, value) VALUES('demo_secret', ?)", state.secret)
    state.db:exec("INSERT INTO client(id, secret_hash, credential_id, scope) VALUES('demo', ?, ?, ?)",
      hash.sha256(state.secret), "crd_" .. state.db:hex(12), ADMIN_SCOPE)
  end)
end

--- Opens the service's state. options: path, token_ttl_ms, rate (see lib.limit).
function sentryagent.open(ctx, options)
  local state = { ctx = ctx, options = options, db = db.open(ctx, options.path, SCHEMA) }
  state.call_limit, state.token_limit = limit.new(options.rate), limit.new(options.rate)
  state.db:exec("DELETE FROM token WHERE expires_ms < ?", os.time() * 1000 - KEEP_EXPIRED_MS)
  ensure_client(state)
  return state
end

--- Adds agents to look at, when there are none.
function sentryagent.seed(state)
  if state.db:one("SELECT 1 AS one FROM agent") then return end
  local req = { time_ms = os.time() * 1000, remote = "127.0.0.1", client_id = "demo" }
  state.db:atomic(function()
    create_agent(state, req, "invoice-reader", "Reads invoices and files them")
    create_agent(state, req, "release-notes", "Writes release notes from merged changes")
    create_agent(state, req, "triage", nil)
  end)
end

--- What a client needs to know to use it.
function sentryagent.describe(state)
  return { client_id = "demo", client_secret = state.secret }
end

return sentryagent
