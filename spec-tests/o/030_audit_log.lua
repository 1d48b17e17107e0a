-- REQ-O-030: tool audit-log answers what was run.
local S = require "lib.spec"

local PLANTED = "zq7Xplantedv4lue9"
local KEYS = { "command", "duration_ms", "exit_code", "operator", "parameters", "request_id", "timestamp", "trace_id" }

-- A home in which some commands were run.
local function used()
  local home = S.dir "home"
  local function run(args, more)
    local env = { HOME = home }
    for name, value in pairs(more or {}) do env[name] = value end
    return S.tool(args, { env = env })
  end
  S.status(run { "fx", "ok", "--word", "one" }, 0)
  S.status(run({ "fx", "ok", "--word", "two" }, { TOOL_TRACE_ID = "abc123" }), 0)
  S.status(run { "fx", "exit", "--name", "NOT_FOUND" }, 5)
  S.status(run { "fx", "ok", "--api-token", PLANTED }, 2)
  return run, home
end

local function entries(r) return S.status(r, 0).envelope.data.entries end

local function line(fields)
  local entry = { timestamp = "2026-01-02T03:04:05.000Z", command = "fx.old", args = {}, exit_code = 0, duration_ms = 1,
    trace_id = S.json.null, request_id = "01M00000000000000000000000" }
  for key, value in pairs(fields) do entry[key] = value end
  return S.json.encode(entry) .. "\n"
end

S.req("REQ-O-030", "tool audit-log built-in command", function()
  it("1 it shows what the log holds, oldest first", function()
    local run = used()
    local r = run { "audit-log" }
    local commands = {}
    for i, e in ipairs(entries(r)) do commands[i] = e.command .. " " .. e.exit_code end
    assert.same({ "fx.ok 0", "fx.ok 0", "fx.exit 5", "fx.ok 2" }, commands)
  end)

  it("2 --since takes a duration or a moment, --command a name in either form", function()
    local run, home = used()
    local log = home .. "/.local/share/tool/audit.jsonl"
    S.spit(log, line { command = "fx.old" } .. S.slurp(log))
    assert.equal(5, #entries(run { "audit-log" }))
    assert.equal("fx.old", entries(run { "audit-log", "--limit", "0" })[1].command)
    for _, since in ipairs { "1h", "2026-01-02T03:04:05Z", "2026-01-03" } do
      for _, e in ipairs(entries(run { "audit-log", "--since", since })) do assert.not_equal("fx.old", e.command) end
    end
    assert.equal("fx.old", entries(run { "audit-log", "--since", "2026-01-02T03:04:04Z" })[1].command)
    for _, name in ipairs { "fx exit", "fx.exit", " fx  exit " } do
      local list = entries(run { "audit-log", "--command", name })
      assert.equal(1, #list)
      assert.equal("fx.exit", list[1].command)
    end
    for _, bad in ipairs { "bogus", "12", "" } do S.status(run { "audit-log", "--since", bad }, 2) end
  end)

  it("3 every entry has all keys; what was given stands in parameters", function()
    local run = used()
    for _, e in ipairs(entries(run { "audit-log" })) do
      local names = {}
      for key in pairs(e) do names[#names + 1] = key end
      table.sort(names)
      assert.same(KEYS, names)
    end
    assert.same({ word = "one" }, entries(run { "audit-log" })[1].parameters)
  end)

  it("4 --output jsonl gives one entry a line", function()
    local run = used()
    local r = S.status(run { "audit-log", "--since", "1h", "--output", "jsonl" }, 0)
    S.equal(r, 4, #r.rows, "rows")
    S.equal(r, "fx.exit", r.rows[3].command, "a row")
  end)

  it("5 --trace-id gives only that trace, --limit the newest so many", function()
    local run = used()
    local list = entries(run { "audit-log", "--trace-id", "abc123" })
    assert.equal(1, #list)
    assert.equal("two", list[1].parameters.word)
    list = entries(run { "audit-log", "--limit", "2", "--command", "fx ok" })
    assert.same({ "two", "[REDACTED]" }, { list[1].parameters.word, list[2].parameters["api-token"] })
  end)

  it("6 no secret is shown, also of lines that another program wrote", function()
    local run, home = used()
    local log = home .. "/.local/share/tool/audit.jsonl"
    S.spit(log, S.slurp(log) .. line { args = { password = PLANTED, note = "token=" .. PLANTED } })
    local r = run { "audit-log" }
    assert.equal(5, #entries(r))
    S.truth(r, not r.stdout:find(PLANTED, 1, true), "a secret is shown")
  end)

  it("1 torn lines are counted, rotated files are read, no log is none", function()
    local run, home = used()
    local log = home .. "/.local/share/tool/audit.jsonl"
    S.spit(log .. ".1", line { command = "fx.second" })
    S.spit(log .. ".2", line { command = "fx.first" })
    S.spit(log, S.slurp(log) .. '{"timestamp":"2026\n[]\n')
    local r = run { "audit-log" }
    assert.same({ "fx.first", "fx.second", "fx.ok" }, { entries(r)[1].command, entries(r)[2].command, entries(r)[3].command })
    S.truth(r, r.envelope.warnings[1]:find("^AUDIT_LOG_BROKEN: 2 "), "the warning")
    r = S.status(S.tool({ "audit-log" }, { env = { HOME = S.dir "home" } }), 0)
    S.equal(r, S.json.array {}, r.envelope.data.entries, "entries")
    r = S.status(run({ "audit-log" }, { TOOL_AUDIT_LOG = "off" }), 0)
    S.truth(r, r.envelope.warnings[1]:find("^AUDIT_LOG_OFF: "), "the warning")
  end)

  it("1 a log that cannot be read ends with exit 7", function()
    local r = S.tool({ "audit-log" }, { env = { TOOL_AUDIT_LOG = S.dir() } })
    S.failed(r, 7, "PERMISSION_DENIED")
  end)
end)
