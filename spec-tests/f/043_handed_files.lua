-- REQ-F-043: temporary files go with the run; files for the caller say how and when they go.
local S = require "lib.spec"

local function mode(path) return S.run({ "stat", "-c", "%a", path }, {}).stdout:match("%d+") end

S.req("REQ-F-043", "Temp file session-scoped auto-cleanup", function()
  it("1 and 5 the session directory is gone after the run; its path is in meta, the file and its cleanup in data", function()
    local r = S.status(S.tool { "fx", "report" }, 0)
    local data, meta = r.envelope.data, r.envelope.meta
    S.truth(r, meta.session_tmp_dir and not S.exists(meta.session_tmp_dir), "session_tmp_dir")
    S.truth(r, data.scratch:find(meta.session_tmp_dir, 1, true) == 1, "scratch is not in the session directory")
    S.truth(r, data.output_file:find(meta.session_tmp_dir, 1, true) ~= 1, "the caller's file is in the session directory")
    assert.equal("{}\n", S.slurp(data.output_file))
  end)

  it("2 cleanup names a command that removes the file, and the seconds after which that happens by itself", function()
    local r = S.status(S.tool({ "fx", "report", "--ttl", "300s" }, { env = { TMPDIR = S.dir "it's a dir" } }), 0)
    local data = r.envelope.data
    S.equal(r, 300, data.cleanup.auto_cleanup_after_seconds, "auto_cleanup_after_seconds")
    S.truth(r, S.exists(data.output_file), "no file")
    assert.equal(0, S.run({ "sh", "-c", data.cleanup.command }, {}).status)
    S.truth(r, not S.exists(data.output_file), "the command did not remove it")
  end)

  it("3 an expired file is removed by any later run that is not help or version; a fresh one stays", function()
    local env = { TMPDIR = S.dir "tmp" }
    local old = S.status(S.tool({ "fx", "report", "--ttl", "1s" }, { env = env }), 0).envelope.data.output_file
    local fresh = S.status(S.tool({ "fx", "report" }, { env = env }), 0).envelope.data.output_file
    S.driver.pause(2100)
    S.tool({ "--help" }, { env = env })
    S.tool({ "--version" }, { env = env })
    S.tool({ "fx", "ok", "--help" }, { env = env })
    assert.is_true(S.exists(old))
    S.status(S.tool({ "fx", "ok" }, { env = env }), 0)
    assert.is_false(S.exists(old))
    assert.is_true(S.exists(fresh))
  end)

  it("4 files have mode 600 and directories 700, whatever the umask", function()
    local r = S.run({ "sh", "-c", "umask 000; exec " .. S.paths.tool .. " fx report" },
      { clear_env = true, env = S.environment {} })
    local data = S.json.decode(r.stdout).data
    assert.equal("600", mode(data.output_file))
    local dir = data.output_file
    for _ = 1, 3 do
      dir = dir:match("^(.*)/")
      assert.equal("700", mode(dir), dir)
    end
    assert.equal("384", data.scratch:match("%d+$"))
  end)

  it("1 a run that a signal ends removes its directory and keeps what it handed out before", function()
    local tmp = S.dir "tmp"
    local handed = S.status(S.tool({ "fx", "report" }, { env = { TMPDIR = tmp } }), 0).envelope.data.output_file
    local r = S.tool({ "fx", "scratch", "--end", "hang", "--verbose" },
      { env = { TMPDIR = tmp }, signals = { { "TERM", when_stderr = "ready" } } })
    S.status(r, 143)
    S.truth(r, not S.exists(r.envelope.meta.session_tmp_dir), "the session directory is left")
    assert.is_true(S.exists(handed))
  end)
end)
