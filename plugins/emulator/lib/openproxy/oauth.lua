-- Logins of the emulated proxy at its providers: addresses for a browser, device codes, imported tokens.
-- Promise: nothing leaves this machine; a device code is decided after its time, as its row says, or by a call.

local catalogue = require "lib.openproxy.catalogue"
local json = require "tool.json"
local time = require "lib.time"
local url = require "tool.url"

local oauth = {}

oauth.SCHEMA = [[
  CREATE TABLE device(code TEXT PRIMARY KEY, provider TEXT, decision TEXT NOT NULL, wait_ms INTEGER NOT NULL,
                      first_ms INTEGER) WITHOUT ROWID;
  INSERT INTO device(code, decision, wait_ms) VALUES('demo-approve', 'approve', 1000), ('demo-now', 'approve', 0),
                                                    ('demo-deny', 'access_denied', 0), ('demo-expired', 'expired_token', 0),
                                                    ('demo-pending', 'pending', 0);
]]

local LIFE_MS = 3600000
local POLL_MS = 200 -- how often an undecided device code is looked at

-- An error of the handlers: status, body.
local function failure(status, code, message, provider)
  return status, { error = { message = message, code = code, provider = provider } }
end

local function body_of(req)
  local value = json.decode(req.body)
  if type(value) ~= "table" then return nil end
  return value
end

local function field(body, name)
  local value = body[name]
  return type(value) == "string" and value:find "%S" and value or nil
end

-- The connection that the caller's key has at a provider.
local function own_connection(state, req)
  return state.db:one("SELECT * FROM connection WHERE provider = ? AND id LIKE ? ORDER BY id LIMIT 1",
    req.params.provider, "%-" .. req.key_id .. "-%")
end

-- Makes or renews the caller's connection; returns its tokens.
local function connect(state, req, refresh_token, name)
  local provider = req.params.provider
  local access = "at-" .. state.db:hex(16)
  local refresh = refresh_token or "rt-" .. state.db:hex(16)
  local old = own_connection(state, req)
  local id = old and old.id or ("%s-%s-%s"):format(provider, req.key_id, state.db:hex(4))
  state.db:exec([[INSERT INTO connection(id, provider, name, active, auth_type, access_token, refresh_token, expires_ms, scope)
    VALUES(?, ?, ?, 1, 'oauth', ?, ?, ?, 'openid profile') ON CONFLICT(id) DO UPDATE SET active = 1,
    access_token = excluded.access_token, refresh_token = excluded.refresh_token, expires_ms = excluded.expires_ms]],
    id, provider, name or old and old.name or provider .. " login", access, refresh, time.now() + LIFE_MS)
  return access, refresh, id
end

--- GET /api/oauth/{provider}/start
function oauth.start(state, req)
  local provider = req.params.provider
  if not catalogue.oauth[provider] then
    return failure(400, "unknown_provider", "Unknown OAuth provider: " .. provider, provider)
  end
  local mark = state.db:hex(16)
  local query = url.query { client_id = "emulated", code_challenge = state.db:hex(32), code_challenge_method = "S256",
    redirect_uri = req.query.redirect_uri or "http://localhost:4623/oauth/callback", response_type = "code", state = mark }
  return 200, { auth_url = ("https://%s.example/oauth/authorize?%s"):format(provider, query), state = mark,
    provider = provider, expires_in = 600 }
end

--- POST /api/oauth/{provider}/device_code: begins a login by a device code, approved after its time.
function oauth.device_code(state, req)
  local provider = req.params.provider
  if not catalogue.oauth[provider] then
    return failure(400, "unknown_provider", "Unknown OAuth provider: " .. provider, provider)
  end
  local code = "dc-" .. state.db:hex(12)
  state.db:exec("INSERT INTO device(code, provider, decision, wait_ms, first_ms) VALUES(?, ?, 'approve', 2000, ?)", code,
    provider, time.now())
  local user_code = code:sub(4, 7):upper() .. "-" .. code:sub(8, 11):upper()
  local address = ("https://%s.example/device"):format(provider)
  return 200, { device_code = code, user_code = user_code, verification_uri = address,
    verification_uri_complete = address .. "?user_code=" .. user_code, expires_in = 600, interval = 5 }
end

-- What is decided about a device code by now: "approve", an error's code, or "pending"; nil when it is unknown.
local function decision(state, code, provider)
  local row = state.db:one("SELECT * FROM device WHERE code = ?", code)
  if not row or row.provider and row.provider ~= provider then return nil end
  if not row.first_ms then
    row.first_ms = time.now()
    state.db:exec("UPDATE device SET first_ms = ? WHERE code = ?", row.first_ms, code)
  end
  return time.now() < row.first_ms + row.wait_ms and "pending" or row.decision
end

local DENIED = { access_denied = "The login was denied", expired_token = "The device code expired" }

--- POST /api/oauth/{provider}/poll: waits until the login is decided.
function oauth.poll(state, req)
  local provider, body = req.params.provider, body_of(req)
  if not body then return failure(400, "invalid_body", "The body is not JSON", provider) end
  local code = field(body, "device_code")
  if not code then return failure(400, "missing_device_code", "device_code is required", provider) end
  local decided
  repeat
    decided = decision(state, code, provider)
    if decided == "pending" and req.wait(POLL_MS) == nil then return end -- the client left
  until decided ~= "pending"
  if not decided then return failure(404, "flow_not_found", "No login waits for this device code", provider) end
  if decided ~= "approve" then return failure(400, decided, DENIED[decided] or decided, provider) end
  connect(state, req)
  return 200, { success = true, provider = provider, expires_in = LIFE_MS // 1000, pending = false,
    retry_after = json.null, message = "Authorization successful" }
end

--- Decides a device code: approve, deny or expire. For the emulator's own routes.
function oauth.decide(state, req)
  local word = ({ approve = "approve", deny = "access_denied", expire = "expired_token" })[req.json.decision]
  local changed = state.db:exec("UPDATE device SET decision = ?, wait_ms = 0 WHERE code = ?", word, req.params.code)
  if changed == 0 then req.refuse(404, "NOT_FOUND", "No login waits for this device code.") end
  return 200, { code = req.params.code, decision = req.json.decision }
end

--- GET /api/oauth/{provider}/status
function oauth.status(state, req)
  local c = own_connection(state, req)
  return 200, {
    provider = req.params.provider, connected = c ~= nil, auth_type = c and c.auth_type or "oauth",
    expires_at = c and c.expires_ms and time.format(c.expires_ms) or json.null,
    needs_refresh = c and c.expires_ms and c.expires_ms < time.now() or not c and json.null or false,
    scope = c and c.scope or json.null,
  }
end

--- POST /api/oauth/{provider}/refresh: a refresh token that contains "invalid" is refused as the provider would.
function oauth.refresh(state, req)
  local provider, body = req.params.provider, body_of(req)
  if not body then return failure(400, "invalid_body", "The body is not JSON", provider) end
  local old = own_connection(state, req)
  local token = field(body, "refresh_token") or old and old.refresh_token
  if not token then return failure(400, "no_refresh_token", "No refresh token is stored; pass one", provider) end
  if token:find "invalid" then return failure(502, "refresh_failed", "The provider refused the refresh token", provider) end
  local access = connect(state, req, token)
  return 200, { success = true, access_token = access, expires_in = LIFE_MS // 1000, refresh_token = token }
end

--- GET /api/oauth/kiro/auto-import: with example data there is a token to find.
function oauth.auto_import(state)
  if not state.seeded() then
    return 200, { found = false, error = "No Kiro token was found in the AWS SSO cache" }
  end
  return 200, { found = true, refreshToken = "aorAAAAAGexample", source = "kiro-auth-token.json" }
end

-- Adds an imported account; returns its connection for the answer.
local function import(state, req, provider, more)
  req.params = { provider = provider }
  local _, _, id = connect(state, req, nil, more.email)
  more.id = id
  return 200, { success = true, connection = more }
end

--- POST /api/oauth/kiro/import
function oauth.kiro_import(state, req)
  local token = field(body_of(req) or {}, "refreshToken")
  if not token then return 400, { error = "Refresh token is required" } end
  if not token:find "^aorAAAAAG" then return 500, { error = "Token validation failed: the refresh token is not Kiro's" } end
  return import(state, req, "kiro", { provider = "kiro", email = "kiro@example.com" })
end

--- POST /api/oauth/iflow/cookie
function oauth.iflow_cookie(state, req)
  local cookie = field(body_of(req) or {}, "cookie")
  if not cookie then return 400, { error = "Cookie is required" } end
  if not cookie:find("BXAuth=", 1, true) then return 400, { error = "Cookie must contain BXAuth field" } end
  return import(state, req, "iflow", { provider = "iflow", email = "iflow@example.com", apiKey = "sk-emulat...",
    expireTime = os.date("!%Y-%m-%d %H:%M", os.time() + 30 * 86400) })
end

--- POST /api/oauth/gitlab/pat
function oauth.gitlab_pat(state, req)
  local token = field(body_of(req) or {}, "token")
  if not token then return 400, { error = "Personal Access Token is required" } end
  if not token:find "^glpat%-" then return 401, { error = "GitLab token verification failed: 401 Unauthorized" } end
  import(state, req, "gitlab", { provider = "gitlab", email = "gitlab@example.com" })
  return 200, { success = true }
end

return oauth
