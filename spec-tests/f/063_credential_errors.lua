-- REQ-F-063: missing, expired and insufficient credentials are three failures, each with its own cure.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local TOKEN = "tok-4f9c2e71b8"
local PAST, FUTURE = "2020-01-01T00:00:00Z", "2095-01-01T00:00:00Z"

-- base64url of {"alg":"none"} and of {"sub":"x","exp":N}.
local JWT = { old = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjoxNTc3ODM2ODAwfQ.c2ln",
  good = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjozOTQ0Njc4NDAwfQ.c2ln" }

S.req("REQ-F-063", "Credential expiry structured error", function()
  local server, home

  before_each(function() home = S.dir("home") end)
  after_each(function()
    if server then server.close() end
    server = nil
  end)

  local function guarded(reply, env, ...)
    server = stub.start { reply }
    local all = { HOME = home }
    for k, v in pairs(env or {}) do all[k] = v end
    return S.tool({ "fx", "guarded", server.url .. "/thing", ... }, { env = all })
  end

  local function login(...)
    return S.status(S.tool({ "fx", "login", ... }, { env = { HOME = home, FX_PASS = TOKEN } }), 0)
  end

  local function missing(r, status)
    local e = S.failed(r, 8, "UNAUTHENTICATED")
    S.truth(r, e.hint:find("tool fx login", 1, true), "the hint does not name the login command")
    S.equal(r, "tool fx login", e.fix_command, "fix_command")
    S.equal(r, status, e.token_status, "token_status")
    S.equal(r, false, e.retryable, "retryable")
    S.equal(r, nil, e.expires_at, "expires_at")
    return e
  end

  local function expired(r, when)
    local e = S.failed(r, 8, "CREDENTIALS_EXPIRED")
    S.equal(r, when, e.expires_at, "expires_at")
    S.equal(r, "tool fx login", e.refresh_command, "refresh_command")
    S.equal(r, e.refresh_command, e.fix_command, "fix_command")
    S.equal(r, "TOKEN_EXPIRED", e.token_status, "token_status")
    S.equal(r, false, e.retryable, "retryable")
    return e
  end

  it("1 without credentials: exit 8, UNAUTHENTICATED, and how to log in; no request is made", function()
    missing(guarded({ body = "thing" }), "TOKEN_MISSING")
    assert.equal(0, #server.requests)
  end)

  it("2 stored credentials that have ended: exit 8, CREDENTIALS_EXPIRED, when, and how to renew", function()
    login("--expires", PAST)
    expired(guarded({ body = "thing" }), PAST)
    assert.equal(0, #server.requests)
  end)

  it("2 a token that says itself when it ended", function()
    expired(guarded({ body = "thing" }, { FX_TOKEN = JWT.old }), PAST)
    assert.equal(0, #server.requests)
    server.close()
    S.status(guarded({ body = "thing" }, { FX_TOKEN = JWT.good }), 0)
  end)

  it("3 a forbidden call: exit 7, PERMISSION_DENIED, and the missing permission", function()
    local r = guarded({ status = 403, json = { error = "forbidden" } }, { FX_TOKEN = TOKEN })
    local e = S.failed(r, 7, "PERMISSION_DENIED")
    S.equal(r, "things:read", e.required_permission, "required_permission: the first declared scope")
    S.equal(r, nil, e.fix_required, "fix_required")
    server.close()
    r = guarded({ status = 403, json = { required_permission = "things:admin" } }, { FX_TOKEN = TOKEN })
    S.equal(r, "things:admin", S.failed(r, 7, "PERMISSION_DENIED").required_permission, "as the service says")
    server.close()
    r = guarded({ status = 403, headers = { ["WWW-Authenticate"] = 'Bearer error="insufficient_scope", scope="a:b"' } },
      { FX_TOKEN = TOKEN })
    S.equal(r, "a:b", S.failed(r, 7, "PERMISSION_DENIED").required_permission, "as the challenge says")
  end)

  it("4 the HTTP client maps 401 by itself: no token, a refused one, an expired one", function()
    missing(guarded({ status = 401 }, nil, "--bare"), "TOKEN_MISSING")
    server.close()
    missing(guarded({ status = 401 }, { FX_TOKEN = TOKEN }), "TOKEN_INVALID")
    server.close()
    expired(guarded({ status = 401, json = { error = "token_expired", expires_at = PAST } }, { FX_TOKEN = TOKEN }), PAST)
    server.close()
    expired(guarded({ status = 401, headers = { ["WWW-Authenticate"] =
      'Bearer error="invalid_token", error_description="The access token expired"' } }, { FX_TOKEN = TOKEN }), S.json.null)
  end)

  it("4 and 5 none of these is a network failure, and none shows the token", function()
    for _, status in ipairs { 401, 403 } do
      local r = guarded({ status = status, body = "refused " .. TOKEN }, { FX_TOKEN = TOKEN })
      S.equal(r, nil, r.envelope.error.network_context, "network_context")
      S.truth(r, not (r.stdout .. r.stderr):find(TOKEN, 1, true), "the token is shown")
      server.close()
    end
  end)

  it("6 the contract says which scopes a command needs", function()
    assert.same({ "things:read" }, { table.unpack(S.contract("fx guarded").required_scopes) })
    assert.same({}, { table.unpack(S.contract("fx ok").required_scopes) })
  end)

  it("a kept token is used, is a secret, and lies in a file of mode 0600", function()
    login("--expires", FUTURE)
    local file = home .. "/.config/tool/credentials/fx.json"
    assert.equal("600\n", S.run({ "stat", "-c", "%a", file }).stdout)
    local r = S.status(guarded({ body = "thing" }), 0)
    assert.equal("Bearer " .. TOKEN, server.requests[1].headers.authorization)
    local data = r.envelope.data
    S.equal(r, "[REDACTED]", data.shown, "the token as text")
    S.equal(r, { file, FUTURE, "things:read" }, { data.source, data.expires_at, data.scopes[1] }, "source, end, scopes")
    S.truth(r, not r.stdout:find(TOKEN, 1, true), "the token is shown")
  end)

  it("the environment counts before the store; a preview keeps nothing; clear forgets", function()
    S.status(S.tool({ "fx", "login", "--dry-run" }, { env = { HOME = home, FX_PASS = TOKEN } }), 0)
    assert.is_false(S.exists(home .. "/.config/tool/credentials/fx.json"))
    login()
    local r = S.status(guarded({ body = "thing" }, { FX_TOKEN = "another-one" }), 0)
    S.equal(r, "env:FX_TOKEN", r.envelope.data.source, "source")
    assert.equal("Bearer another-one", server.requests[1].headers.authorization)
    server.close()
    r = S.status(guarded({ body = "x" }, { FX_TOKEN_FILE = S.spit(home .. "/t", "from-a-file\n") }), 0)
    assert.equal("Bearer from-a-file", server.requests[1].headers.authorization)
    S.equal(r, "env:FX_TOKEN_FILE", r.envelope.data.source, "source")
    server.close()
    assert.equal("deleted", login("--clear").envelope.data.effect)
    assert.equal("noop", login("--clear").envelope.data.effect)
    missing(guarded({ body = "thing" }), "TOKEN_MISSING")
  end)
end)
