-- Teams and who speaks for them: sign-up, login, bootstrap, tokens.
-- Promise: tokens are kept as digests, passwords as salted, slow ones; each login makes a new token and revokes none.

local api = require "lib.minitower.api"
local hash = require "tool.hash"

local teams = {}

local ROUNDS = 2000

local function password_hash(salt, password)
  local digest = salt
  for _ = 1, ROUNDS do digest = hash.hmac_sha256(password, digest .. salt) end
  return digest
end

local function set_password(state, team_id, password)
  local salt = state.db:hex(16)
  state.db:exec("UPDATE team SET salt = ?, password_hash = ? WHERE id = ?", salt, password_hash(salt, password), team_id)
end

--- Makes a team; returns its id.
function teams.create(state, slug, name, password, now)
  local id = state.db:insert("INSERT INTO team(slug, name, salt, created_ms) VALUES(?, ?, '', ?)", slug, name, now)
  if password then set_password(state, id, password) end
  return id
end

--- The team of a slug, or nil.
function teams.find(state, slug)
  return state.db:one("SELECT * FROM team WHERE slug = ?", slug)
end

--- Makes a token of a team; returns the token and its id.
function teams.mint(state, team_id, role, now, name)
  local token = "mtk_" .. state.db:hex(24)
  local id = state.db:insert("INSERT INTO token(team_id, hash, name, role, created_ms) VALUES(?, ?, ?, ?, ?)",
    team_id, hash.sha256(token), name, role, now)
  return token, id
end

--- The token { id, team_id, role, slug } behind the bearer of a request, or nil.
function teams.bearer(state, req)
  local text = req.authorization.bearer
  return text and state.db:one([[SELECT token.id, team_id, role, slug FROM token JOIN team ON team.id = team_id
    WHERE hash = ? AND revoked_ms IS NULL]], hash.sha256(text)) or nil
end

local function signup(state, req)
  if not state.options.signup then api.fail(req, 403, "forbidden", "signup is disabled") end
  local body = api.body(req)
  local slug = api.slug(req, body)
  local name, password = api.required(req, body, "name"), api.required(req, body, "password")
  if teams.find(state, slug) then api.fail(req, 409, "slug_taken", "team slug already taken") end
  local token = state.db:atomic(function()
    return (teams.mint(state, teams.create(state, slug, name, password, req.time_ms), "admin", req.time_ms))
  end)
  return api.reply(201, { team_id = teams.find(state, slug).id, slug = slug, token = token, role = "admin" })
end

local function login(state, req)
  local body = api.body(req)
  local slug, password = api.required(req, body, "slug"), api.required(req, body, "password")
  local team = teams.find(state, slug)
  -- the same work for a team that does not exist, so that time tells nothing
  local digest = password_hash(team and team.salt or "none", password)
  if not team or team.password_hash ~= digest then
    api.fail(req, 401, "unauthorized", "invalid slug or password")
  end
  local token, id = teams.mint(state, team.id, "admin", req.time_ms)
  return api.reply(201, { team_id = team.id, token = token, token_id = id, role = "admin" })
end

local function bootstrap(state, req)
  local body = api.body(req)
  local slug, name = api.slug(req, body), api.required(req, body, "name")
  local password = api.field(req, body, "password", "string")
  local team = teams.find(state, slug)
  if not team and state.db:one("SELECT 1 AS one FROM team LIMIT 1") then
    api.fail(req, 409, "team_exists", "a team already exists")
  end
  local id = team and team.id or teams.create(state, slug, name, password, req.time_ms)
  if team and password then set_password(state, id, password) end
  local token = teams.mint(state, id, "admin", req.time_ms)
  return api.reply(team and 200 or 201, { team_id = id, slug = slug, token = token, role = "admin" })
end

local function me(_, req)
  local token = req.token
  return api.reply(200, { team_id = token.team_id, team_slug = token.slug, token_id = token.id, role = token.role })
end

-- A member that asks for admin gets member: the server downgrades, it does not refuse.
local function create_token(state, req)
  local body = api.body(req, true)
  local name, role = api.field(req, body, "name", "string"), api.field(req, body, "role", "string") or "member"
  if role ~= "admin" and role ~= "member" then
    api.fail(req, 400, "invalid_request", "role must be admin or member")
  end
  if req.token.role ~= "admin" then role = "member" end
  local token, id = teams.mint(state, req.token.team_id, role, req.time_ms, name)
  return api.reply(201, { token_id = id, token = token, name = name, role = role })
end

--- The routes of teams and tokens.
function teams.routes(state, bind)
  local routes = {
    ["GET /api/v1/auth/options"] = { run = function()
      return api.reply(200, { signup_enabled = state.options.signup,
        bootstrap_enabled = state.options.bootstrap_token ~= nil })
    end },
    ["POST /api/v1/teams/signup"] = { run = bind(signup) },
    ["POST /api/v1/teams/login"] = { run = bind(login) },
    ["GET /api/v1/me"] = { auth = "team", run = bind(me) },
    ["POST /api/v1/tokens"] = { auth = "team", run = bind(create_token) },
  }
  if state.options.bootstrap_token then
    routes["POST /api/v1/bootstrap/team"] = { auth = "bootstrap", run = bind(bootstrap) }
  end
  return routes
end

return teams
