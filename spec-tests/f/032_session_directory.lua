-- REQ-F-032: every run has a directory of its own, which goes with it.
local S = require "lib.spec"

local function session_of(r) return r.envelope.meta.session_tmp_dir end

S.req("REQ-F-032", "Session-scoped temp directory", function()
  it("1 and 3 fifty runs at once use fifty directories with their ids in the name", function()
    local jobs, seen = {}, {}
    for i = 1, 50 do jobs[i] = { { "fx", "scratch" }, {} } end
    for _, r in ipairs(S.tool_all(jobs, 16)) do
      S.status(r, 0)
      local dir = session_of(r)
      S.truth(r, dir:find("/tool%-%d+/" .. r.envelope.meta.request_id .. "$"), "the path " .. dir)
      S.truth(r, not seen[dir], "shared")
      seen[dir] = true
      S.equal(r, dir .. "/scratch", r.envelope.data.path, "path")
    end
  end)

  it("2 files made there are inside it: mode 0700 and 0600 whatever the umask", function()
    local r = S.run({ "sh", "-c", "umask 000; exec " .. S.paths.tool .. " fx scratch --nested" },
      { clear_env = true, env = S.environment {} })
    local data = S.json.decode(r.stdout).data
    assert.same({ 448, 384, 448 }, { data.directory_mode, data.file_mode, data.nested_mode })
  end)

  it("4 it is gone after every ending, with all it holds; links are removed, not followed", function()
    local outside = S.dir()
    S.spit(outside .. "/keep", "kept\n")
    local cases = {
      { 0, {} }, { 1, { "--end", "throw" } }, { 10, { "--end", "hang", "--timeout", "300ms" } },
      { 143, { "--end", "hang", "--verbose" }, { { "TERM", when_stderr = "ready" } } },
      { 130, { "--end", "hang", "--verbose" }, { { "INT", when_stderr = "ready" } } },
      { 1, { "--end", "die" } },
    }
    for _, case in ipairs(cases) do
      local tmp = S.dir "tmp"
      local r = S.tool({ "fx", "scratch", "--nested", "--link", outside, table.unpack(case[2]) },
        { env = { TMPDIR = tmp }, signals = case[3] })
      S.status(r, case[1])
      S.truth(r, session_of(r), "no session_tmp_dir")
      S.truth(r, not S.exists(session_of(r)), "it is still there after exit " .. case[1])
      assert.equal("kept\n", S.slurp(outside .. "/keep"))
    end
  end)

  it("4 what a killed run leaves is removed by a later one; the directory of a run that lives stays", function()
    local tmp, err = S.dir "tmp", S.dir() .. "/err"
    local opts = { env = { TMPDIR = tmp }, shape = "none", signals = { { "KILL", when_stderr = "ready" } } }
    S.tool({ "fx", "scratch", "--end", "hang", "--verbose" }, opts)
    local base = tmp .. "/" .. S.list(tmp)[1]
    local left = S.list(base)
    assert.equal(1, #left)
    local handle = S.driver.start({ "tool", "fx", "scratch", "--end", "hang", "--verbose" }, { exe = S.paths.tool,
      clear_env = true, env = S.environment { env = { TMPDIR = tmp } }, stderr = err, signals = { { "TERM", after_ms = 1000 } } })
    S.driver.wait_for(function() return (S.slurp(err) or ""):find("ready", 1, true) end, 5000)
    local living = S.list(base)
    assert.equal(1, #living)
    assert.not_equal(left[1], living[1])
    S.status(S.tool({ "fx", "scratch" }, { env = { TMPDIR = tmp } }), 0)
    assert.same(living, S.list(base))
    S.driver.finish(handle)
    assert.same({}, S.list(base))
  end)

  it("5 the path is known to the command and to its children", function()
    local r = S.status(S.tool { "fx", "child", "env" }, 0)
    local seen = r.envelope.data.stdout:match("TOOL_SESSION_TMP_DIR=([^\n]*)")
    S.equal(r, session_of(r), seen, "TOOL_SESSION_TMP_DIR")
  end)

  it("a directory that belongs to somebody else, or a link in its place, is refused", function()
    local tmp, other = S.dir "tmp", S.dir "other"
    local name = "tool-" .. S.run({ "id", "-u" }, {}).stdout:match("%d+")
    S.run({ "ln", "-s", other, tmp .. "/" .. name }, {})
    S.failed(S.tool({ "fx", "scratch" }, { env = { TMPDIR = tmp } }), 7, "PERMISSION_DENIED")
    assert.same({}, S.tree(other))
    tmp = S.dir "tmp"
    S.run({ "install", "-d", "-m", "0777", tmp .. "/" .. name }, {})
    S.failed(S.tool({ "fx", "scratch" }, { env = { TMPDIR = tmp } }), 7, "PERMISSION_DENIED")
  end)

  it("nothing is made for runs that need nothing", function()
    for _, args in ipairs { { "fx", "ok", "--nonsense" }, { "fx", "scratch", "--nonsense" }, { "fx", "scratch", "--help" } } do
      local tmp = S.dir "tmp"
      S.tool(args, { env = { TMPDIR = tmp } })
      assert.same({}, S.tree(tmp))
    end
  end)
end)
