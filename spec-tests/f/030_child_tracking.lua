-- REQ-F-030: programs are listed while they run, and none outlives the run.
local S = require "lib.spec"

-- Ended processes may wait for their parent a moment longer.
local function alive(pid)
  local stat = S.slurp("/proc/" .. pid .. "/stat")
  return stat ~= nil and not stat:find("%) [ZX] ")
end

-- Starts `tool fx child wait FILE`; gives the handle, the pids of the program and of its own child, and TMPDIR.
local function started(args, opts)
  local file, tmp = S.dir() .. "/child", S.dir "tmp"
  local all = { exe = S.paths.tool, clear_env = true, timeout = 30, env = S.environment { env = { TMPDIR = tmp } } }
  for k, v in pairs(opts or {}) do all[k] = v end
  local words = { "tool", "fx", "child", "wait", file, "--mark", file, table.unpack(args or {}) }
  local handle = S.driver.start(words, all)
  S.driver.wait_for(function() return S.exists(file .. ".pid") and #S.slurp(file .. ".pid") > 0 end, 5000)
  local program, own = S.slurp(file .. ".pid"):match("(%d+) (%d+)")
  return handle, program, own, tmp
end

-- The pid files of all sessions below a TMPDIR.
local function pid_files(tmp)
  local found = {}
  for _, name in ipairs(S.tree(tmp)) do
    if name:find("/children%.pids$") then found[#found + 1] = tmp .. "/" .. name end
  end
  return found
end

S.req("REQ-F-030", "Child process session tracking", function()
  it("1 and 3 the program's pid stands in a readable file of the session while it runs", function()
    local handle, program, _, tmp = started({}, { signals = { { "TERM", after_ms = 1000 } } })
    local files
    S.driver.wait_for(function() -- the program may write its pid before its parent has written the list
      files = pid_files(tmp)
      return #files == 1 and #S.slurp(files[1]) > 0
    end, 1000)
    assert.equal(program .. "\n", S.slurp(files[1]))
    S.driver.finish(handle)
    assert.same({}, pid_files(tmp))
  end)

  it("2 and 5 after SIGTERM, SIGINT, a timeout and SIGKILL neither the program nor its child is left", function()
    local cases = { { signals = { { "TERM", after_ms = 500 } } }, { signals = { { "INT", after_ms = 500 } } },
      { args = { "--timeout", "700ms" } }, { signals = { { "KILL", after_ms = 500 } } } }
    for i, case in ipairs(cases) do
      local handle, program, own = started(case.args, { signals = case.signals, settle_ms = 1000 })
      local r = S.driver.finish(handle)
      assert.same({}, r.left, "case " .. i)
      assert.is_false(alive(program), "program of case " .. i)
      assert.is_false(alive(own), "grandchild of case " .. i)
    end
  end)

  it("2 after a normal end and after an error of the command none is left", function()
    S.status(S.tool { "fx", "child", "orphan" }, 0)
    S.status(S.tool { "fx", "pipe", "1", "0" }, 1)
  end)

  -- The driver ends what outlives a program, so these run as one script.
  local function script(text)
    local env = S.environment { env = { TMPDIR = S.dir "tmp", TOOL = S.paths.tool } }
    local r = S.run({ "sh", "-c", "pid_of() { sed 's/.*\"background_pid\":\\([0-9]*\\).*/\\1/'; }\n" .. text },
      { clear_env = true, env = env, timeout = 20 })
    assert.equal(0, r.status, r.stdout .. r.stderr)
    return r
  end

  it("2 a declared background program stays after a normal end, for its lifetime at most", function()
    local r = script [[
      pid=$("$TOOL" fx watch hang | pid_of)
      sleep 0.5; kill -0 $pid || exit 1
      for i in 1 2 3 4 5 6; do sleep 0.5; kill -0 $pid 2>/dev/null || exit 0; done; exit 2]]
    assert.truthy(r.elapsed_ms > 1500, r.elapsed_ms)
  end)

  it("2 its stop command ends it; called again it finds nothing to do", function()
    script [[
      out=$("$TOOL" fx watch hang) || exit 1
      pid=$(echo "$out" | pid_of)
      case "$out" in *'"cleanup_command":"tool fx watch-stop"'*) ;; *) exit 2 ;; esac
      "$TOOL" fx watch hang | grep -q ALREADY_EXISTS || exit 3
      "$TOOL" fx watch-stop | grep -q '"ran":true' || exit 4
      kill -0 $pid 2>/dev/null && exit 5
      "$TOOL" fx watch-stop | grep -q '"ran":false' || exit 6]]
  end)

  it("5 when the run that starts it is ended by a signal, it ends too", function()
    local r = S.tool({ "fx", "watch", "hang", "--then-sleep", "5s", "--verbose" },
      { signals = { { "TERM", when_stderr = "ready" } } })
    S.status(r, 143)
    assert.same({}, r.left)
  end)

  it("4 meta.session_pid_file is there when a program ran, and only then", function()
    local r = S.status(S.tool { "fx", "child", "x" }, 0)
    local meta = r.envelope.meta
    S.equal(r, meta.session_tmp_dir .. "/children.pids", meta.session_pid_file, "session_pid_file")
    S.truth(r, not S.exists(meta.session_pid_file), "the file is still there")
    r = S.status(S.tool { "fx", "ok" }, 0)
    S.equal(r, nil, r.envelope.meta.session_pid_file, "session_pid_file")
  end)
end)
