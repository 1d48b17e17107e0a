-- What openproxy says when the service is not there, refuses, breaks off or answers nonsense.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local tls_server = require "lib.tls_server"
local common = require "suites.openproxy.common"
local openproxy, shows, refusal = common.openproxy, common.shows, common.refusal

local SUMMARY, CHAT, STREAM = "GET /api/usage/summary", "POST /api/dashboard/chat/completions", "GET /api/usage/stream"
local ARGS = { [SUMMARY] = { "usage", "summary" }, [CHAT] = { "chat", "send", "--model", "m", "--prompt", "p" },
  [STREAM] = { "usage", "stream" } }

-- Runs a command against one reply of its route; gives its runs as robot, as program and as part of the tool.
local function answers(route, reply, more)
  local server = common.service { [route] = reply }
  local function words(...)
    local list = { ... }
    table.move(ARGS[route], 1, #ARGS[route], #list + 1, list)
    for _, word in ipairs(more or {}) do list[#list + 1] = word end
    return list
  end
  local function program() return { argv0 = "openproxy", shape = "none", env = common.env(server.url) } end
  local runs = S.tool_all({ { words "--robot", program() }, { words(), program() },
    { words "openproxy", { env = common.env(server.url) } } }, 3)
  server.close()
  return runs[1], runs[2], runs[3], server
end

-- Expects one code and message everywhere.
local function refused(route, reply, want, more)
  local robot, plain, tool, server = answers(route, reply, more)
  local message = want.message:gsub("{url}", (server.url:gsub("%%", "%%%%")))
  if want.loose then
    for _, r in ipairs { robot, plain } do S.status(r, want.exit) end
    S.truth(robot, robot.stdout:find('"code":"' .. want.code .. '","message":"' .. message, 1, true), "another answer")
    S.truth(plain, plain.stdout == "" and plain.stderr:find("error: " .. message, 1, true), "another line")
  else
    shows(robot, refusal(want.code, message), "", want.exit)
    shows(plain, "", "error: " .. message .. "\n", want.exit)
  end
  if want.tool then return S.failed(tool, want.tool[1], want.tool[2]), tool, server end
  return nil, tool, server
end

S.req("OPENPROXY-FAULTS", "openproxy and a service that is not there", function()
  it("every command says so with the program's code, and as part of the tool with the spec's", function()
    local port = stub.closed_port()
    local url = "http://127.0.0.1:" .. port
    local jobs, names = {}, {}
    for name in pairs(common.COMMANDS) do
      local words = common.call(name)
      names[#names + 1] = name
      jobs[#jobs + 1] = { { "--robot", table.unpack(words) }, { argv0 = "openproxy", shape = "none", env = common.env(url) } }
      jobs[#jobs + 1] = { words, { argv0 = "openproxy", shape = "none", env = common.env(url) } }
      local list = { "openproxy", table.unpack(words) }
      if list[#list] == "--yes" then list[#list] = "--confirm-destructive" end
      if name == "logs clear" then list[#list + 1] = "--confirm-destructive" end
      jobs[#jobs + 1] = { list, { env = common.env(url) } }
    end
    local runs = S.tool_all(jobs, 2)
    for i, name in ipairs(names) do
      local robot, plain, tool = runs[3 * i - 2], runs[3 * i - 1], runs[3 * i]
      S.truth(robot, robot.status == 6 and robot.stdout:find(
        '"code":"server_unreachable","message":"server not running (' .. url .. ": ", 1, true)
        and robot.stdout:find('). Start it with: openproxy server start --detach"},"meta":{}}\n', 1, true), name)
      S.truth(plain, plain.status == 6 and plain.stdout == "" and plain.stderr:find("error: server not running (" .. url, 1, true),
        name)
      S.failed(tool, 12, "SERVER_UNREACHABLE")
      S.truth(tool, tool.envelope.error.retryable, name)
    end
  end)

  it("the gate comes before stdin is read and before a question", function()
    local env = common.env("http://127.0.0.1:" .. stub.closed_port())
    for _, args in ipairs { "chat send --model m", "chat stream --model m", "provider oauth import-kiro",
      "provider oauth iflow-cookie", "provider oauth gitlab-pat", "quota reset" } do
      S.status(openproxy("--robot " .. args, { env = env, stdin = "open", timeout = 5 }), 6)
    end
    S.status(openproxy("quota reset", { env = env }), 6)
  end)

  it("--quiet hides the line, not the code; an address that is none is no service", function()
    local env = common.env("http://127.0.0.1:" .. stub.closed_port())
    shows(openproxy("-q usage summary", { env = env }), "", "", 6)
    local r = S.status(openproxy("--robot usage summary --url nonsense", { env = env }), 6)
    S.truth(r, r.stdout:find('"server_unreachable","message":"server not running (nonsense: ', 1, true), "another answer")
    S.failed(common.tool("usage summary --url nonsense", { env = env }), 2, "ARG_ERROR")
  end)

  it("a probe that fails is told with its status", function()
    local server = common.service { ["GET /api/health"] = { status = 503, body = "starting" } }
    shows(openproxy("--robot usage summary", { env = common.env(server.url) }), refusal("server_unreachable",
      ("server not running (%s: HTTP 503 Service Unavailable). Start it with: openproxy server start --detach"):format(
        server.url)), "", 6)
    local e = S.failed(common.tool("usage summary", { env = common.env(server.url) }), 12, "SERVER_UNREACHABLE")
    assert.equal(503, e.context.status)
    server.close()
  end)

  it("a probe that hangs is given up after 1.5 s", function()
    for _, stage in ipairs { "accept", "headers" } do
      local server = common.service { ["GET /api/health"] = { hang = stage, json = { ok = true } } }
      local r = S.status(openproxy("--robot usage summary", { env = common.env(server.url), timeout = 20 }), 6)
      S.truth(r, r.elapsed_ms >= 1400 and r.elapsed_ms < 8000, "not after 1.5 s")
      S.truth(r, r.stdout:find('"server_unreachable"', 1, true), "another code")
      server.close()
    end
  end)

  it("a service whose certificate nobody knows is none", function()
    local server = tls_server.start(S.dir())
    local env = common.env(server.url)
    local robot, tool = openproxy("--robot usage summary", { env = env }), common.tool("usage summary", { env = env })
    server.close()
    S.status(robot, 6)
    S.failed(tool, 12, "SERVER_UNREACHABLE")
  end)
end)

S.req("OPENPROXY-FAULTS", "openproxy and a service that refuses", function()
  local STATUSES = {
    { 400, "Bad Request", "other", 1, { 1, "SERVICE_REJECTED" } }, { 401, "Unauthorized", "auth", 5, { 8, "UNAUTHENTICATED" } },
    { 403, "Forbidden", "auth", 5, { 7, "PERMISSION_DENIED" } }, { 404, "Not Found", "not_found", 3, { 5, "NOT_FOUND" } },
    { 409, "Conflict", "other", 1, { 6, "CONFLICT" } }, { 410, "Gone", "other", 1, { 1, "SERVICE_REJECTED" } },
    { 422, "Unprocessable Entity", "other", 1, { 1, "SERVICE_REJECTED" } },
    { 429, "Too Many Requests", "other", 1, { 11, "RATE_LIMITED" } }, { 500, "Internal Server Error", "other", 1 },
    { 503, "Service Unavailable", "other", 1 },
  }

  for _, row in ipairs(STATUSES) do
    it(("status %d, whoever asks"):format(row[1]), function()
      local body = '{"error":{"message":"No \\"way\\"","code":"own_code"}}'
      for _, route in ipairs(row[1] % 4 == 1 and { SUMMARY, CHAT, STREAM } or { SUMMARY }) do
        local reply = { status = row[1], body = body, headers = { ["Content-Type"] = "application/json", ["Retry-After"] = "7" } }
        local e = refused(route, reply, { code = row[3], exit = row[4], tool = row[5],
          message = ("server returned %d %s: %s"):format(row[1], row[2], body) })
        if row[1] == 429 then assert.equal(7000, e.retry_after_ms) end
      end
      refused(SUMMARY, { status = row[1], body = "" }, { code = row[3], exit = row[4],
        message = ("server returned %d %s: %s"):format(row[1], row[2], row[2]) })
    end)
  end

  it("every command of the tool maps every refusal", function()
    local CODES = { [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "NOT_FOUND", [409] = "CONFLICT",
      [422] = "SERVICE_REJECTED", [429] = "RATE_LIMITED", [500] = "SERVICE_ERROR", [503] = "UNAVAILABLE" }
    local jobs, wanted, servers = {}, {}, {}
    for status, code in pairs(CODES) do
      local server = common.service { ["*"] = { status = status, json = { error = "no" } } }
      servers[#servers + 1] = server
      for name in pairs(common.COMMANDS) do
        local words = { "openproxy", table.unpack(common.call(name)) }
        if words[#words] == "--yes" then words[#words] = nil end
        if name == "logs clear" or name == "quota reset" then words[#words + 1] = "--confirm-destructive" end
        jobs[#jobs + 1] = { words, { env = common.env(server.url), stdin = "BXAuth=1" } }
        wanted[#jobs] = code
      end
    end
    for i, r in ipairs(S.tool_all(jobs, 2)) do
      S.truth(r, r.envelope.error ~= S.json.null and r.envelope.error.code == wanted[i], wanted[i] .. " expected")
    end
    for _, server in ipairs(servers) do server.close() end
  end)

  it("what it says of a service's secret stays secret", function()
    local r = answers(SUMMARY, { status = 400, body = "the key " .. common.KEY .. " is odd" })
    shows(r, refusal("other", "server returned 400 Bad Request: the key [REDACTED] is odd"), "", 1)
  end)

  it("a row that is not there", function()
    local server = common.service { ["GET /api/usage/providers"] = { json = { providers = S.json.array {} } },
      ["GET /api/usage/request-details"] = { json = { rows = S.json.array {} } } }
    local env = common.env(server.url)
    shows(openproxy("--robot quota get X", { env = env }), refusal("not_found", "no quota row for provider 'X'"), "", 3)
    shows(openproxy("quota get X", { env = env }), "", "error: no quota row for provider 'X'\n", 3)
    S.failed(common.tool("quota get X", { env = env }), 5, "NOT_FOUND")
    shows(openproxy("--robot usage request-logs r/1", { env = env }),
      refusal("not_found", "no request log for id 'r/1'"), "", 3)
    assert.equal("id=r%2F1", server.seen("GET /api/usage/request-details")[1].query)
    server.close()
  end)
end)

S.req("OPENPROXY-FAULTS", "openproxy and a service that breaks", function()
  it("an answer that is no JSON", function()
    for _, body in ipairs { "nonsense", "{", '{"a":1} {"b":2}', "\xff\xfe" } do
      for _, route in ipairs { SUMMARY, CHAT } do
        refused(route, { body = body }, { code = "other", exit = 1, message = "decode: The answer of {url}/", loose = true })
      end
    end
    S.failed(select(3, answers(SUMMARY, { body = "nonsense" })), 1, "INVALID_RESPONSE")
  end)

  it("bytes that are no UTF-8 inside a text are replaced, nothing else is lost", function()
    local r = S.status(answers(SUMMARY, { body = '{"a":"x\xffy","total_requests":1}' }), 0)
    S.truth(r, r.stdout:find('"a":"x\u{FFFD}y","total_requests":1', 1, true), "another answer")
  end)

  it("a success without a body is null", function()
    for _, status in ipairs { 200, 204 } do
      local robot, plain, tool = answers(SUMMARY, { status = status, body = "" })
      shows(robot, '{"schema":"openproxy.v1.usage.summary","ok":true,"data":null,"meta":{}}\n')
      shows(plain, "Total requests: 0\nPrompt tokens:  0\nCompletion:     0\nTotal cost:     $0.0000\n")
      S.equal(tool, S.json.null, S.status(tool, 0).envelope.data, "data")
    end
  end)

  it("members of the wrong kind are shown as nothing", function()
    local _, plain = answers(SUMMARY, { json = { total_requests = "many", total_cost = true, total_prompt_tokens = 1.5 } })
    shows(plain, "Total requests: 0\nPrompt tokens:  0\nCompletion:     0\nTotal cost:     $0.0000\n")
  end)

  it("a redirect to another host is not followed and takes no credential along", function()
    local thief = common.service()
    for _, status in ipairs { 301, 302, 307, 308 } do
      for _, route in ipairs { SUMMARY, CHAT } do
        local reply = { status = status, headers = { Location = thief.url .. "/api/usage/summary" } }
        local robot, plain, tool = answers(route, reply)
        for _, r in ipairs { robot, plain } do S.status(r, 6) end
        S.truth(robot, robot.stdout:find('"code":"network","message":"network: ', 1, true), "another answer")
        S.truth(tool, tool.status ~= 0 and tool.envelope.error.code == "REDIRECT_REFUSED", "another error")
      end
    end
    assert.equal(0, #thief.requests)
    thief.close()
  end)

  it("a redirect on the same host is followed", function()
    local r = answers(SUMMARY, { status = 302, headers = { Location = "/api/usage/pricing" } })
    S.truth(S.status(r, 0), r.stdout:find('"pricing":', 1, true), "not followed")
  end)

  it("a connection that breaks off", function()
    for _, reply in ipairs { { json = { a = ("x"):rep(1000) }, half = true }, { json = { a = 1 }, cut = 3 } } do
      refused(SUMMARY, reply, { code = "network", exit = 6, message = "network: ", loose = true,
        tool = { 12, "RESPONSE_INCOMPLETE" } })
    end
    local robot = answers(SUMMARY, { reset = true })
    S.truth(S.status(robot, 6), robot.stdout:find('"message":"', 1, true), "no message")
  end)

  it("an answer that comes byte by byte is waited for", function()
    for _, route in ipairs { SUMMARY, CHAT } do
      local robot, plain, tool = answers(route, { json = common.PAYLOADS[route], slow = { bytes = 7, ms = 5 } })
      for _, r in ipairs { robot, plain, tool } do S.status(r, 0) end
    end
  end)

  it("a service that hangs at each stage is given up in time", function()
    for _, stage in ipairs { "accept", "headers", "body" } do
      for _, route in ipairs(stage == "accept" and { SUMMARY, CHAT } or { SUMMARY }) do
        local reply = { hang = stage, json = { a = ("x"):rep(100) } }
        local robot, plain, tool = answers(route, reply, { "--timeout", "700ms" })
        for _, r in ipairs { robot, plain } do
          S.status(r, 6)
          S.truth(r, r.elapsed_ms < 6000, "too late")
        end
        S.truth(robot, robot.stdout:find('{"schema":"openproxy.v1.error","ok":false,"error":{"code":"server_unreachable"', 1, true),
          "another answer")
        S.failed(tool, 10, "TIMEOUT")
      end
    end
    local robot = answers(STREAM, { hang = "accept" }, { "--timeout", "700ms" })
    S.status(robot, 6)
  end)
end)
