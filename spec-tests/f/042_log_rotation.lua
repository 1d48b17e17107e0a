-- REQ-F-042: the framework's log file is bounded.
local S = require "lib.spec"

local function logs(home) return home .. "/.local/share/tool/logs" end

-- A home whose configuration has these limits.
local function home_with(logger)
  local home = S.dir "home"
  assert(S.run({ "mkdir", "-p", home .. "/.config/tool", logs(home) }, {}).status == 0)
  S.spit(home .. "/.config/tool/config.json", S.json.encode { framework = { logger = logger } })
  return home
end

local function debug_runs(home, n)
  for _ = 1, n do S.status(S.tool({ "fx", "ok" }, { env = { HOME = home, TOOL_DEBUG = "1" } }), 0) end
end

S.req("REQ-F-042", "Log rotation in framework logger", function()
  it("1 and 2 a file over the limit is rotated, and five rotated ones remain", function()
    local home = home_with { max_size_mb = 0.0005 }
    debug_runs(home, 30)
    assert.same({ "cli.log", "cli.log.1", "cli.log.2", "cli.log.3", "cli.log.4", "cli.log.5" }, S.list(logs(home)))
    for _, name in ipairs(S.list(logs(home))) do
      assert.truthy(#S.slurp(logs(home) .. "/" .. name) <= 1500, name)
    end
  end)

  it("3 a rotated file older than thirty days is removed by the next run, the others stay", function()
    local home = home_with { max_size_mb = 0.0005 }
    debug_runs(home, 20)
    S.run({ "touch", "-d", "31 days ago", logs(home) .. "/cli.log.3" }, {})
    S.run({ "touch", "-d", "29 days ago", logs(home) .. "/cli.log.4" }, {})
    S.status(S.tool({ "fx", "ok", "--help" }, { env = { HOME = home, TOOL_DEBUG = "1" } }), 0)
    assert.is_true(S.exists(logs(home) .. "/cli.log.3"), "help removes nothing")
    S.spit(logs(home) .. "/cli.log", "")
    debug_runs(home, 1)
    assert.is_false(S.exists(logs(home) .. "/cli.log.3"))
    assert.is_true(S.exists(logs(home) .. "/cli.log.4"))
  end)

  it("4 many runs at once leave no more", function()
    local home, jobs = home_with { max_size_mb = 0.0005 }, {}
    for i = 1, 60 do jobs[i] = { { "fx", "ok" }, { env = { HOME = home, TOOL_DEBUG = "1" } } } end
    S.tool_all(jobs, 12)
    for _, name in ipairs(S.list(logs(home))) do assert.truthy(name:find("^cli%.log$") or name:find("^cli%.log%.[1-5]$"), name) end
  end)

  it("5 all three limits are configuration", function()
    local home = home_with { max_size_mb = 0.0005, max_rotated_files = 2, max_age_days = 1 }
    debug_runs(home, 12)
    assert.same({ "cli.log", "cli.log.1", "cli.log.2" }, S.list(logs(home)))
    S.run({ "touch", "-d", "2 days ago", logs(home) .. "/cli.log.2" }, {})
    S.spit(logs(home) .. "/cli.log", "")
    debug_runs(home, 1)
    assert.same({ "cli.log", "cli.log.1" }, S.list(logs(home)))
  end)

  it("the configuration can ask for the file without debug output on stderr; otherwise there is none", function()
    local home = home_with { file = true }
    local r = S.status(S.tool({ "fx", "ok" }, { env = { HOME = home } }), 0)
    S.equal(r, "", r.stderr, "stderr")
    local text = S.slurp(logs(home) .. "/cli.log")
    assert.truthy(text:find(r.envelope.meta.request_id .. " [DEBUG] ", 1, true), text)
    home = S.dir "home"
    S.status(S.tool({ "fx", "ok", "--debug" }, { env = { HOME = home } }), 0)
    assert.same({}, S.list(logs(home)))
  end)

  it("a log that cannot be written changes nothing", function()
    local home = home_with { file = "/proc/nowhere/cli.log" }
    local r = S.status(S.tool({ "fx", "ok" }, { env = { HOME = home } }), 0)
    S.equal(r, S.json.array {}, r.envelope.warnings, "warnings")
  end)
end)
