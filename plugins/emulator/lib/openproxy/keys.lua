-- Who may call the emulated proxy: API keys, the session of the dashboard, the setting requireLogin.

local keys = {}

keys.SCHEMA = [[
  CREATE TABLE api_key(id TEXT PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE, active INTEGER NOT NULL)
    WITHOUT ROWID;
]]

-- Where a key is looked for, first one first, behind the bearer.
local HEADERS = { "x-api-key", "x-goog-api-key", "x-9r-cli-token" }

local function presented(req)
  local key = req.authorization.bearer
  for _, name in ipairs(HEADERS) do key = key or req.headers[name] end
  return key ~= "" and key or nil
end

local function refuse_key(text)
  return 401, { error = { message = text, type = "authentication_error", code = "invalid_api_key" } }
end

-- Takes the key's row over into the request; else an answer.
local function check_key(state, req, key)
  local row = state.db:one("SELECT * FROM api_key WHERE key = ?", key)
  if not row then return refuse_key "Invalid API key" end
  if row.active == 0 then return refuse_key "Inactive API key" end
  req.key, req.key_id = row.key, row.id
end

local function check_session(state, req)
  local token = ("; " .. (req.headers.cookie or "")):match "; *auth_token=([^;]*)"
  if not token then return 401, { error = "Missing auth token" } end
  if token ~= state.session then return 401, { error = "Invalid auth token" } end
end

-- The rules of routes, by their `auth`.
local TIERS = {}

function TIERS.public() end

-- A key must be good; without one a session is needed, unless no login is.
function TIERS.session(state, req)
  local key = presented(req)
  if key then return check_key(state, req, key) end
  if state.require_login then return check_session(state, req) end
end

-- As session, and then a key all the same.
function TIERS.handler(state, req)
  local status, body = TIERS.session(state, req)
  if status then return status, body end
  if not req.key then return refuse_key "Missing API key" end
end

function TIERS.key(state, req)
  local key = presented(req)
  if not key then return refuse_key "Missing API key" end
  return check_key(state, req, key)
end

function TIERS.login(state, req)
  if presented(req) or state.require_login then return TIERS.key(state, req) end
end

--- Lets a request through, or answers it: status, body.
function keys.guard(state, req)
  req.key_id = "session"
  return TIERS[req.route.auth](state, req)
end

return keys
