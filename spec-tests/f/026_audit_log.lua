-- REQ-F-026: one line for each invocation.
local S = require "lib.spec"

local PLANTED = "zq7Xplantedv4lue9"
local KEYS = { "args", "command", "duration_ms", "exit_code", "request_id", "timestamp", "trace_id" }

local function log_of(home) return home .. "/.local/share/tool/audit.jsonl" end

local function entries(path)
  local list = {}
  for i, line in ipairs(S.lines(S.slurp(path) or "")) do
    local entry, why = S.json.decode(line)
    assert(entry, ("line %d: %s"):format(i, tostring(why)))
    list[i] = entry
  end
  return list
end

local function with_home(args, opts)
  local home = S.dir "home"
  opts = opts or {}
  opts.env = opts.env or {}
  opts.env.HOME = home
  local r = S.tool(args, opts)
  return r, entries(log_of(home)), home
end

S.req("REQ-F-026", "Append-only audit log", function()
  it("1 and 5 every ending adds one valid line with its exit code", function()
    local cases = {
      { 0, { "fx", "ok" } }, { 2, { "fx", "ok", "--nonsense" } }, { 2, { "fx", "nothing" } }, { 2, { "--output", "x" } },
      { 5, { "fx", "exit", "--name", "NOT_FOUND" } }, { 1, { "fx", "throw" } },
      { 10, { "fx", "sleep", "--time", "5s", "--timeout", "200ms" } },
      { 143, { "fx", "sleep", "--time", "5s", "--verbose" }, { signals = { { "TERM", when_stderr = "ready" } } } },
      { 130, { "fx", "sleep", "--time", "5s", "--verbose" }, { signals = { { "INT", when_stderr = "ready" } } } },
      { 1, { "fx", "native", "--call", "null_deref" } },
    }
    for _, case in ipairs(cases) do
      local r, log = with_home(case[2], case[3])
      S.status(r, case[1])
      S.equal(r, 1, #log, "lines")
      S.equal(r, case[1], log[1].exit_code, "exit_code")
      S.equal(r, r.envelope.meta.request_id, log[1].request_id, "request_id")
    end
  end)

  it("1 a reader that left is logged, and lines are appended", function()
    local _, log, home = with_home({ "fx", "huge" }, { stdout = { mode = "pipe", leave = 10 }, shape = "none" })
    assert.equal(1, #log)
    S.tool({ "fx", "ok" }, { env = { HOME = home } })
    log = entries(log_of(home))
    assert.same({ "fx.huge", "fx.ok" }, { log[1].command, log[2].command })
  end)

  it("1 two hundred at once give two hundred whole lines", function()
    local home, jobs = S.dir "home", {}
    for i = 1, 200 do
      local word = i % 10 == 0 and ("w"):rep(9000) or "w" .. i
      jobs[i] = { { "fx", "ok", "--word", word }, { env = { HOME = home } } }
    end
    S.tool_all(jobs, 16)
    assert.equal(200, #entries(log_of(home)))
  end)

  it("2 the place: XDG_DATA_HOME, TOOL_AUDIT_LOG, the configuration, or none", function()
    local dir = S.dir()
    S.tool({ "fx", "ok" }, { env = { XDG_DATA_HOME = dir .. "/data" } })
    assert.equal(1, #entries(dir .. "/data/tool/audit.jsonl"))
    local r = S.tool({ "fx", "ok" }, { env = { TOOL_AUDIT_LOG = dir .. "/x/log" } })
    S.equal(r, dir .. "/x/log", r.envelope.meta.audit_log_path, "audit_log_path")
    assert.equal(1, #entries(dir .. "/x/log"))
    local config = S.spit(dir .. "/config.json", '{"audit":{"path":"' .. dir .. '/configured"}}')
    S.status(S.tool { "fx", "ok", "--config", config }, 0)
    assert.equal(1, #entries(dir .. "/configured"))
    local off, log = with_home({ "fx", "ok" }, { env = { TOOL_AUDIT_LOG = "off" } })
    S.equal(off, nil, off.envelope.meta.audit_log_path, "audit_log_path")
    assert.same({}, log)
  end)

  it("3 an entry has exactly its keys; args hold what was given", function()
    local r, log = with_home { "fx", "types", "--count", "7", "--file", "/x/y", "--output=json" }
    local names = {}
    for key in pairs(log[1]) do names[#names + 1] = key end
    table.sort(names)
    S.equal(r, S.json.array(KEYS), S.json.array(names), "keys")
    S.equal(r, { count = "7", file = "/x/y", output = "json" }, log[1].args, "args")
    S.equal(r, S.json.null, log[1].trace_id, "trace_id")
    S.equal(r, "fx.types", log[1].command, "command")
    S.equal(r, r.envelope.meta.timestamp, log[1].timestamp, "timestamp")
    S.truth(r, math.type(log[1].duration_ms) == "integer", "duration_ms")
  end)

  it("4 secret values are [REDACTED]", function()
    for _, args in ipairs {
      { "--api-token", PLANTED }, { "--PASSWORD=" .. PLANTED }, { "--word", "https://u:" .. PLANTED .. "@h/?q=1" },
      { "--word", "https://h/?token=" .. PLANTED }, { "--word", '{"a":{"client_secret":"' .. PLANTED .. '"}}' },
      { "--word", "Authorization: " .. PLANTED },
    } do
      local _, _, home = with_home { "fx", "ok", table.unpack(args) }
      local text = S.slurp(log_of(home))
      assert.is_nil(text:find(PLANTED, 1, true), text)
      assert.truthy(text:find("[REDACTED]", 1, true), text)
    end
    local _, _, home = with_home({ "fx", "secrets", "--token-from-env", "FX_PLANTED" }, { env = { FX_PLANTED = PLANTED } })
    assert.is_nil(S.slurp(log_of(home)):find(PLANTED, 1, true))
  end)

  it("6 meta.audit_log_path is the absolute path; the file is the owner's alone", function()
    local r, _, home = with_home { "fx", "ok" }
    S.equal(r, log_of(home), r.envelope.meta.audit_log_path, "audit_log_path")
    local mode = S.run({ "stat", "-c", "%a", log_of(home) }, {}).stdout
    assert.equal("600\n", mode)
  end)

  it("6 a log that cannot be written leaves one warning and the command succeeds", function()
    for _, log in ipairs { "/proc/nowhere/log", "/dev/null/log" } do
      local r = S.status(S.tool({ "fx", "ok" }, { env = { TOOL_AUDIT_LOG = log } }), 0)
      S.equal(r, nil, r.envelope.meta.audit_log_path, "audit_log_path")
      S.equal(r, 1, #r.envelope.warnings, "warnings")
      S.truth(r, r.envelope.warnings[1]:find("^AUDIT_LOG_UNAVAILABLE: "), "the warning")
    end
  end)

  it("help, version, schema and a bare call leave no entry", function()
    for _, args in ipairs { { "--help" }, { "--version" }, {}, { "fx" }, { "fx", "ok", "--help" }, { "fx", "ok", "--schema" },
      { "fx", "ok", "--output-schema" } } do
      local _, log = with_home(args)
      assert.same({}, log, table.concat(args, " "))
    end
  end)
end)
