-- REQ-F-071: a program inherits 0, 1 and 2 and nothing else.
local S = require "lib.spec"

-- Descriptor -> what it is, of a process.
local function descriptors(pid)
  local out = {}
  for line in S.run({ "ls", "-l", "/proc/" .. pid .. "/fd" }, {}).stdout:gmatch("[^\n]+") do
    local number, target = line:match("(%d+) %-> (.*)$")
    if number then out[tonumber(number)] = target end
  end
  return out
end

S.req("REQ-F-071", "File descriptor leak prevention", function()
  it("1 the tool itself uses none of the caller's descriptors", function()
    for _, fds in ipairs { { [3] = "/etc/passwd" }, { [9] = "/etc/passwd", [10] = "/etc/hostname",
      [11] = "/dev/null" } } do
      S.status(S.tool({ "fx", "ok" }, { fds = fds }), 0)
    end
  end)

  it("1 every descriptor that the tool opens is close-on-exec", function()
    local r, trace = S.strace({ "fx", "child", "x", "--debug" },
      "execve,open,openat,socket,pipe,pipe2,epoll_create1,eventfd2,signalfd4", {})
    S.status(r, 0)
    local programs, first = {}, trace[1]:match("^%d+")
    for _, line in ipairs(trace) do
      local pid, call = line:match("^(%d+) (%w+)%(")
      if call == "execve" and pid ~= first and line:find("= 0$") then programs[pid] = true end
      if not programs[pid] and line:match("= %d+$") and (call == "openat" or call == "open" or call == "pipe2" or call == "pipe"
        or call == "socket" or call == "epoll_create1" or call == "eventfd2" or call == "signalfd4") then
        -- a sanitizer's runtime reads about itself before main, by a call that the C library never makes, and closes it
        local sanitizer = call == "open" and os.getenv "ASAN_OPTIONS" and line:find('"/proc/self/', 1, true)
        assert.truthy(sanitizer or line:find("CLOEXEC", 1, true), line)
      end
    end
  end)

  it("2 a program sees three descriptors, also when the caller left others open", function()
    local path = S.spit(S.dir() .. "/open", "x")
    local r = S.status(S.tool({ "fx", "child", "fds" }, { fds = { [9] = path, [17] = "/etc/passwd" } }), 0)
    S.equal(r, "0\n1\n2\n3\n", r.envelope.data.stdout, "descriptors of ls, the last of them its own")
  end)

  it("2 none of the three is the tool's own output", function()
    local file, err = S.dir() .. "/child", S.dir() .. "/err"
    local handle = S.driver.start({ "tool", "fx", "child", "wait", file, "--mark", file, "--verbose" }, { exe = S.paths.tool,
      clear_env = true, env = S.environment {}, stderr = err, signals = { { "TERM", after_ms = 1000 } } })
    S.driver.wait_for(function() return S.exists(file .. ".pid") and #S.slurp(file .. ".pid") > 0 end, 5000)
    local open = descriptors(S.slurp(file .. ".pid"):match("%d+"))
    S.driver.finish(handle)
    assert.equal("/dev/null", open[0])
    assert.truthy(open[1]:find("^pipe:") and open[2]:find("^pipe:") and open[1] ~= open[2])
    assert.is_nil(open[1] == err or open[2] == err or nil)
  end)

  it("3 and 4 when the tool is killed no program keeps its output open", function()
    local r = S.tool({ "fx", "child", "hang", "--verbose" },
      { signals = { { "KILL", when_stderr = "ready", delay_ms = 100 } }, shape = "none", may_leave = true,
        settle_ms = 1000 })
    S.equal(r, 9, r.signal, "signal")
    S.truth(r, not r.held, "an output is still open")
    assert.same({}, r.left)
  end)
end)
