-- `sentryagent issue-token`, and the bearer that the other commands log in with: where it is kept, when it is renewed.
local S = require "lib.spec"
local uv = require "luv"
local emulator = require "lib.emulator"
local common = require "suites.sentryagent.common"

local CACHE = "/.sentryagent/tokens.json"

local function keys(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

local function token_answer(fields, headers)
  local answer = { access_token = "issued-t0ken-of-agent-1", token_type = "Bearer", expires_in = 3600 }
  for name, value in pairs(fields or {}) do answer[name] = value or nil end
  return { json = answer, headers = headers }
end

local function with(routes, body)
  local service = common.service(routes)
  body(service, service.env())
  service.close()
end

S.req("SENTRYAGENT-ISSUE-TOKEN", "sentryagent issue-token", function()
  it("asks the token endpoint for a token of that agent, with HTTP Basic", function()
    with({ ["POST /oauth2/token"] = token_answer() }, function(service, env)
      S.status(common.sentryagent("issue-token --agent-id agent-1", { env = env }), 0)
      assert.equal(1, #service.requests)
      local request = service.requests[1]
      assert.equal("Basic " .. emulator.base64("acme:" .. common.SECRET), request.headers.authorization)
      assert.equal("application/x-www-form-urlencoded", request.headers["content-type"])
      local fields = {}
      for field in request.body:gmatch "[^&]+" do fields[#fields + 1] = field end
      table.sort(fields)
      assert.same({ "agent_id=agent-1", "grant_type=client_credentials" }, fields)
    end)
  end)

  it("answers with the token masked; --unmask shows it", function()
    with({ ["POST /oauth2/token"] = token_answer { scope = "agents:read" } }, function(_, env)
      local r = S.status(common.sentryagent("issue-token --agent-id agent-1",
        { env = env, secret = "issued-t0ken-of-agent-1" }), 0)
      local data = r.envelope.data
      S.equal(r, "_source _trusted access_token agent_id effect expires_at scope token_type", keys(data), "keys")
      S.truth(r, data.access_token:find "^%[KEY: ", "the mask")
      S.equal(r, { "created", "agent-1", "Bearer", "agents:read" },
        { data.effect, data.agent_id, data.token_type, data.scope }, "data")
      r = S.status(common.sentryagent("issue-token --agent-id agent-1 --unmask", { env = env }), 0)
      S.equal(r, "issued-t0ken-of-agent-1", r.envelope.data.access_token, "token")
    end)
  end)

  it("the expiry is computed from expires_in and the service's own clock", function()
    local headers = { Date = "Mon, 03 Feb 2031 10:00:00 GMT" }
    for seconds, text in pairs { [3600] = "2031-02-03T11:00:00Z", [86399] = "2031-02-04T09:59:59Z" } do
      with({ ["POST /oauth2/token"] = token_answer({ expires_in = seconds }, headers) }, function(_, env)
        local r = S.status(common.sentryagent("issue-token --agent-id agent-1", { env = env }), 0)
        S.equal(r, text, r.envelope.data.expires_at, "expires_at")
      end)
    end
  end)

  it("a person reads token and expiry in full, literally", function()
    local answer = token_answer(nil, { Date = "Mon, 03 Feb 2031 10:00:00 GMT" })
    with({ ["POST /oauth2/token"] = answer }, function(_, env)
      local r = S.status(common.sentryagent("issue-token --agent-id agent-1", S.terminal { env = env }), 0)
      S.equal(r, "Access token: issued-t0ken-of-agent-1\nExpires at: 2031-02-03T11:00:00Z\n",
        (r.stdout:gsub("\r", "")), "stdout")
    end)
  end)

  it("--output-file writes it whole to a new file of mode 0600 and masks it on stdout", function()
    with({ ["POST /oauth2/token"] = token_answer() }, function(service, env)
      local file = S.dir() .. "/token.json"
      local r = S.status(common.sentryagent("issue-token --agent-id agent-1 --output-file " .. file,
        { env = env, secret = "issued-t0ken-of-agent-1" }), 0)
      assert.equal("0600", emulator.mode(file))
      assert.equal("issued-t0ken-of-agent-1", S.json.decode(S.slurp(file)).access_token)
      S.equal(r, file, r.envelope.meta.output_file, "meta.output_file")
      local before, calls = S.slurp(file), #service.requests
      r = common.sentryagent("issue-token --agent-id agent-1 --output-file " .. file, { env = env })
      S.failed(r, 6, "ALREADY_EXISTS")
      assert.equal(before, S.slurp(file))
      assert.equal(calls, #service.requests, "a token was issued into nothing")
    end)
  end)

  it("--output-file into no directory issues nothing", function()
    with({ ["POST /oauth2/token"] = token_answer() }, function(service, env)
      local r = common.sentryagent("issue-token --agent-id agent-1 --output-file " .. S.dir() .. "/no/where", { env = env })
      S.failed(r, 5, "NOT_FOUND")
      assert.equal(0, #service.requests)
    end)
  end)

  it("a wrong client is UNAUTHENTICATED, whatever the status", function()
    for _, status in ipairs { 400, 401 } do
      with({ ["POST /oauth2/token"] = { status = status, json = { error = "invalid_client" } } }, function(_, env)
        S.failed(common.sentryagent("issue-token --agent-id agent-1", { env = env }), 8, "UNAUTHENTICATED")
      end)
    end
  end)

  it("--dry-run asks for nothing", function()
    with({ ["POST /oauth2/token"] = token_answer() }, function(service, env)
      local r = S.status(common.sentryagent("issue-token --agent-id agent-1 --dry-run", { env = env }), 0)
      S.equal(r, "would_create", r.envelope.data.effect, "effect")
      assert.equal(0, #service.requests)
    end)
  end)

  it("an id that cannot be one never reaches the service", function()
    with({ ["POST /oauth2/token"] = token_answer() }, function(service, env)
      for _, id in ipairs { "", "../x", "a/b", "a?b=c", "<id>", "a%20b", "null" } do
        S.status(common.sentryagent({ "issue-token", "--agent-id", id }, { env = env }), 2, id)
      end
      assert.equal(0, #service.requests)
    end)
  end)

  it("the emulator's token works as a bearer of that agent", function()
    local e = common.emulated()
    local agent = e.call("POST", "/agents", { name = "one" }).json.agentId
    local r = S.status(common.sentryagent({ "issue-token", "--agent-id", agent, "--unmask" },
      { env = e.env, secret = e.client_secret }), 0)
    assert.equal(200, e.call("GET", "/agents", nil, r.envelope.data.access_token).status)
    S.failed(common.sentryagent("issue-token --agent-id agt_0", { env = e.env }), 1, "SERVICE_REJECTED")
    e.stop()
  end)
end)

S.req("SENTRYAGENT-AUTH", "the bearer of the commands", function()
  local AGENTS = common.agents {}

  local function list(env, opts)
    local all = { env = env, secret = "tok-1-should-not-show" }
    for name, value in pairs(opts or {}) do all[name] = value end
    return common.sentryagent("list-agents", all)
  end

  it("is kept in a file of mode 0600 and used again", function()
    with({ ["GET /agents"] = AGENTS }, function(service, env)
      for _ = 1, 3 do S.status(list(env), 0) end
      assert.equal(1, service.seen "POST /oauth2/token")
      assert.equal(3, service.seen "GET /agents")
      for _, request in ipairs(service.requests) do
        if request.method == "GET" then assert.equal("Bearer tok-1", request.headers.authorization) end
      end
      assert.equal("0600", emulator.mode(env.HOME .. CACHE))
      assert.equal("0700", emulator.mode(env.HOME .. "/.sentryagent"))
      assert.is_nil(S.slurp(env.HOME .. CACHE):find(common.SECRET, 1, true))
    end)
  end)

  it("is kept apart for each address and each client", function()
    with({ ["GET /agents"] = AGENTS, ["GET /v2/agents"] = AGENTS,
      ["POST /v2/oauth2/token"] = { json = { access_token = "second", token_type = "Bearer", expires_in = 3600 } } },
      function(service, env)
        S.status(list(env), 0)
        local other = { HOME = env.HOME }
        for name, value in pairs(env) do other[name] = value end
        other.SENTRYAGENT_CLIENT_ID = "other"
        S.status(list(other), 0)
        assert.equal(2, service.seen "POST /oauth2/token")
        other.SENTRYAGENT_API_URL = service.url .. "/v2"
        S.status(list(other), 0)
        assert.equal(1, service.seen "POST /v2/oauth2/token")
        for _ = 1, 2 do S.status(list(env), 0) end
        assert.equal(2, service.seen "POST /oauth2/token")
      end)
  end)

  it("is asked for anew a minute before it expires", function()
    for seconds, logins in pairs { [60] = 2, [30] = 2, [120] = 1 } do
      local answer = { json = { access_token = "t", token_type = "Bearer", expires_in = seconds } }
      with({ ["GET /agents"] = AGENTS, ["POST /oauth2/token"] = answer }, function(service, env)
        for _ = 1, 2 do S.status(list(env), 0) end
        assert.equal(logins, service.seen "POST /oauth2/token", seconds .. " s")
      end)
    end
  end)

  it("a 401 drops the kept one, and the call is tried once more with a new one", function()
    local function agents(request)
      if request.headers.authorization == "Bearer tok-1" then return { status = 401, json = { code = "INVALID_TOKEN" } } end
      return AGENTS
    end
    with({ ["GET /agents"] = agents }, function(service, env)
      S.status(list(env), 0)
      assert.equal(2, service.seen "POST /oauth2/token")
      assert.equal(2, service.seen "GET /agents")
      S.status(list(env), 0)
      assert.equal(2, service.seen "POST /oauth2/token", "the new one was not kept")
      assert.equal(3, service.seen "GET /agents")
    end)
  end)

  it("a second 401 is UNAUTHENTICATED, exit 8, after two logins and two calls", function()
    with({ ["GET /agents"] = { status = 401, json = { code = "INVALID_TOKEN", message = "No." } } },
      function(service, env)
        S.failed(list(env), 8, "UNAUTHENTICATED")
        assert.equal(2, service.seen "POST /oauth2/token")
        assert.equal(2, service.seen "GET /agents")
      end)
  end)

  it("a change is tried once more after a 401 as well", function()
    local function register(_, count)
      return count == 1 and { status = 401, json = {} } or { status = 201, json = common.AGENT }
    end
    with({ ["POST /agents"] = register }, function(service, env)
      S.status(common.sentryagent("register-agent --name one", { env = env }), 0)
      assert.equal(2, service.seen "POST /agents")
    end)
  end)

  it("invalid_client of the token endpoint is UNAUTHENTICATED and asked once", function()
    with({ ["POST /oauth2/token"] = { status = 401, json = { error = "invalid_client",
      error_description = "unknown client or wrong secret" } } }, function(service, env)
      local r = list(env)
      local e = S.failed(r, 8, "UNAUTHENTICATED")
      S.equal(r, "Run `sentryagent configure` with valid credentials", e.fix_required, "fix_required")
      assert.equal(1, #service.requests)
    end)
  end)

  it("invalid_token that says expired is CREDENTIALS_EXPIRED, in header or body", function()
    for _, reply in ipairs {
      { status = 401, json = {}, headers = { ["WWW-Authenticate"] =
        'Bearer error="invalid_token", error_description="The token has expired"' } },
      { status = 401, json = { error = "invalid_token", error_description = "The access token Expired" } },
    } do
      with({ ["GET /agents"] = reply }, function(_, env) S.failed(list(env), 8, "CREDENTIALS_EXPIRED") end)
    end
  end)

  it("403 is PERMISSION_DENIED, exit 7, and is not tried again", function()
    with({ ["GET /agents"] = { status = 403, json = { code = "INSUFFICIENT_SCOPE", message = "No." } } },
      function(service, env)
        local r = list(env)
        local e = S.failed(r, 7, "PERMISSION_DENIED")
        S.equal(r, "agents:read", e.required_permission, "required_permission")
        assert.equal(1, service.seen "GET /agents")
      end)
  end)

  it("a cache that is spoilt or open to others is no obstacle, and is private afterwards", function()
    for _, text in ipairs { "", "{", "[]", '{"a":7}', "null" } do
      with({ ["GET /agents"] = AGENTS }, function(_, env)
        uv.fs_mkdir(env.HOME .. "/.sentryagent", 448)
        S.spit(env.HOME .. CACHE, text)
        uv.fs_chmod(env.HOME .. CACHE, 420)
        S.status(list(env), 0)
        assert.equal("0600", emulator.mode(env.HOME .. CACHE))
        assert.truthy(S.slurp(env.HOME .. CACHE):find("tok-1", 1, true))
      end)
    end
  end)

  it("a cache that cannot be written costs nothing but the next login", function()
    with({ ["GET /agents"] = AGENTS }, function(service, env)
      uv.fs_mkdir(env.HOME .. "/.sentryagent", 448)
      uv.fs_mkdir(env.HOME .. CACHE, 448)
      for _ = 1, 2 do S.status(list(env), 0) end
      assert.equal(2, service.seen "POST /oauth2/token")
    end)
  end)

  it("an answer of the token endpoint without a token is INVALID_RESPONSE", function()
    for _, reply in ipairs { { json = {} }, { json = S.json.array {} }, { body = "" }, { body = "nonsense" },
      { json = { access_token = 7 } }, { status = 204 } } do
      with({ ["POST /oauth2/token"] = reply }, function(_, env) S.failed(list(env), 1, "INVALID_RESPONSE") end)
    end
  end)

  it("an expired token of the emulator is renewed without a word", function()
    local e = common.emulated "--ephemeral --port 0 --token-ttl 61s"
    S.status(common.sentryagent("list-agents", { env = e.env }), 0)
    e.stop()
    local short = common.emulated "--ephemeral --port 0 --token-ttl 1s"
    for _ = 1, 2 do
      S.status(common.sentryagent("list-agents", { env = short.env, secret = short.client_secret }), 0)
    end
    short.stop()
  end)
end)
