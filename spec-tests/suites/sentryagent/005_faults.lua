-- A service that misbehaves: every way of it has its own exit and error code, one valid envelope, the right network
-- context; and every command says the same of the same answer.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local common = require "suites.sentryagent.common"

local TOKEN = "POST /oauth2/token"

-- Each command, the request whose answer it is about, and whether that request may change something.
local COMMANDS = {
  { "list-agents", "GET /agents", false },
  { "register-agent --name one", "POST /agents", true },
  { "rotate-credentials --agent-id agent-1 --yes", "POST /agents/agent-1/credentials/rotate", true },
  { "issue-token --agent-id agent-1", TOKEN, true },
  { "tail-audit-log", "GET /audit/logs", false },
}

local function run(args, service, opts)
  local all = { env = service.env() }
  for name, value in pairs(opts or {}) do all[name] = value end
  if args:find "^tail" then args, all.shape = args .. " --no-stream", "json" end
  return common.sentryagent(args, all)
end

local function network(r, want)
  local context = r.envelope.error.network_context
  S.truth(r, context, "no network_context")
  for name, value in pairs(want) do S.equal(r, value, context[name], "network_context." .. name) end
  S.equal(r, { S.json.null, S.json.null, S.json.null, true },
    { context.proxy_used, context.proxy_source, context.no_proxy, context.ssl_verify }, "network_context")
  local shown = context.url:find "[?&]" and "'" .. context.url .. "'" or context.url
  S.equal(r, "curl -v " .. shown, context.suggestion, "suggestion")
end

S.req("SENTRYAGENT-FAULTS", "answers that are no success", function()
  -- reply, exit, code; for a change (POST) exit 1 becomes 3: something may have happened.
  local ANSWERS = {
    { "400", { status = 400, json = { code = "VALIDATION_ERROR", message = "No." } }, 1, "SERVICE_REJECTED" },
    { "422", { status = 422, body = "no" }, 1, "SERVICE_REJECTED" },
    { "403", { status = 403, json = { code = "INSUFFICIENT_SCOPE", message = "No." } }, 7, "PERMISSION_DENIED" },
    { "404", { status = 404, json = { code = "OTHER", message = "No." } }, 5, "NOT_FOUND" },
    { "404 of an agent", { status = 404, json = { code = "AGENT_NOT_FOUND", message = "No." } }, 5, "AGENT_NOT_FOUND" },
    { "409", { status = 409, json = { code = "OTHER", message = "No." } }, 6, "CONFLICT" },
    { "409 of an agent", { status = 409, json = { code = "AGENT_ALREADY_EXISTS", message = "No." } }, 6,
      "AGENT_ALREADY_EXISTS" },
    { "401", { status = 401, json = { code = "INVALID_TOKEN", message = "No." } }, 8, "UNAUTHENTICATED" },
    { "401 expired", { status = 401, json = { error = "invalid_token", error_description = "It expired." } }, 8,
      "CREDENTIALS_EXPIRED" },
    { "429", { status = 429, json = { code = "RATE_LIMITED", message = "No." }, headers = { ["Retry-After"] = "7" } },
      11, "RATE_LIMITED" },
    { "500", { status = 500, body = "<html>oops</html>" }, 1, "SERVICE_ERROR", true },
    { "501", { status = 501, json = {} }, 1, "SERVICE_ERROR", true },
    { "502", { status = 502, body = "" }, 12, "UNAVAILABLE" },
    { "503", { status = 503, json = {} }, 12, "UNAVAILABLE" },
    { "504", { status = 504, json = {} }, 12, "UNAVAILABLE" },
  }
  for _, answer in ipairs(ANSWERS) do
    it(answer[1] .. " is " .. answer[4] .. " to every command", function()
      for _, command in ipairs(COMMANDS) do
        local service = common.service { [command[2]] = answer[2] }
        local r = run(command[1], service)
        local status = answer[2].status
        S.failed(r, answer[5] and command[3] and 3 or answer[3], answer[4])
        local e = r.envelope.error
        S.equal(r, status, e.context.status, "context.status")
        if status ~= 401 and status ~= 403 then
          network(r, { status_code = status, url = service.url .. command[2]:match " (.*)"
            .. (command[2]:find "^GET" and e.network_context.url:match "%?.*" or "") })
        end
        if answer[2].json and answer[2].json.message then S.equal(r, "No.", e.cause, "cause") end
        if command[3] and status >= 500 then S.equal(r, false, e.retryable, "retryable") end
        service.close()
      end
    end)
  end

  it("the token endpoint's refusals reach every command", function()
    for code, want in pairs { invalid_client = { 8, "UNAUTHENTICATED" }, invalid_scope = { 1, "SERVICE_REJECTED" } } do
      for _, command in ipairs(COMMANDS) do
        local service = common.service { [TOKEN] = { status = 400, json = { error = code, error_description = "No." } } }
        S.failed(run(command[1], service), want[1], want[2])
        assert.equal(1, #service.requests)
        service.close()
      end
    end
  end)

  it("429 says when to come back: seconds, a date, or nothing", function()
    local in_9_s = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 9)
    for value, range in pairs { ["7"] = { 7000, 7000 }, [in_9_s] = { 3000, 9000 }, [false] = { 60000, 60000 } } do
      local service = common.service { ["GET /agents"] = { status = 429, json = {},
        headers = { ["Retry-After"] = value or nil } } }
      local r = run("list-agents", service)
      local e = S.failed(r, 11, "RATE_LIMITED")
      S.equal(r, true, e.retryable, "retryable")
      S.truth(r, e.retry_after_ms >= range[1] and e.retry_after_ms <= range[2], "retry_after_ms")
      service.close()
    end
  end)

  it("a busy service is asked again as often as --retries says, a change never", function()
    local service = common.service { ["*"] = { status = 503, json = {} } }
    local r = run("list-agents --retries 2 --retry-delay 20ms", service)
    local e = S.failed(r, 12, "UNAVAILABLE")
    S.equal(r, { 3, 2 }, { service.seen "GET /agents", e.retries_exhausted }, "requests")
    S.failed(run("register-agent --name x --retries 2 --retry-delay 20ms", service), 12, "UNAVAILABLE")
    assert.equal(1, service.seen "POST /agents")
    service.close()
  end)

  it("a service that recovers is a success", function()
    local service = common.service { ["GET /agents"] = function(_, count)
      return count < 3 and { status = 503, json = {} } or common.agents { common.AGENT }
    end }
    local r = S.status(run("list-agents --retries 3 --retry-delay 20ms", service), 0)
    S.equal(r, 2, r.envelope.meta.retries, "meta.retries")
    service.close()
  end)
end)

S.req("SENTRYAGENT-FAULTS", "connections that break", function()
  it("refused: CONNECTION_FAILED, exit 12", function()
    local port = stub.closed_port()
    for _, command in ipairs(COMMANDS) do
      local service = { env = function() return common.env("http://127.0.0.1:" .. port) end }
      local r = run(command[1], service)
      local e = S.failed(r, 12, "CONNECTION_FAILED")
      S.equal(r, true, e.retryable, "retryable")
      network(r, { status_code = S.json.null, url = "http://127.0.0.1:" .. port .. "/oauth2/token" })
    end
  end)

  local BREAKS = {
    { "reset", { reset = true }, "CONNECTION_FAILED" },
    { "half of the body", { half = true, json = { data = S.json.array {}, total = 0, page = 1, limit = 20 } },
      "RESPONSE_INCOMPLETE" },
    { "nothing of the body", { cut = 0, json = { data = S.json.array {} } }, "RESPONSE_INCOMPLETE" },
  }
  for _, case in ipairs(BREAKS) do
    it(case[1] .. ": " .. case[3] .. ", exit 12", function()
      for _, command in ipairs(COMMANDS) do
        local service = common.service { [command[2]] = case[2] }
        local r = run(command[1], service)
        local e = S.failed(r, 12, case[3])
        S.equal(r, not command[3], e.retryable, "retryable")
        if command[3] then S.equal(r, 1, service.seen(command[2]), "changes that were sent") end
        network(r, { status_code = S.json.null })
        service.close()
      end
    end)
  end

  for _, where in ipairs { "accept", "headers", "body" } do
    it("a hang at " .. where .. " ends at --timeout: TIMEOUT, exit 10", function()
      local reply = { hang = where, json = { data = S.json.array {}, total = 0, page = 1, limit = 20 } }
      for _, command in ipairs(COMMANDS) do
        local service = common.service { [command[2]] = reply }
        local r = run(command[1] .. " --timeout 500ms", service)
        S.failed(r, 10, "TIMEOUT")
        S.truth(r, r.elapsed_ms >= 450 and r.elapsed_ms < 1500, "took " .. r.elapsed_ms .. " ms")
        service.close()
      end
    end)
  end

  it("what is no HTTP: INVALID_RESPONSE, exit 1", function()
    local service = common.service { ["GET /agents"] = { raw = "SSH-2.0-OpenSSH_9.2\r\n" } }
    S.failed(run("list-agents", service), 1, "INVALID_RESPONSE")
    service.close()
  end)

  it("an address that cannot be looked up: exit 12", function()
    local service = { env = function() return common.env "http://nowhere.invalid" end }
    local r = run("list-agents", service)
    S.failed(r, 12, "CONNECTION_FAILED")
    network(r, { status_code = S.json.null, url = "http://nowhere.invalid/oauth2/token" })
  end)
end)

S.req("SENTRYAGENT-FAULTS", "answers that are not what they should be", function()
  local BODIES = {
    { "invalid JSON", { body = '{"data": [' } }, { "prose", { body = "<html></html>" } }, { "no body", { body = "" } },
    { "204 without a body", { status = 204 } }, { "null", { body = "null" } }, { "a text", { body = '"text"' } },
    { "a number", { body = "7" } }, { "NaN", { body = '{"total":NaN}' } },
  }
  for _, case in ipairs(BODIES) do
    it(case[1] .. " is INVALID_RESPONSE to every command", function()
      for _, command in ipairs(COMMANDS) do
        local service = common.service { [command[2]] = case[2] }
        S.failed(run(command[1], service), command[3] and 3 or 1, "INVALID_RESPONSE")
        service.close()
      end
    end)
  end

  it("the place of the mistake is told", function()
    local service = common.service { ["GET /agents"] = { body = '{\n  "data": [}\n' } }
    local r = run("list-agents", service)
    local e = S.failed(r, 1, "INVALID_RESPONSE")
    S.equal(r, { 2, 12 }, { e.context.line, e.context.column }, "place")
    service.close()
  end)

  local LISTS = { '{"data":7}', '{"data":"x"}', '{"data":[7]}', '{"data":[null]}', '{"data":null,"total":1}' }
  it("lists that are none are INVALID_RESPONSE", function()
    for _, command in ipairs { COMMANDS[1], COMMANDS[5] } do
      for _, body in ipairs(LISTS) do
        local service = common.service { [command[2]] = { body = body } }
        S.failed(run(command[1], service), 1, "INVALID_RESPONSE")
        service.close()
      end
    end
  end)

  it("fields of another type are OUTPUT_INVALID, never shown as success", function()
    for _, agent in ipairs { { agentId = 7, name = "n", status = "active", createdAt = "2031-02-03T10:00:00Z" },
      { agentId = "a", name = "n", status = "active", createdAt = "yesterday" }, { agentId = "a", name = "n" } } do
      local service = common.service { ["GET /agents"] = common.agents { agent } }
      S.failed(run("list-agents", service), 1, "OUTPUT_INVALID")
      service.close()
    end
  end)

  it("bytes that are no UTF-8 are repaired and never break the envelope", function()
    local body = '{"data":[{"agentId":"a","name":"caf\xE9 \xF0\x9F","status":"active","createdAt":"2031-02-03T10:00:00Z"}],'
      .. '"total":1,"page":1,"limit":20}'
    local service = common.service { ["GET /agents"] = { body = body } }
    local r = run("list-agents", service)
    S.status(r, 0)
    S.truth(r, r.envelope.data.items[1].name:find("caf\u{FFFD}", 1, true), "the name")
    S.truth(r, utf8.len(r.stdout), "stdout is no UTF-8")
    service.close()
  end)

  it("an answer larger than anybody reads ends the call, not the machine", function()
    local service = common.service { ["GET /agents"] = { body = ("x"):rep(70 << 20) } }
    local r = run("list-agents", service)
    S.failed(r, 1, "RESPONSE_TOO_LARGE")
    service.close()
  end)
end)

S.req("SENTRYAGENT-FAULTS", "redirects", function()
  it("to another host are refused, and no credential goes there", function()
    local other = common.service { ["*"] = common.agents {} }
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      for _, command in ipairs(COMMANDS) do
        local to = other.url:gsub("127%.0%.0%.1", "localhost") .. "/elsewhere"
        local service = common.service { [command[2]] = { status = status, headers = { Location = to } } }
        local r = run(command[1], service)
        S.failed(r, command[3] and 3 or 1, "REDIRECT_REFUSED")
        network(r, { status_code = status })
        assert.equal(0, #other.requests)
        service.close()
      end
    end
    other.close()
  end)

  it("on the same host are followed", function()
    local service = common.service { ["GET /agents"] = { status = 307, headers = { Location = "/v2/agents" } },
      ["GET /v2/agents"] = common.agents { common.AGENT } }
    local r = S.status(run("list-agents", service), 0)
    S.equal(r, 1, #r.envelope.data.items, "agents")
    assert.equal("Bearer tok-1", service.requests[#service.requests].headers.authorization)
    service.close()
  end)

  it("in a circle end", function()
    local service = common.service { ["GET /agents"] = { status = 302, headers = { Location = "/agents" } } }
    S.failed(run("list-agents", service), 1, "TOO_MANY_REDIRECTS")
    assert.is_true(service.seen "GET /agents" < 30)
    service.close()
  end)
end)
