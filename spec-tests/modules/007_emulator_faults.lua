-- Faults on request of `tool emulator start`: each kind, which requests it strikes, mistakes in its text, and the routes
-- that change it while the emulator runs.
local S = require "lib.spec"
local uv = require "luv"
local client = require "modules.client"
local emulator = require "lib.emulator"

-- An emulator with these faults; e.raw(path) -> everything that came on a connection, how it ended.
local function start(faults, service, flags)
  local argv = { "--ephemeral" }
  for word in (flags or ""):gmatch "%S+" do argv[#argv + 1] = word end
  for _, text in ipairs(faults) do
    argv[#argv + 1] = "--fault"
    argv[#argv + 1] = text
  end
  local e = emulator.start(argv, { service = service })
  function e.raw(path, headers, ready)
    local c = client.connect(e.port)
    c.send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n" .. (headers or "") .. "\r\n")
    c.receive(ready)
    c.close()
    return c.got, c.problem
  end
  function e.health() return e.request("GET", "/health") end
  function e.admin(method, path, json)
    return e.request(method, "/__emulator/" .. path, { json = json })
  end
  return e
end

local function statuses(e, path, n)
  local list = {}
  for i = 1, n do list[i] = e.request("GET", path).status end
  return list
end

S.req("EMULATOR-FAULTS", "Faults on request", function()
  describe("kinds", function()
    it("a status: in the service's form, with Retry-After, a body, headers", function()
      local e = start {
        "GET /health=429 times=1 retry-after=7", 'GET /health=503 times=1 body="{\\"x\\":[1]}"',
        'GET /health=302 times=1 header="Location: /elsewhere" header="X-A: b"', "GET /health=500 times=1 body=plain",
        "GET /health=404 times=1",
      }
      local a = e.health()
      assert.same({ 429, "7", "RATE_LIMITED" }, { a.status, a.headers["retry-after"], a.json.code })
      a = e.health()
      assert.same({ 503, '{"x":[1]}', "application/json" }, { a.status, a.body, a.headers["content-type"] })
      a = e.health()
      assert.same({ 302, "/elsewhere", "b", "" }, { a.status, a.headers.location, a.headers["x-a"], a.body })
      a = e.health()
      assert.same({ 500, "plain", "text/plain; charset=utf-8" }, { a.status, a.body, a.headers["content-type"] })
      assert.same({ 404, 200 }, { e.health().status, e.health().status })
      e.stop()
    end)

    it("reset, close, half: the connection ends in the wrong place", function()
      local e = start { "GET /health=reset times=1", "GET /health=close times=1", "GET /health=half" }
      assert.same({ "", "ECONNRESET" }, { e.raw "/health" })
      assert.same({ "" }, { e.raw "/health" })
      local got, problem = e.raw "/health"
      assert.is_nil(problem)
      assert.truthy(got:find "^HTTP/1.1 200 OK\r\n.*\r\nContent%-Length: 15\r\n")
      assert.equal('{"statu', got:match "\r\n\r\n(.*)$")
      e.stop()
    end)

    it("answers without a route, and those with an answer of their own, take faults as well", function()
      local e = start { "GET /a=200", "GET /b=half" }
      assert.equal("", e.request("GET", "/a").body)
      local got = e.raw "/b"
      assert.equal(tonumber(got:match "\r\nContent%-Length: (%d+)\r\n") // 2, #got:match "\r\n\r\n(.*)$")
      e.stop()
    end)

    it("hang: no answer, until the client leaves or the emulator is stopped", function()
      local e = start { "GET /health=hang" }
      local c = client.connect(e.port)
      c.send "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
      S.driver.wait_for(function() return e.admin("GET", "state").json.running == 1 end, 10000)
      assert.equal("", c.got)
      c.close()
      S.driver.wait_for(function() return e.admin("GET", "state").json.running == 0 end, 10000)
      c = client.connect(e.port)
      c.send "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
      S.driver.wait_for(function() return e.admin("GET", "state").json.running == 1 end, 10000)
      e.stop()
      c.close()
    end)

    it("at: the end comes behind the head, or in the middle of the body; hang keeps the connection", function()
      local e = start { "GET /health=reset at=headers times=1", "GET /health=close at=body times=1", "GET /health=hang at=body",
        "GET /nowhere=hang at=headers" }
      assert.truthy((e.raw "/health"):find "^HTTP/1.1 200 OK\r\n.*\r\nContent%-Length: 15\r\n\r\n$")
      assert.equal('{"statu', (e.raw "/health"):match "\r\n\r\n(.*)$")
      for path, want in pairs { ["/health"] = '{"statu', ["/nowhere"] = "" } do
        local c = client.connect(e.port)
        c.send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n")
        c.receive(function(bytes) return bytes:find("\r\n\r\n" .. want, 1, true) end)
        assert.equal(1, e.admin("GET", "state").json.running)
        assert.same({ want, false }, { c.got:match "\r\n\r\n(.*)$", c.ended })
        c.close()
        S.driver.wait_for(function() return e.admin("GET", "state").json.running == 0 end, 10000)
      end
      e.stop()
    end)

    it("bytes: a body that is no text", function()
      local e = start { "GET /health=200 bytes=fffe00 times=1", "GET /health=204" }
      local a = e.health()
      assert.same({ 200, "\xff\xfe\0" }, { a.status, a.body })
      assert.equal(204, e.health().status)
      e.stop()
    end)

    it("slow and delay take their time, the answer is whole", function()
      local e = start { "GET /health=slow rate=50 times=1", "GET /health=delay=300ms" }
      for _ = 1, 2 do
        uv.update_time()
        local began = uv.now()
        assert.equal('{"status":"ok"}', e.health().body)
        uv.update_time()
        assert.is_true(uv.now() - began >= 250, uv.now() - began)
      end
      e.stop()
    end)

    it("split: characters arrive in two pieces, the whole is the same", function()
      local e = start { "GET /agents=split pause=1ms" }
      e.call("POST", "/agents", { name = "größer €" })
      assert.equal("größer €", e.call("GET", "/agents").json.data[1].name)
      local c = client.connect(e.port)
      local seen_half = false
      c.send("GET /agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " .. e.token .. "\r\n\r\n")
      c.receive(function(got)
        seen_half = seen_half or got:find "\xC3$" ~= nil or got:find "\xE2$" ~= nil
        return false
      end)
      c.close()
      assert.is_true(seen_half)
      e.stop()
    end)

    it("strike before the login is looked at, and on paths that no route has", function()
      local e = start { "GET /agents=503", "POST /nowhere=409", "* /any/**=418" }
      assert.same({ 503, 409, 418, 401 }, {
        e.request("GET", "/agents").status, e.request("POST", "/nowhere").status,
        e.request("DELETE", "/any/a/b").status, e.request("GET", "/audit/logs").status })
      e.stop()
    end)
  end)

  describe("on streams", function()
    -- The emulated proxy with these faults; e.stream(path) -> a connection that reads that stream.
    local function proxy(faults, flags)
      local e = start(faults, "openproxy", flags)
      function e.stream(path)
        local c = client.connect(e.port)
        c.send(("GET %s HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\n\r\n"):format(path, e.row.api_key))
        return c
      end
      function e.log(text) e.request("POST", "/__emulator/log", { json = { text = text } }) end
      return e
    end
    local LOG = "/api/observability/stream"
    local function ready(got) return got:find(": ping\n\n", 1, true) end

    it("reset, close: behind so many events, pings not counted; at the beginning with none", function()
      local e = proxy({ "GET " .. LOG .. "=reset events=2 times=1", "GET " .. LOG .. "=close events=0" }, "--ping 20ms")
      local c = e.stream(LOG)
      c.receive(function(got) return select(2, got:gsub(": ping", "")) > 2 end)
      assert.is_false(c.ended)
      e.log "one"
      c.receive(function(got) return got:find("one", 1, true) end)
      assert.is_false(c.ended)
      e.log "two"
      c.receive()
      assert.truthy(c.got:find "two\"}\n\n\r\n$")
      c.close()
      c = e.stream(LOG)
      c.receive()
      assert.truthy(c.got:find "^HTTP/1.1 200 OK\r\n.*\r\n\r\n$")
      c.close()
      e.stop()
    end)

    it("hang: what came stays, then nothing more comes, not even a ping", function()
      local e = proxy({ "GET " .. LOG .. "=hang events=1 times=1" }, "--ping 20ms")
      local c, whole = e.stream(LOG), e.stream(LOG)
      c.receive(ready)
      whole.receive(ready)
      e.log "first"
      c.receive(function(got) return got:find("first", 1, true) end)
      e.log "second"
      whole.receive(function(got) return got:find("second.*: ping.*: ping") end)
      assert.is_false(c.ended)
      assert.truthy(c.got:find "first\"}\n\n\r\n$")
      c.close()
      whole.close()
      e.stop()
    end)

    it("half: the event behind is cut in its middle, and no last chunk comes", function()
      local e = proxy { "GET " .. LOG .. "=half events=1" }
      local c = e.stream(LOG)
      c.receive(ready)
      e.log "first"
      c.receive(function(got) return got:find("first", 1, true) end)
      e.log "second"
      c.receive()
      assert.truthy(c.got:find "\r\ndata: {[^}]*\r\n$")
      assert.is_nil(c.got:find("second", 1, true))
      c.close()
      e.stop()
    end)

    it("split: a character comes in two chunks", function()
      local e = proxy { "GET " .. LOG .. "=split pause=1ms" }
      local c = e.stream(LOG)
      c.receive(ready)
      e.log "a€b"
      c.receive(function(got) return got:find("b\"}\n\n", 1, true) end)
      assert.truthy(c.got:find "a\xE2\r\n%x+\r\n\x82\xACb")
      c.close()
      e.stop()
    end)

    it("slow: bytes a second; ping: the time between the pings of that stream alone", function()
      local e = proxy { "GET " .. LOG .. "=slow rate=200", "GET /api/usage/stream=ping=20ms" }
      uv.update_time()
      local began, c = uv.now(), e.stream(LOG)
      c.receive(ready)
      e.log(("x"):rep(60))
      c.receive(function(got) return got:find "x\"}" end)
      uv.update_time()
      assert.is_true(uv.now() - began >= 400, uv.now() - began)
      c.close()
      c = e.stream "/api/usage/stream"
      c.receive(function(got) return select(2, got:gsub(": ping", "")) > 3 end)
      c.close()
      e.stop()
    end)

    it("a chat that is streamed, cut: the whole is not there", function()
      local e = proxy { "POST /v1/**=close events=1" }
      local body = '{"model":"echo","stream":true,"messages":[{"role":"user","content":"x"}]}'
      local c = client.connect(e.port)
      c.send(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n%s"):format(
        e.row.api_key, #body, body))
      c.receive()
      assert.truthy(c.got:find("content", 1, true))
      assert.is_nil(c.got:find("[DONE]", 1, true))
      c.close()
      e.stop()
    end)
  end)

  describe("which requests", function()
    it("after, times and every", function()
      local e = start { "GET /health=500 after=2 times=2", "GET /agents=500 every=3", "* /b*=500 after=1 every=2 times=2" }
      assert.same({ 200, 200, 500, 500, 200 }, statuses(e, "/health", 5))
      assert.same({ 401, 401, 500, 401, 401, 500 }, statuses(e, "/agents", 6))
      assert.same({ 404, 404, 500, 404, 500, 404, 404 }, statuses(e, "/bxx", 7))
      e.stop()
    end)

    it("the first of several that strikes; the others do not count it", function()
      local e = start { "GET /health=500 times=1", "GET /health=502 times=1", "* **=503 times=1" }
      assert.same({ 500, 502, 503, 200 }, statuses(e, "/health", 4))
      local report = e.admin("GET", "faults").json.faults
      assert.same({ "GET /health=502 times=1", 3, 1 }, { report[2].fault, report[2].seen, report[2].fired })
      assert.same({ 2, 1 }, { report[3].seen, report[3].fired })
      e.stop()
    end)

    it("chance: some are struck, some not", function()
      local e = start { "GET /health=500 chance=0.5" }
      local n = { [200] = 0, [500] = 0 }
      for _, status in ipairs(statuses(e, "/health", 64)) do n[status] = n[status] + 1 end
      assert.is_true(n[200] > 0 and n[500] > 0) -- fails once in 2^63
      e.stop()
    end)
  end)

  describe("while it runs", function()
    it("faults are added, replaced, looked at and removed; all or none", function()
      local e = start {}
      assert.same({}, e.admin("GET", "faults").json.faults)
      assert.equal(200, e.admin("POST", "faults", { faults = S.json.array { "GET /health=503" } }).status)
      assert.equal(503, e.health().status)
      e.admin("PUT", "faults", { faults = S.json.array { "* **=418" } })
      assert.equal(418, e.health().status)
      local a = e.admin("POST", "faults", { faults = S.json.array { "GET /a=500", "GET /b=600" } })
      assert.same({ 400, "VALIDATION_ERROR", "faults[1]" }, { a.status, a.json.code, a.json.details[1].field })
      assert.truthy(a.json.details[1].message:find("at character 8 of", 1, true))
      assert.equal(400, e.admin("POST", "faults", { faults = "x" }).status)
      assert.equal(1, #e.admin("GET", "faults").json.faults)
      assert.same({ 200, 200 }, { e.admin("DELETE", "faults").status, e.health().status })
      e.stop()
    end)

    it("the state says what happened; no fault strikes the routes of the emulator itself", function()
      local e = start { "* **=500 times=2" }
      e.health()
      local state = e.admin("GET", "state").json
      assert.same({ "sentryagent", 1, 0, 1, 1, 1 }, { state.service, state.requests, state.running, state.connections,
        state.faults[1].seen, state.faults[1].fired })
      e.stop()
    end)
  end)

  describe("a text with a mistake", function()
    local BAD = {
      { "get /x=500", 1, "method in capitals" }, { "GET x=500", 5, "begins with /" }, { "GET /x", 7, "= is missing" },
      { "GET /x=", 8, "kind or an option" }, { "GET /x=900", 8, "200 to 599" }, { "GET /x=explode", 8, "explode" },
      { "GET /x=500 reset", 12, "one kind" }, { "GET /x=500 bogus=1", 12, "bogus is no option" },
      { "GET /x=500 times=0", 18, "whole number from 1" }, { "GET /x=500 times=1 times=2", 20, "twice" },
      { "GET /x=hang retry-after=2", 13, "means nothing for hang" }, { "GET /x=delay=soon", 14, "duration" },
      { 'GET /x=500 body="a', 17, "JSON string" }, { "GET /x=500 chance=2", 19, "at most 1" },
      { 'GET /x=500 header="nonsense"', 19, "Location" }, { "GET /x=500 times=", 18, "missing" },
      { "GET /x=200 bytes=ABC", 18, "pairs of hexadecimal digits" }, { "GET /x=hang at=end", 16, "headers or body" },
      { "GET /x=half at=body", 13, "means nothing for half" },
      { 'GET /x=500 body="a"b', 20, "space" }, { "GET /x=rate=5", 8, "means nothing for the real answer" },
    }
    it("is refused before anything starts, with its place", function()
      local jobs = {}
      for i, case in ipairs(BAD) do
        jobs[i] = { { "emulator", "start", "sentryagent", "--fault", case[1] }, { shape = "jsonl" } }
      end
      for i, r in ipairs(S.tool_all(jobs, 2)) do
        local case, e = BAD[i], S.failed(r, 2, "ARG_ERROR")
        assert.equal(1, #e.errors, case[1])
        assert.equal("fault", e.errors[1].field)
        assert.truthy(e.errors[1].message:find(("at character %d of"):format(case[2]), 1, true), e.errors[1].message)
        assert.truthy(e.errors[1].message:find(case[3], 1, true), e.errors[1].message)
      end
    end)

    it("all mistakes in one answer", function()
      local r = S.tool({ "emulator", "start", "sentryagent", "--fault", "GET x=500", "--fault", "GET /x=1" },
        { shape = "jsonl" })
      assert.equal(2, #S.failed(r, 2, "ARG_ERROR").errors)
    end)
  end)

  it("the services are listed, and named when none is given", function()
    local r = S.status(S.tool "emulator list", 0)
    local names = {}
    for i, row in ipairs(r.envelope.data) do names[i] = row.name end
    assert.truthy(table.concat(names, " "):find("sentryagent", 1, true))
    local e = S.failed(S.tool("emulator start", { shape = "jsonl" }), 2, "ARG_ERROR")
    assert.truthy(e.fix_required:find(table.concat(names, ", "), 1, true), e.fix_required)
    S.failed(S.tool "emulator list --bogus", 2, "ARG_ERROR")
  end)
end)
