-- `tool emulator start`: its first line, its end by every signal, its state over restarts and crashes, its port.
local S = require "lib.spec"
local uv = require "luv"
local emulator = require "lib.emulator"
local stub = require "lib.stub_server"

local function data_file(home) return home .. "/.local/share/tool/store/emulator/sentryagent.db" end

local function keys(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

S.req("EMULATOR-LIFECYCLE", "tool emulator start", function()
  it("the first line says where and how, before anything else is written", function()
    local e = emulator.start()
    assert.equal("client_id client_secret event service url", keys(e.row))
    assert.same({ "listening", "sentryagent", "demo" }, { e.row.event, e.row.service, e.client_id })
    assert.truthy(e.url:find "^http://127%.0%.0%.1:%d+$")
    assert.equal('{"status":"ok"}', e.request("GET", "/health").body)
    local r = e.stop()
    assert.equal(2, #S.lines(r.stdout))
  end)

  it("SIGTERM ends it in order: 143, no process, nothing listens, the database whole", function()
    local e = emulator.start "--port 0"
    e.call("POST", "/agents", { name = "one" })
    e.stop()
    local path = data_file(e.home)
    assert.is_true(emulator.whole(path))
    assert.equal("0600", emulator.mode(path))
    local refused
    local tcp = uv.new_tcp()
    tcp:connect("127.0.0.1", e.port, function(err) refused = err or "" end)
    S.driver.wait_for(function() return refused end, 2000)
    tcp:close()
    assert.equal("ECONNREFUSED", refused)
  end)

  it("SIGINT ends it as well: 130", function() emulator.start(nil, { signal = "INT" }).stop() end)

  it("ends at once although a client keeps its connection open", function()
    local e = emulator.start()
    local tcp, connected = uv.new_tcp(), false
    tcp:connect("127.0.0.1", e.port, function() connected = true end)
    S.driver.wait_for(function() return connected end, 2000)
    tcp:write "GET /health HTTP/1.1\r\nHost: x\r\n"
    local began = uv.hrtime()
    e.stop()
    assert.is_true((uv.hrtime() - began) / 1e6 < 2000)
    tcp:close()
    uv.run "nowait"
  end)

  it("state stays over a restart: agents, secrets, tokens, audit events", function()
    local e = emulator.start "--port 0"
    local agent = e.call("POST", "/agents", { name = "kept", description = "stays" }).json
    local credential = e.call("POST", "/agents/" .. agent.agentId .. "/credentials/rotate").json
    local token, log = e.token, e.audit()
    e.stop()
    local again = emulator.start("--port 0", { home = e.home })
    assert.equal(e.client_secret, again.client_secret)
    again.token = token
    local list = again.call("GET", "/agents").json
    assert.same({ agent }, list.data)
    assert.same(log, again.audit())
    assert.truthy(again.login(credential.clientId, credential.clientSecret))
    again.stop()
    assert.is_true(emulator.whole(data_file(e.home)))
  end)

  it("what was answered survives a crash", function()
    local e = emulator.start "--port 0"
    for i = 1, 20 do assert.equal(201, e.call("POST", "/agents", { name = "a" .. i }).status) end
    e.kill()
    local again = emulator.start("--port 0", { home = e.home })
    assert.equal(20, again.call("GET", "/agents").json.total)
    assert.equal(e.client_secret, again.client_secret)
    again.stop()
    assert.is_true(emulator.whole(data_file(e.home)))
  end)

  it("--ephemeral forgets, and writes no database", function()
    local e = emulator.start()
    e.call("POST", "/agents", { name = "gone" })
    e.stop()
    for _, name in ipairs(S.tree(e.home)) do assert.is_nil(name:find("%.db"), name) end
    local again = emulator.start(nil, { home = e.home })
    assert.equal(0, again.call("GET", "/agents").json.total)
    assert.not_equal(e.client_secret, again.client_secret)
    again.stop()
  end)

  it("--seed gives three agents, once", function()
    local e = emulator.start "--port 0 --seed"
    assert.equal(3, e.call("GET", "/agents").json.total)
    e.stop()
    local again = emulator.start("--port 0 --seed", { home = e.home })
    assert.equal(3, again.call("GET", "/agents").json.total)
    again.stop()
  end)

  it("two on the same data directory do not spoil it", function()
    local a = emulator.start "--port 0"
    local b = emulator.start("--port 0", { home = a.home })
    assert.equal(a.client_secret, b.client_secret)
    for i = 1, 10 do
      assert.equal(201, a.call("POST", "/agents", { name = "a" .. i }).status)
      assert.equal(201, b.call("POST", "/agents", { name = "b" .. i }).status)
    end
    assert.equal(20, a.call("GET", "/agents").json.total)
    a.stop()
    assert.equal(20, b.call("GET", "/agents").json.total)
    b.stop()
    assert.is_true(emulator.whole(data_file(a.home)))
  end)

  it("--port takes that port; a taken one is ADDRESS_IN_USE, exit 6", function()
    local port = stub.closed_port()
    local e = emulator.start("--ephemeral --port " .. port)
    assert.equal(port, e.port)
    S.failed(S.tool("emulator start sentryagent --ephemeral --port " .. port, { shape = "jsonl" }), 6, "ADDRESS_IN_USE")
    e.stop()
  end)

  it("an address that is not this machine's is refused", function()
    local r = S.tool("emulator start sentryagent --ephemeral --host 203.0.113.1", { shape = "jsonl" })
    S.failed(r, 1, "LISTEN_FAILED")
  end)

  it("the row fits the schema that it publishes; so does the preview", function()
    local r = S.tool("emulator start sentryagent --ephemeral", { shape = "jsonl",
      signals = { { "TERM", when_stdout = "listening" } } })
    S.failed(r, 143, "CANCELLED")
    local contract = S.contract "emulator start"
    assert.same({}, (S.schema.validate(contract.output_variants.row, r.rows[1])))
    local would = S.status(S.tool "emulator start sentryagent --dry-run --no-stream", 0)
    S.equal(would, "would_start", would.envelope.data.effect, "effect")
    assert.same({}, (S.schema.validate(contract.output_variants.would, would.envelope.data)))
  end)

  it("the shipped commands cannot tell it from the service: all of them in one go", function()
    local e = emulator.start()
    local env = { HOME = S.dir "home", EMU = e.client_secret }
    local function run(args, status)
      return S.status(S.tool(args, { argv0 = "sentryagent", env = env }), status or 0)
    end
    run("configure --verify --client-id demo --client-secret-from-env EMU --api-url " .. e.url .. "/")
    local id = run("register-agent --name one").envelope.data.id
    run("register-agent --name one", 6)
    assert.equal(1, #run("list-agents").envelope.data.items)
    local token = run("issue-token --unmask --agent-id " .. id).envelope.data.access_token
    assert.equal(200, e.call("GET", "/agents", nil, token).status)
    run("rotate-credentials --yes --agent-id " .. id)
    assert.equal(401, e.call("GET", "/agents", nil, token).status)
    local actions = {}
    for _, event in ipairs(e.audit()) do actions[#actions + 1] = event.action .. " " .. event.outcome end
    assert.same({ "token.issued success", "token.issued success", "agent.registered success",
      "agent.registered failure", "token.issued success", "credentials.rotated success", "access.denied failure",
      "token.issued success" }, actions)
    e.stop()
  end)

  it("--rate-limit: the commands are told when to come back", function()
    local e = emulator.start "--ephemeral --port 0 --rate-limit 2/10s"
    local env = { HOME = S.dir "home", SENTRYAGENT_API_URL = e.url, SENTRYAGENT_CLIENT_ID = "demo",
      SENTRYAGENT_CLIENT_SECRET = e.client_secret }
    local r
    for _ = 1, 3 do r = S.tool("list-agents", { argv0 = "sentryagent", env = env }) end
    local err = S.failed(r, 11, "RATE_LIMITED")
    S.truth(r, err.retry_after_ms >= 1000 and err.retry_after_ms <= 5000, "retry_after_ms")
    e.stop()
  end)
end)
