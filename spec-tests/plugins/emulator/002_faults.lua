-- What a user sees of the commands of openproxy and minitower while `tool emulator start … --fault TEXT` does something
-- wrong on purpose: the exit code and the error code in the spec's words and as the suites' own programs, the time it
-- takes, what is repeated, where credentials go.
local S = require "lib.spec"
local emulator = require "lib.emulator"
local stub = require "lib.stub_server"

-- A call that reads and one that changes something. `n` makes what is changed unlike what other runs change.
local SUITES = {
  openproxy = {
    program = "openproxy", flags = { "--seed" },
    path = { read = "/api/usage/summary", change = "/api/dashboard/**" },
    env = function(e) return { OPENPROXY_URL = e.url, OPENPROXY_API_KEY = e.row.api_key } end,
    read = { "usage", "summary" },
    change = function() return { "chat", "send", "--model", "demo/echo", "--prompt", "größer" } end,
  },
  minitower = {
    program = "minitower-cli", flags = { "--seed", "--no-runner" },
    path = { read = "/api/v1/apps", change = "/api/v1/apps" },
    env = function(e) return { MINITOWER_SERVER_URL = e.url, MINITOWER_API_TOKEN = e.row.token } end,
    read = { "apps", "list" },
    change = function(n) return { "apps", "create", "app-" .. n, "--description", "größer" } end,
  },
}

-- An emulator of the suite with these faults, each on the command line.
local function start(name, faults)
  local argv = { "--ephemeral", "--port", "0", table.unpack(SUITES[name].flags) }
  for _, text in ipairs(faults) do
    argv[#argv + 1] = "--fault"
    argv[#argv + 1] = text
  end
  return emulator.start(argv, { service = name })
end

local function joined(...)
  local list = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #list + 1, list) end
  return list
end

-- The four runs of a suite against an emulator: { kind, own, r } for the call that reads and the one that changes, in
-- the spec's form and in the program's own.
local function runs_of(name, e, more)
  local suite, jobs, runs = SUITES[name], {}, {}
  for _, kind in ipairs { "read", "change" } do
    for _, own in ipairs { false, true } do
      local words = kind == "read" and suite.read or suite.change(own and "own" or "spec")
      local argv = joined(own and {} or { name }, words, more or {})
      local env = suite.env(e)
      env.HOME = S.dir "home"
      jobs[#jobs + 1] = { argv, { env = env, argv0 = own and suite.program or nil, shape = own and "none" or nil } }
      runs[#runs + 1] = { kind = kind, own = own }
    end
  end
  for i, r in ipairs(S.tool_all(jobs, 4)) do runs[i].r = r end
  return runs
end

-- Fault, error code, exit in the spec, exit as openproxy, exit as minitower-cli. `minitower`: its own code and exit.
-- `more`: flags of the calls. `failed`: what more is to be seen of the error of a call that reads. `open`: the service may
-- have done what was asked, which the exit code of a change says (3) where it has no better word.
local HURRY = { "--timeout", "600ms" }
local REFUSALS = {
  { "400", "SERVICE_REJECTED", 1, 1, 1 }, { "401", "UNAUTHENTICATED", 8, 5, 10 },
  { "403", "PERMISSION_DENIED", 7, 5, 10 }, { "404", "NOT_FOUND", 5, 3, 11 }, { "409", "CONFLICT", 6, 1, 12 },
  { "410", "SERVICE_REJECTED", 1, 1, 13, minitower = { "GONE", 5 } }, { "422", "SERVICE_REJECTED", 1, 1, 1 },
  { "429 retry-after=7", "RATE_LIMITED", 11, 1, 1, failed = function(r, e) S.equal(r, 7000, e.retry_after_ms) end },
  { "500", "SERVICE_ERROR", 1, 1, 1, open = true }, { "502", "UNAVAILABLE", 12, 1, 1 }, { "504", "UNAVAILABLE", 12, 1, 1 },
  { "503 retry-after=2", "UNAVAILABLE", 12, 1, 1, failed = function(r, e) S.equal(r, 2000, e.retry_after_ms) end },
  { "500 body=\"{\\\"error\\\":{\\\"message\\\":\\\"It said so.\\\"}}\"", "SERVICE_ERROR", 1, 1, 1, open = true,
    failed = function(r, e) S.equal(r, "It said so.", e.cause) end },
  { "reset", "CONNECTION_FAILED", 12, 6, 1 }, { "close", "CONNECTION_FAILED", 12, 6, 1 },
  { "reset at=headers", "RESPONSE_INCOMPLETE", 12, 6, 1 }, { "close at=headers", "RESPONSE_INCOMPLETE", 12, 6, 1 },
  { "reset at=body", "RESPONSE_INCOMPLETE", 12, 6, 1 }, { "half", "RESPONSE_INCOMPLETE", 12, 6, 1 },
  { "hang", "TIMEOUT", 10, 6, 1, more = HURRY }, { "hang at=headers", "TIMEOUT", 10, 6, 1, more = HURRY },
  { "hang at=body", "TIMEOUT", 10, 6, 1, more = HURRY }, { "slow rate=1", "TIMEOUT", 10, 6, 1, more = HURRY },
  { "delay=1m", "TIMEOUT", 10, 6, 1, more = HURRY },
  { "200 body=nonsense", "INVALID_RESPONSE", 1, 1, 1, open = true }, { "200 body={", "INVALID_RESPONSE", 1, 1, 1, open = true },
  { "200 bytes=FFFE7B", "INVALID_RESPONSE", 1, 1, 1, open = true },
}

-- Faults that a client lives with.
local PASSING = { "slow rate=2000", "split pause=1ms", "delay=200ms", "503 after=9", "503 chance=1 after=50" }

S.req("EMULATOR-FAULTS", "What users see of faults", function()
  for _, name in ipairs { "openproxy", "minitower" } do
    local suite = SUITES[name]

    -- The faults of one text for both calls.
    local function faults_of(text)
      if suite.path.read == suite.path.change then return { ("* %s=%s"):format(suite.path.read, text) } end
      return { ("GET %s=%s"):format(suite.path.read, text), ("POST %s=%s"):format(suite.path.change, text) }
    end

    local function with(faults, more)
      local e = start(name, faults)
      local runs = runs_of(name, e, more)
      return runs, e
    end

    for _, row in ipairs(REFUSALS) do
      it(("%s: %s"):format(name, row[1]), function()
        local runs, e = with(faults_of(row[1]), row.more)
        local code, exit = table.unpack(row[name] or { row[2], row[3] })
        for _, run in ipairs(runs) do
          local r = run.r
          if run.own then
            S.equal(r, { name == "openproxy" and row[4] or row[5], "" }, { r.status, r.stdout }, run.kind)
            S.truth(r, r.stderr:find "^error: [^\n]+\n$", "one line")
          else
            local err = S.failed(r, row.open and run.kind == "change" and 3 or exit, code)
            if row.failed and run.kind == "read" then row.failed(r, err) end
            S.equal(r, nil, err.retries_exhausted, "repetitions")
          end
          if row.more then S.truth(r, r.elapsed_ms >= 500 and r.elapsed_ms < 5000, "not in its time") end
        end
        e.stop()
      end)
    end

    for _, text in ipairs(PASSING) do
      it(("%s: %s is lived with"):format(name, text), function()
        local runs, e = with(faults_of(text))
        for _, run in ipairs(runs) do S.status(run.r, 0) end
        local said = runs[3].r.envelope.data
        local words = name == "openproxy" and said.choices[1].message.content or said.description
        S.truth(runs[3].r, words:find("größer", 1, true), "a character is broken")
        e.stop()
      end)
    end

    it(name .. ": a success without a body", function()
      local runs, e = with(faults_of "204")
      for _, run in ipairs(runs) do
        if name == "openproxy" then S.status(run.r, 0)
        elseif run.own then S.status(run.r, 1)
        else S.failed(run.r, run.kind == "read" and 1 or 3, "INVALID_RESPONSE") end
      end
      e.stop()
    end)

    it(name .. ": a redirect to another host is refused, and no credential follows", function()
      local thief = stub.start { { json = {} } }
      local runs, e = with(faults_of(('307 header="Location: %s/x"'):format(thief.url)))
      for _, run in ipairs(runs) do
        if run.own then S.status(run.r, name == "openproxy" and 6 or 1)
        else S.failed(run.r, run.kind == "read" and 1 or 3, "REDIRECT_REFUSED") end
      end
      assert.equal(0, #thief.requests)
      thief.close()
      e.stop()
    end)

    it(name .. ": an emulator speaks no TLS", function()
      local e = start(name, {})
      local runs = runs_of(name, { url = e.url:gsub("^http:", "https:"), row = e.row })
      for _, run in ipairs(runs) do
        if run.own then S.status(run.r, name == "openproxy" and 6 or 1)
        else S.failed(run.r, 12, name == "openproxy" and "SERVER_UNREACHABLE" or "TLS_FAILED") end
      end
      e.stop()
    end)

    it(name .. ": what reads is repeated as often as --retries says, what changes something is not", function()
      local e = start(name, { ("GET %s=503 times=2"):format(suite.path.read), ("GET %s=half times=1"):format(suite.path.read),
        ("POST %s=503"):format(suite.path.change) })
      local function call(words, retries)
        local env = suite.env(e)
        env.HOME = S.dir "home"
        return S.tool(joined({ name }, words, { "--retry-delay", "10ms", "--retries", tostring(retries) }), { env = env })
      end
      local err = S.failed(call(suite.read, 1), 12, "UNAVAILABLE")
      assert.same({ 1, false }, { err.retries_exhausted, err.retryable })
      local r = S.status(call(suite.read, 1), 0)         -- the half answer is the second fault
      S.equal(r, 1, r.envelope.meta.retries, "retries")
      S.failed(call(suite.change "retried", 3), 12, "UNAVAILABLE")
      local seen = e.request("GET", "/__emulator/faults").json.faults
      assert.same({ 2, 1, 1 }, { seen[1].fired, seen[2].fired, seen[3].fired })
      e.stop()
    end)

    it(name .. ": a service that says when to come back is given that time", function()
      local e = start(name, { ("GET %s=429 retry-after=1 times=1"):format(suite.path.read) })
      local env = suite.env(e)
      local r = S.status(S.tool(joined({ name }, suite.read, { "--retry-delay", "1ms", "--retries", "1" }), { env = env }), 0)
      S.truth(r, r.elapsed_ms >= 1000, "too early")
      e.stop()
    end)

    it(name .. ": several faults at once, each with its count", function()
      local path = suite.path.read
      local e = start(name, { ("GET %s=429 times=1 retry-after=3"):format(path), ("GET %s=half after=1 times=1"):format(path),
        ("GET %s=401 every=2"):format(path) })
      local codes = {}
      for i = 1, 7 do
        local r = S.tool(joined({ name }, suite.read), { env = suite.env(e) })
        codes[i] = r.envelope.error == S.json.null and "" or r.envelope.error.code
      end
      assert.same({ "RATE_LIMITED", "", "RESPONSE_INCOMPLETE", "UNAUTHENTICATED", "", "UNAUTHENTICATED", "" }, codes)
      e.stop()
    end)

    it(name .. ": a fault with a mistake is told before anything starts, all mistakes at once", function()
      local r = S.tool({ "emulator", "start", name, "--ephemeral", "--fault", "GET /x=explode", "--fault", "GET /x=503",
        "--fault", "GET /x=200 bytes=XY" }, { shape = "jsonl" })
      local err = S.failed(r, 2, "ARG_ERROR")
      S.equal(r, 2, #err.errors)
      S.truth(r, err.errors[1].message:find("explode is no kind of fault", 1, true)
        and err.errors[2].message:find("bytes must be pairs of hexadecimal digits", 1, true), "not what is wrong")
      assert.equal(1, #S.lines(r.stdout))
    end)
  end

  it("openproxy: a log that is followed lives through resets, half events, silence and split characters", function()
    local faults = { "--ephemeral", "--ping", "200ms" }
    for _, text in ipairs { "reset events=2 times=1", "half events=1 times=1", "hang events=1 times=1", "split pause=1ms" } do
      table.move({ "--fault", "GET /api/observability/stream=" .. text }, 1, 2, #faults + 1, faults)
    end
    local e, dir = emulator.start(faults, { service = "openproxy" }), S.dir()
    local out, stop = S.spit(dir .. "/out", ""), dir .. "/stop"
    local env = SUITES.openproxy.env(e)
    env.HOME = S.dir "home"
    local handle = S.driver.start({ "tool", "openproxy", "logs", "tail", "--follow", "--limit", "0", "--silence", "1s" }, {
      exe = S.paths.tool, clear_env = true, env = S.environment { env = env }, stdout = out, timeout = 60,
      signals = { { "INT", when_file = stop } } })
    S.driver.wait_for(function() return e.request("GET", "/__emulator/state").json.running == 1 end, 10000)
    for i = 1, 9 do
      e.request("POST", "/__emulator/log", { json = { text = ("größer %d."):format(i) } })
      S.driver.wait_for(function() return S.slurp(out):find(("größer %d."):format(i), 1, true) end, 20000)
    end
    S.spit(stop, "now")
    local r, seen = S.driver.finish(handle), {}
    assert.equal(130, r.status)
    for n in S.slurp(out):gmatch "größer (%d)%." do seen[#seen + 1] = n end
    assert.equal("1 2 3 4 5 6 7 8 9", table.concat(seen, " "))
    for _, fault in ipairs(e.request("GET", "/__emulator/faults").json.faults) do assert.equal(1, fault.fired, fault.fault) end
    local lines = S.lines(S.slurp(out))
    local warnings = S.json.decode(lines[#lines]).warnings
    assert.equal(3, #warnings)
    for _, text in ipairs(warnings) do assert.truthy(text:find("STREAM_BROKEN: ", 1, true), text) end
    e.stop()
  end)

  it("openproxy: the question whether the service is there has faults as well, and 1.5 s", function()
    for text, detail in pairs { ["503"] = "HTTP 503", ["302"] = "HTTP 302", ["hang"] = "", ["hang at=body"] = "",
      ["reset"] = "" } do
      local e = start("openproxy", { "GET /api/health=" .. text })
      for _, run in ipairs(runs_of("openproxy", e)) do
        if run.own then
          S.truth(S.status(run.r, 6), run.r.stderr:find("error: server not running (" .. e.url .. ": " .. detail, 1, true), text)
        else
          S.failed(run.r, 12, "SERVER_UNREACHABLE")
        end
        S.truth(run.r, run.r.elapsed_ms < 5000, "not in its time")
      end
      e.stop()
    end
  end)
end)
