-- `tool emulator start sentryagent`: the routes, payloads, errors and limits of the sheet, strictly; state; its end.
local S = require "lib.spec"
local uv = require "luv"
local client = require "modules.client"

-- An emulator with helpers bound to it.
local function start(flags, env)
  local e = client.serve("emulator start sentryagent " .. (flags or "--ephemeral"), { env = env })
  local function basic(id, secret)
    return { Authorization = "Basic " .. S.base64(id .. ":" .. secret) }
  end
  function e.token_request(form, id, secret)
    return client.request(e.port, "POST", "/oauth2/token", { form = form,
      headers = basic(id or e.row.client_id, secret or e.row.client_secret) })
  end
  function e.login(id, secret)
    local a = e.token_request("grant_type=client_credentials", id, secret)
    assert.equal(200, a.status, a.body)
    e.token = a.json.access_token
    return a
  end
  function e.call(method, path, json, token)
    return client.request(e.port, method, path, { json = json,
      headers = { Authorization = "Bearer " .. (token or e.token) } })
  end
  function e.agent(name)
    local a = e.call("POST", "/agents", { name = name })
    assert.equal(201, a.status, a.body)
    return a.json
  end
  -- The audit log, newest first, as "action outcome agentId" lines.
  function e.audit(query)
    local a = e.call("GET", "/audit/logs?limit=100" .. (query or ""))
    assert.equal(200, a.status, a.body)
    return a.json.data
  end
  return e
end

local function keys(t)
  local list = {}
  for k in pairs(t) do list[#list + 1] = k end
  table.sort(list)
  return table.concat(list, " ")
end

-- Base64 by hand: the test's own, RFC 4648.
local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
function S.base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for k = 0, 3 do
      local digit = n >> (18 - 6 * k) & 63
      out[#out + 1] = (k == 2 and not b or k == 3 and not c) and "=" or DIGITS:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(out)
end

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"

S.req("REQ-EMULATOR-SENTRYAGENT", "The identity provider's emulator", function()
  local e
  setup(function()
    e = start()
    e.login()
  end)
  teardown(function() e.stop() end)

  describe("the first line", function()
    it("says where it listens and how to log in", function()
      assert.equal("client_id client_secret event service url", keys(e.row))
      assert.same({ "listening", "sentryagent", "demo" }, { e.row.event, e.row.service, e.row.client_id })
      assert.truthy(e.row.url:find("^http://127%.0%.0%.1:%d+$"))
    end)

    it("health needs no login", function()
      assert.equal('{"status":"ok"}', client.request(e.port, "GET", "/health").body)
    end)
  end)

  describe("the token endpoint", function()
    it("answers a token in the form of RFC 6749 §5.1", function()
      local a = e.token_request "grant_type=client_credentials"
      assert.same({ 200, "Bearer", 3600, "no-store" },
        { a.status, a.json.token_type, a.json.expires_in, a.headers["cache-control"] })
      assert.equal("access_token expires_in scope token_type", keys(a.json))
    end)

    local REFUSED = {
      { "another grant", "grant_type=password", 400, "unsupported_grant_type" },
      { "no grant", "scope=agents:read", 400, "invalid_request" },
      { "a field given twice", "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request" },
      { "more scope than the client has", "grant_type=client_credentials&scope=root", 400, "invalid_scope" },
      { "an agent that does not exist", "grant_type=client_credentials&agent_id=agt_0", 400, "invalid_request" },
    }
    for _, case in ipairs(REFUSED) do
      it("refuses " .. case[1], function()
        local a = e.token_request(case[2])
        assert.same({ case[3], case[4] }, { a.status, a.json.error })
        assert.equal("error error_description", keys(a.json))
      end)
    end

    it("refuses a body that is no form", function()
      local a = client.request(e.port, "POST", "/oauth2/token", { json = { grant_type = "client_credentials" },
        headers = { Authorization = "Basic " .. S.base64("demo:" .. e.row.client_secret) } })
      assert.same({ 400, "invalid_request" }, { a.status, a.json.error })
    end)

    it("refuses unknown clients and wrong secrets alike, with a challenge", function()
      local bodies = {}
      for i, pair in ipairs { { "demo", "wrong" }, { "nobody", "wrong" } } do
        local a = e.token_request("grant_type=client_credentials", pair[1], pair[2])
        assert.same({ 401, "invalid_client" }, { a.status, a.json.error })
        assert.truthy(a.headers["www-authenticate"]:find("^Basic "))
        bodies[i] = a.body
      end
      assert.equal(bodies[1], bodies[2])
      local bare = client.request(e.port, "POST", "/oauth2/token", { form = "grant_type=client_credentials" })
      assert.equal(401, bare.status)
    end)

    it("gives a token for an agent, which may read and not write", function()
      local agent = e.agent "for-a-token"
      local a = e.token_request("grant_type=client_credentials&agent_id=" .. agent.agentId)
      assert.equal(200, a.status)
      assert.equal(200, e.call("GET", "/agents", nil, a.json.access_token).status)
      local refused = e.call("POST", "/agents", { name = "by-an-agent" }, a.json.access_token)
      assert.same({ 403, "INSUFFICIENT_SCOPE" }, { refused.status, refused.json.code })
      assert.truthy(refused.headers["www-authenticate"]:find('error="insufficient_scope"', 1, true))
    end)
  end)

  describe("access", function()
    it("without a token is 401 with a challenge and no error", function()
      for _, path in ipairs { "/agents", "/audit/logs" } do
        local a = client.request(e.port, "GET", path)
        assert.same({ 401, "UNAUTHENTICATED", 'Bearer realm="sentryagent"' },
          { a.status, a.json.code, a.headers["www-authenticate"] })
      end
    end)

    it("with an unknown token is invalid_token", function()
      local a = e.call("GET", "/agents", nil, "sat_unknown")
      assert.same({ 401, "INVALID_TOKEN" }, { a.status, a.json.code })
      assert.truthy(a.headers["www-authenticate"]:find('error="invalid_token"', 1, true))
      assert.is_nil(a.headers["www-authenticate"]:find("expired", 1, true))
    end)

    it("errors of the API have code and message", function()
      local a = e.call("GET", "/nowhere")
      assert.same({ 404, "NOT_FOUND", "code message" }, { a.status, a.json.code, keys(a.json) })
      a = e.call("DELETE", "/agents")
      assert.same({ 405, "GET, HEAD, POST" }, { a.status, a.headers.allow })
    end)
  end)

  describe("agents", function()
    it("are registered with what the sheet names", function()
      local a = e.call("POST", "/agents", { name = "first ä", description = "Does things" })
      assert.equal(201, a.status)
      assert.equal("agentId createdAt description name status", keys(a.json))
      assert.same({ "first ä", "Does things", "active" }, { a.json.name, a.json.description, a.json.status })
      assert.truthy(a.json.createdAt:find(TIME))
      assert.equal("/agents/" .. a.json.agentId, a.headers.location)
    end)

    it("a name is taken once", function()
      e.agent "twice"
      local a = e.call("POST", "/agents", { name = "twice" })
      assert.same({ 409, "AGENT_ALREADY_EXISTS" }, { a.status, a.json.code })
    end)

    local BAD = {
      { "no name", S.json.object {}, "name" }, { "an empty name", { name = "" }, "name" },
      { "a number as name", { name = 5 }, "name" }, { "null as name", { name = S.json.null }, "name" },
      { "a long name", { name = ("x"):rep(129) }, "name" }, { "an unknown field", { name = "y", bogus = 1 }, "bogus" },
      { "a long description", { name = "z", description = ("x"):rep(1025) }, "description" },
      { "two problems", { name = "", description = 7 }, "description name" },
    }
    for _, case in ipairs(BAD) do
      it(case[1] .. " is a VALIDATION_ERROR that names the field", function()
        local a = e.call("POST", "/agents", case[2])
        assert.same({ 400, "VALIDATION_ERROR" }, { a.status, a.json.code })
        local fields = {}
        for i, detail in ipairs(a.json.details) do fields[i] = detail.field end
        table.sort(fields)
        assert.equal(case[3], table.concat(fields, " "))
      end)
    end

    it("are listed page by page, in the order of their registration", function()
      local own = start()
      own.login()
      local a = own.call("GET", "/agents")
      assert.equal('{"data":[],"limit":20,"page":1,"total":0}', a.body)
      for i = 1, 25 do own.agent("agent " .. i) end
      local seen = {}
      for page = 1, 4 do
        a = own.call("GET", "/agents?limit=10&page=" .. page).json
        assert.same({ 25, page, 10 }, { a.total, a.page, a.limit })
        for _, agent in ipairs(a.data) do seen[#seen + 1] = agent.name end
      end
      assert.equal(25, #seen)
      for i, name in ipairs(seen) do assert.equal("agent " .. i, name) end
      assert.equal(20, #own.call("GET", "/agents").json.data)
      own.stop()
    end)

    it("a page that cannot be is refused", function()
      for _, query in ipairs { "limit=0", "limit=101", "limit=x", "page=0", "page=-1", "other=1" } do
        local a = e.call("GET", "/agents?" .. query)
        assert.same({ 400, "VALIDATION_ERROR" }, { a.status, a.json.code }, query)
      end
    end)
  end)

  describe("rotation", function()
    it("gives a new secret; the old one and its tokens end", function()
      local agent = e.agent "rotated"
      local path = "/agents/" .. agent.agentId .. "/credentials/rotate"
      local first = e.call("POST", path)
      assert.equal(200, first.status)
      assert.equal("clientId clientSecret credentialId rotatedAt", keys(first.json))
      assert.truthy(first.json.rotatedAt:find(TIME))
      local a = e.token_request("grant_type=client_credentials", first.json.clientId, first.json.clientSecret)
      local token = a.json.access_token
      assert.equal(200, e.call("GET", "/agents", nil, token).status)
      local second = e.call("POST", path).json
      assert.equal(first.json.clientId, second.clientId)
      assert.not_equal(first.json.clientSecret, second.clientSecret)
      assert.equal(401, e.call("GET", "/agents", nil, token).status)
      local function grant(secret)
        return e.token_request("grant_type=client_credentials", second.clientId, secret).status
      end
      assert.equal(401, grant(first.json.clientSecret))
      assert.equal(200, grant(second.clientSecret))
    end)

    it("of an unknown agent is AGENT_NOT_FOUND", function()
      local a = e.call("POST", "/agents/agt_0/credentials/rotate")
      assert.same({ 404, "AGENT_NOT_FOUND" }, { a.status, a.json.code })
    end)
  end)

  describe("the audit log", function()
    it("has everything that happened, newest first, and reading leaves no trace", function()
      local own = start()
      own.login()
      local agent = own.agent "watched"
      own.call("POST", "/agents", { name = "watched" })
      own.call("POST", "/agents/" .. agent.agentId .. "/credentials/rotate")
      own.token_request("grant_type=client_credentials", "demo", "wrong")
      own.call("GET", "/agents", nil, "sat_unknown")
      own.audit()
      own.call("GET", "/agents")
      local lines = {}
      for i, event in ipairs(own.audit()) do
        local who = event.agentId == agent.agentId and "A" or event.agentId
        lines[i] = event.action .. " " .. event.outcome .. " " .. who
        assert.truthy(event.timestamp:find(TIME))
        assert.equal("127.0.0.1", event.ipAddress)
        assert.equal("action agentId eventId ipAddress metadata outcome timestamp", keys(event))
      end
      assert.same({
        "access.denied failure unknown", "token.denied failure demo", "credentials.rotated success A",
        "agent.registered failure A", "agent.registered success A", "token.issued success demo",
      }, lines)
      own.stop()
    end)

    it("is filtered by agent and by time, and paged", function()
      local own = start()
      own.login()
      local a, b = own.agent "a", own.agent "b"
      S.driver.pause(20)
      own.call("POST", "/agents/" .. a.agentId .. "/credentials/rotate")
      assert.equal(2, #own.audit("&agentId=" .. a.agentId))
      assert.equal(1, #own.audit("&agentId=" .. b.agentId))
      assert.equal(0, #own.audit "&agentId=nobody")
      local all = own.audit()
      assert.equal(1, #own.audit("&fromDate=" .. all[1].timestamp))
      assert.equal(#all, #own.audit("&fromDate=" .. all[#all].timestamp))
      assert.equal(#all, #own.audit "&fromDate=2001-01-01T00:00:00%2B02:00")
      local ids = {}
      for page = 1, #all do
        ids[page] = own.call("GET", "/audit/logs?limit=1&page=" .. page).json.data[1].eventId
      end
      for i, event in ipairs(all) do assert.equal(event.eventId, ids[i]) end
      local bad = own.call("GET", "/audit/logs?fromDate=yesterday")
      assert.same({ 400, "VALIDATION_ERROR", "fromDate" }, { bad.status, bad.json.code, bad.json.details[1].field })
      own.stop()
    end)
  end)

  describe("limits", function()
    it("an expired token is called expired", function()
      local own = start "--ephemeral --token-ttl 1s"
      assert.equal(1, own.login().json.expires_in)
      assert.equal(200, own.call("GET", "/agents").status)
      S.driver.pause(1050)
      local a = own.call("GET", "/agents")
      assert.equal(401, a.status)
      assert.truthy(a.headers["www-authenticate"]:find('error="invalid_token", error_description="[^"]*expired'))
      own.stop()
    end)

    it("429 above the rate, with Retry-After; health is free", function()
      local own = start "--ephemeral --rate-limit 3/1m"
      own.login()
      local statuses = {}
      for i = 1, 4 do statuses[i] = own.call("GET", "/agents").status end
      assert.same({ 200, 200, 200, 429 }, statuses)
      local a = own.call("GET", "/agents")
      assert.equal("RATE_LIMITED", a.json.code)
      local wait = tonumber(a.headers["retry-after"])
      assert.is_true(wait >= 15 and wait <= 20, a.headers["retry-after"])
      assert.equal(200, client.request(own.port, "GET", "/health").status)
      own.stop()
    end)
  end)
end)

S.req("REQ-EMULATOR-SENTRYAGENT", "State and command line", function()
  it("the state survives a stop, the secret stays, the file is private", function()
    local home = S.dir "home"
    local env = { HOME = home, XDG_DATA_HOME = home .. "/data" }
    local e = start("--seed", env)
    e.login()
    e.agent "kept"
    local secret, token = e.row.client_secret, e.token
    local r = e.stop()
    assert.equal(143, r.status)
    assert.equal("", r.stderr)
    e = start("--seed", env)
    assert.equal(secret, e.row.client_secret)
    local a = e.call("GET", "/agents", nil, token)
    assert.same({ 200, 4 }, { a.status, a.json.total })
    e.stop()
    local path = home .. "/data/tool/store/emulator/sentryagent.db"
    assert.equal(384, uv.fs_stat(path).mode & 511)
    assert.is_false(S.exists(path .. "-wal"), "the database was not closed")
  end)

  it("--ephemeral leaves nothing on the disk", function()
    local home = S.dir "home"
    local e = start("--ephemeral --seed", { HOME = home, XDG_DATA_HOME = home .. "/data" })
    e.login()
    assert.equal(3, e.call("GET", "/agents").json.total)
    e.stop()
    for _, path in ipairs(S.tree(home)) do assert.is_nil(path:find("%.db"), path) end
  end)

  it("--data-dir keeps the state there, in a directory that is made", function()
    local dir = S.dir() .. "/new"
    start("--data-dir " .. dir).stop()
    assert.is_true(S.exists(dir .. "/sentryagent.db"))
  end)

  it("no secret but the demonstration one is in the database", function()
    local dir = S.dir()
    local e = start("--data-dir " .. dir)
    e.login()
    local agent = e.agent "a"
    local secret = e.call("POST", "/agents/" .. agent.agentId .. "/credentials/rotate").json.clientSecret
    e.stop()
    local bytes = S.slurp(dir .. "/sentryagent.db")
    assert.truthy(bytes:find(e.row.client_secret, 1, true))
    assert.is_nil(bytes:find(secret, 1, true))
    assert.is_nil(bytes:find(e.token, 1, true))
  end)

  it("impossible flags are refused before anything starts", function()
    for _, flags in ipairs {
      "--rate-limit fast", "--rate-limit 0/1s", "--port 70000", "--ephemeral --data-dir /tmp/x",
    } do
      S.failed(S.tool("emulator start sentryagent " .. flags, { shape = "jsonl" }), 2, "ARG_ERROR")
    end
    S.failed(S.tool("emulator start nonesuch", { shape = "jsonl" }), 2, "ARG_ERROR")
  end)

  it("a taken port is CONFLICT", function()
    local e = start()
    S.failed(S.tool("emulator start sentryagent --ephemeral --port " .. e.port, { shape = "jsonl" }), 6, "ADDRESS_IN_USE")
    e.stop()
  end)

  it("--dry-run starts nothing and says what it would start", function()
    local home = S.dir "home"
    local r = S.tool("emulator start sentryagent --dry-run --no-stream --port 8123",
      { env = { HOME = home, XDG_DATA_HOME = home .. "/data" } })
    S.status(r, 0)
    S.equal(r, "would_start", r.envelope.data.effect)
    S.equal(r, 8123, r.envelope.data.would_affect.port)
    for _, path in ipairs(S.tree(home)) do assert.is_nil(path:find("%.db"), path) end
  end)

  it("a person reads sentences", function()
    local r = S.tool("emulator start sentryagent --ephemeral", S.terminal { signals = { { "INT", when_stdout = "stops it" } } })
    assert.equal(130, r.status)
    assert.truthy(r.stdout:find("sentryagent is listening on http://127.0.0.1:", 1, true))
    assert.truthy(r.stdout:find("client id demo, client secret demo-", 1, true))
    assert.is_nil(r.stdout:find("{", 1, true))
  end)
end)
