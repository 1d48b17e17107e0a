-- `sentryagent tail-audit-log`: every event once, oldest first, as it appears, until Ctrl+C.
local S = require "lib.spec"
local common = require "suites.sentryagent.common"

local LOGS = "GET /audit/logs"

-- An event of the service. n: its number; at: seconds after ten o'clock.
local function event(n, at, fields)
  local one = { eventId = ("evt-%03d"):format(n), agentId = "agent-1", action = "token.issued", outcome = "success",
    timestamp = ("2031-02-03T10:%02d:%02dZ"):format((at or 0) // 60, (at or 0) % 60), ipAddress = "203.0.113.7" }
  for name, value in pairs(fields or {}) do one[name] = value or nil end
  return one
end

local function field(query, name)
  local text = ("&" .. query):match("&" .. name .. "=([^&]*)")
  return text and text:gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end)
end

-- A log that answers as the sheet says: newest first, fromDate inclusive, pages. `log`: events, oldest first, all of
-- one length of timestamp.
local function answer(log, request)
  local from, agent = field(request.query, "fromDate"), field(request.query, "agentId")
  local page, limit = tonumber(field(request.query, "page")), tonumber(field(request.query, "limit"))
  local found = {}
  for i = #log, 1, -1 do
    local one = log[i]
    if (not from or one.timestamp >= from) and (not agent or one.agentId == agent) then found[#found + 1] = one end
  end
  local data = S.json.array {}
  for i = (page - 1) * limit + 1, math.min(#found, page * limit) do data[#data + 1] = found[i] end
  return { json = { data = data, total = #found, page = page, limit = limit } }
end

-- A service whose log is `log`; before each request `grow(count, log, request)` may add to it or give a reply instead.
local function log_service(log, grow)
  return common.service { [LOGS] = function(request, count)
    return grow and grow(count, log, request) or answer(log, request)
  end }
end

-- Runs the command until Ctrl+C, which comes when `done` has been seen on stdout (or after so many ms).
local function tail(service, args, done, opts)
  local all = { env = service.env(), shape = "jsonl", timeout = 20,
    signals = { type(done) == "number" and { "INT", after_ms = done } or { "INT", when_stdout = done } } }
  local program = common.sentryagent
  for name, value in pairs(opts or {}) do all[name] = value end
  if all.program then program, all.program = all.program, nil end
  return program("tail-audit-log --interval 100ms " .. (args or ""), all)
end

local function ids(r)
  local out = {}
  for _, row in ipairs(r.rows) do if not row._summary then out[#out + 1] = row.id end end
  return out
end

local function numbered(from, to)
  local out = {}
  for n = from, to do out[#out + 1] = ("evt-%03d"):format(n) end
  return out
end

S.req("SENTRYAGENT-TAIL", "sentryagent tail-audit-log", function()
  describe("where it begins", function()
    it("at now: what was there before is not shown, what comes is", function()
      local service = log_service({ event(1, 1), event(2, 2), event(3, 2) }, function(count, log)
        if count == 3 then log[#log + 1] = event(4, 2); log[#log + 1] = event(5, 3) end
      end)
      local r = tail(service, "", "evt-005")
      assert.same({ "evt-004", "evt-005" }, ids(r))
      service.close()
    end)

    it("at now, in an empty log: the first event is shown", function()
      local service = log_service({}, function(count, log) if count == 3 then log[1] = event(1) end end)
      assert.same({ "evt-001" }, ids(tail(service, "", "evt-001")))
      service.close()
    end)

    it("with --since at that time, inclusive, in UTC", function()
      for since, first in pairs { ["2031-02-03T10:00:02Z"] = 2, ["2031-02-03T11:00:03+01:00"] = 3,
        ["2031-02-03T10:00:00Z"] = 1 } do
        local service = log_service { event(1, 1), event(2, 2), event(3, 3) }
        assert.same(numbered(first, 3), ids(tail(service, "--since " .. since, "evt-003")))
        service.close()
      end
    end)

    it("--agent-id asks for that agent only", function()
      local service = log_service { event(1, 1), event(2, 2, { agentId = "agent-2" }), event(3, 3) }
      local r = tail(service, "--agent-id agent-1 --since 2031-02-03T10:00:00Z", "evt-003")
      assert.same({ "evt-001", "evt-003" }, ids(r))
      for _, request in ipairs(service.requests) do
        if request.path == "/audit/logs" then assert.equal("agent-1", field(request.query, "agentId")) end
      end
      service.close()
    end)

    it("impossible times and pauses are refused", function()
      for _, args in ipairs { "--since yesterday", "--interval 0s", "--interval soon", "--agent-id a/b" } do
        S.status(common.sentryagent("tail-audit-log " .. args, { env = common.env "http://127.0.0.1:9", shape = "jsonl" }),
          2, args)
      end
    end)
  end)

  describe("nothing lost, nothing twice", function()
    it("over many pages, oldest first", function()
      local log = {}
      for n = 1, 250 do log[n] = event(n, n) end
      local service = log_service(log)
      assert.same(numbered(1, 250), ids(tail(service, "--since 2031-02-03T10:00:00Z", "evt-250")))
      service.close()
    end)

    it("with equal timestamps, also across pages and polls", function()
      local log = {}
      for n = 1, 150 do log[n] = event(n, 5) end
      local service = log_service(log, function(count)
        if count == 4 then for n = 151, 260 do log[n] = event(n, 5) end end
        if count == 8 then log[261] = event(261, 6) end
      end)
      assert.same(numbered(1, 261), ids(tail(service, "--since 2031-02-03T10:00:00Z", "evt-261")))
      service.close()
    end)

    it("with events that arrive between two pages", function()
      local log = {}
      for n = 1, 199 do log[n] = event(n, n // 3) end
      local service = log_service(log, function(count)
        if count == 2 then for n = 200, 230 do log[n] = event(n, 100) end end
      end)
      assert.same(numbered(1, 230), (function(list) table.sort(list); return list end)(
        ids(tail(service, "--since 2031-02-03T10:00:00Z", "evt-230"))))
      service.close()
    end)

    it("with fractions and other time zones in timestamps", function()
      local log = { event(1, 0, { timestamp = "2031-02-03T10:00:00Z" }),
        event(2, 0, { timestamp = "2031-02-03T10:00:00.5Z" }), event(3, 0, { timestamp = "2031-02-03T10:00:00.50Z" }),
        event(4, 0, { timestamp = "2031-02-03T11:00:01+01:00" }), event(5, 0, { timestamp = "2031-02-03T10:00:01.250Z" }) }
      local service = common.service { [LOGS] = function(_, count)
        local data = S.json.array {}
        for i = math.min(#log, count + 1), 1, -1 do data[#data + 1] = log[i] end
        return { json = { data = data, total = #data, page = 1, limit = 100 } }
      end }
      assert.same(numbered(1, 5), ids(tail(service, "--since 2031-02-03T10:00:00Z", "evt-005")))
      service.close()
    end)

    it("a bare array is accepted", function()
      local service = common.service { [LOGS] = { json = S.json.array { event(2, 2), event(1, 1) } } }
      assert.same(numbered(1, 2), ids(tail(service, "--since 2031-02-03T10:00:00Z", "evt-002")))
      service.close()
    end)

    it("at the emulator, everything that the other commands did", function()
      local e = common.emulated()
      local function run(args) return S.status(common.sentryagent(args, { env = e.env }), 0) end
      local id = run("register-agent --name one").envelope.data.id
      run("issue-token --agent-id " .. id)
      run("rotate-credentials --yes --agent-id " .. id)
      local r = common.sentryagent("tail-audit-log --since 2020-01-01T00:00:00Z --agent-id " .. id, { env = e.env,
        shape = "jsonl", secret = e.client_secret, signals = { { "INT", when_stdout = "credentials.rotated" } } })
      local actions = {}
      for _, row in ipairs(r.rows) do actions[#actions + 1] = row.action end
      assert.same({ "agent.registered", "token.issued", "credentials.rotated" }, actions)
      e.stop()
    end)
  end)

  describe("asking", function()
    it("pauses between polls, five seconds unless told otherwise", function()
      local service = log_service {}
      tail(service, "", 1250)
      local count = service.seen(LOGS)
      assert.is_true(count >= 6 and count <= 13, count .. " polls in 1.25 s at 100 ms")
      service.close()
      service = log_service {}
      common.sentryagent("tail-audit-log", { env = service.env(), shape = "jsonl", signals = { { "INT", after_ms = 900 } } })
      assert.equal(1, service.seen(LOGS))
      service.close()
      local flag
      for _, one in ipairs(S.contract("sentryagent tail-audit-log").parameters or {}) do
        if one.name == "interval" then flag = one end
      end
      if flag then assert.equal("5s", flag.default) end
    end)

    it("rides out a failed poll: a warning, a longer pause, then goes on without loss", function()
      local FAILURES = { { status = 503, json = {} }, { status = 500, body = "" }, { reset = true },
        { half = true, json = { data = {} } }, { body = "<html>" }, { json = { data = 7 } }, { status = 404, json = {} } }
      for _, failure in ipairs(FAILURES) do
        failure.close = true                   -- a connection of its own for each poll: a client may repeat a request
        local service = log_service({ event(1, 1) }, function(count, log, request)  -- whose kept connection is gone
          if count == 2 then log[2] = event(2, 2) end
          local reply = (count == 2 or count == 3) and failure or answer(log, request)
          reply.close = true
          return reply
        end)
        local r = tail(service, "--verbose --since 2031-02-03T10:00:00Z", "evt-002")
        S.equal(r, numbered(1, 2), ids(r), "events")
        local warnings = r.rows[#r.rows].warnings
        S.equal(r, 2, #warnings, "warnings of the last line")
        for i, pause in ipairs { "0.2", "0.4" } do
          local text = "Trying again in " .. pause .. " s"
          S.truth(r, r.stderr:find(text, 1, true), "stderr does not warn: " .. text)
          S.truth(r, warnings[i]:find "^POLL_FAILED: " and warnings[i]:find(text, 1, true), "the last line does not")
        end
        local at = {}
        for _, request in ipairs(service.requests) do if request.path == "/audit/logs" then at[#at + 1] = request.at_ms end end
        S.truth(r, at[3] - at[2] >= 190 and at[4] - at[3] >= 390, "the pauses were shorter")
        service.close()
      end
    end)

    it("waits as long as Retry-After says", function()
      local service = log_service({ event(1, 1) }, function(count, log)
        if count == 2 then
          log[2] = event(2, 2)
          return { status = 429, json = {}, headers = { ["Retry-After"] = "1" } }
        end
      end)
      local r = tail(service, "--since 2031-02-03T10:00:00Z", "evt-002")
      assert.same(numbered(1, 2), ids(r))
      local first, second
      for _, request in ipairs(service.requests) do
        if request.path == "/audit/logs" then first, second = second, request.at_ms end
        if first and second and second - first > 900 then break end
      end
      S.truth(r, second - first >= 990, "did not wait")
      service.close()
    end)

    it("gives up on 403 at once", function()
      local service = log_service({ event(1, 1) }, function(count)
        if count > 1 then return { status = 403, json = { code = "INSUFFICIENT_SCOPE", message = "No." } } end
      end)
      local r = tail(service, "--since 2031-02-03T10:00:00Z", 5000)
      S.failed(r, 7, "PERMISSION_DENIED")
      assert.equal(2, service.seen(LOGS))
      assert.same(numbered(1, 1), ids(r))
      service.close()
    end)

    it("gives up on 401 after one new login", function()
      local service = log_service({ event(1, 1) }, function(count)
        if count > 1 then return { status = 401, json = { code = "INVALID_TOKEN", message = "No." } } end
      end)
      local r = tail(service, "--since 2031-02-03T10:00:00Z", 5000)
      S.failed(r, 8, "UNAUTHENTICATED")
      assert.equal(3, service.seen(LOGS))
      assert.equal(2, service.seen "POST /oauth2/token")
      service.close()
    end)

    it("a token that expires on the way is renewed without a word", function()
      local service
      service = log_service({ event(1, 1) }, function(count, log, request)
        if count == 2 then log[2] = event(2, 2) end
        if count >= 2 and request.headers.authorization == "Bearer tok-1" then return { status = 401, json = {} } end
      end)
      local r = tail(service, "--since 2031-02-03T10:00:00Z", "evt-002")
      assert.same(numbered(1, 2), ids(r))
      S.equal(r, "", r.stderr, "stderr")
      service.close()
    end)

    it("a new login that fails for a while is a failed poll", function()
      local service
      service = common.service {
        [LOGS] = function(request)
          local valid = request.headers.authorization == (service.seen "POST /oauth2/token" < 2 and "Bearer t1" or "Bearer t4")
          if service.seen(LOGS) > 1 and request.headers.authorization == "Bearer t1" then valid = false end
          return valid and answer({ event(1, 1), service.seen "POST /oauth2/token" > 1 and event(2, 2) or nil }, request)
            or { status = 401, json = {} }
        end,
        ["POST /oauth2/token"] = function(_, count)
          if count == 2 or count == 3 then return { status = 503, json = {} } end
          return { json = { access_token = "t" .. count, token_type = "Bearer", expires_in = 3600 } }
        end,
      }
      local r = tail(service, "--since 2031-02-03T10:00:00Z", "evt-002")
      assert.same(numbered(1, 2), ids(r))
      service.close()
    end)

    it("does not wait for a service that never answered", function()
      local service = common.service { [LOGS] = { status = 503, json = {} } }
      S.failed(tail(service, "", 5000), 12, "UNAVAILABLE")
      assert.equal(1, service.seen(LOGS))
      service.close()
    end)
  end)

  describe("what is shown", function()
    it("on a terminal, one line an event, literally", function()
      local service = log_service { event(1, 0), event(2, 1, { ipAddress = false, outcome = "failure" }),
        event(3, 2, { ipAddress = S.json.null, action = "a.very.long.action.name.that.goes.on.and.on.and.on.and.on" }) }
      local r = common.sentryagent("tail-audit-log --since 2031-02-03T10:00:00Z", S.terminal { env = service.env(),
        cols = 40, signals = { { "INT", when_stdout = "10:00:02Z" , delay_ms = 100 } } })
      S.status(r, 0)
      S.equal(r, "2031-02-03T10:00:00Z  agent-1  token.issued  success  203.0.113.7\n"
        .. "2031-02-03T10:00:01Z  agent-1  token.issued  failure\n"
        .. "2031-02-03T10:00:02Z  agent-1  a.very.long.action.name.that.goes.on.and.on.and.on.and.on  success\n",
        (r.stdout:gsub("\r", ""):gsub("%^C", "")), "stdout")
      service.close()
    end)

    it("in a pipe, one JSON object a line, each as soon as it is known", function()
      local service = log_service({ event(1, 0, { metadata = { reason = "x" } }) }, function(count, log)
        if count == 8 then log[2] = event(2, 1) end
      end)
      local r = tail(service, "--since 2031-02-03T10:00:00Z", "evt-002")
      S.equal(r, { _source = "external", _trusted = false, action = "token.issued", agent_id = "agent-1", id = "evt-001",
        ip_address = "203.0.113.7", metadata = { reason = "x" }, outcome = "success",
        timestamp = "2031-02-03T10:00:00Z" }, r.rows[1], "row")
      S.truth(r, #r.chunks >= 2 and r.chunks[2].ms - r.chunks[1].ms > 300, "the rows came together")
      service.close()
    end)
  end)

  describe("the end", function()
    it("Ctrl+C: as sentryagent a success with a last line that sums up", function()
      local service = log_service { event(1, 1), event(2, 2) }
      local r = S.status(tail(service, "--since 2031-02-03T10:00:00Z", "evt-002"), 0)
      local last = r.rows[#r.rows]
      S.equal(r, { true, 2 }, { last._summary, last.total }, "the last line")
      S.truth(r, not r.stdout:find('"ok":false', 1, true), "an error")
      service.close()
    end)

    it("Ctrl+C: as tool sentryagent 130 with an envelope that says so", function()
      local service = log_service { event(1, 1), event(2, 2) }
      local r = tail(service, "--since 2031-02-03T10:00:00Z", "evt-002", { program = common.tool })
      S.failed(r, 130, "CANCELLED")
      S.equal(r, "SIGINT", r.envelope.error.signal, "signal")
      S.equal(r, numbered(1, 2), ids(r), "rows")
      service.close()
    end)

    it("Ctrl+C while the service does not answer ends it as quickly", function()
      local service = log_service({}, function(count) if count > 1 then return { hang = "accept" } end end)
      local r = S.status(tail(service, "", 600), 0)
      S.truth(r, r.elapsed_ms < 1500, "took " .. r.elapsed_ms .. " ms")
      service.close()
    end)

    it("SIGTERM: 143 for both", function()
      for _, program in ipairs { common.sentryagent, common.tool } do
        local service = log_service { event(1, 1) }
        local r = tail(service, "--since 2031-02-03T10:00:00Z", 0, { program = program,
          signals = { { "TERM", when_stdout = "evt-001" } } })
        S.failed(r, 143, "CANCELLED")
        service.close()
      end
    end)

    it("a reader that goes away ends it", function()
      local log = {}
      for n = 1, 99 do log[n] = event(n, n) end
      local service = log_service(log, function(count)
        for n = #log + 1, #log + 50 do log[n] = event(n, n) end
        return count > 200 and { status = 403, json = {} } or nil
      end)
      local r = common.sentryagent("tail-audit-log --interval 100ms --since 2031-02-03T10:00:00Z", { env = service.env(),
        shape = "none", stdout = { mode = "pipe", leave = 2000 }, timeout = 10 })
      S.truth(r, not r.timed_out and r.elapsed_ms < 5000, "still running")
      service.close()
    end)

    it("--timeout ends it: 10", function()
      local service = log_service { event(1, 1) }
      local r = tail(service, "--since 2031-02-03T10:00:00Z --timeout 600ms", 5000)
      S.failed(r, 10, "TIMEOUT")
      service.close()
    end)
  end)
end)
