-- REQ-F-031: children learn of the end first, and none outlives it.
local S = require "lib.spec"

-- Runs `tool fx child WHAT FILE` and ends it once the child has written its pid.
local function ended(what, signal, more)
  local file = S.dir() .. "/log"
  local opts = { signals = { { signal or "TERM", when_file = file .. ".pid", delay_ms = 50 } }, timeout = 30 }
  for k, v in pairs(more or {}) do opts[k] = v end
  return S.tool({ "fx", "child", what, file, "--mark", file, "--verbose" }, opts), file
end

local function alive(file) return S.exists("/proc/" .. S.slurp(file .. ".pid"):match("%d+")) end

S.req("REQ-F-031", "SIGTERM forwarding to tracked children", function()
  it("1 children get SIGTERM before the answer is written", function()
    local r, file = ended "polite"
    S.failed(r, 143, "CANCELLED")
    assert.equal("term\n", S.slurp(file))
    assert.is_false(alive(file))
    S.truth(r, r.elapsed_ms < 2000, "the grace was spent though the child ended at once")
  end)

  it("2 a child that ignores it is killed after the grace", function()
    local r, file = ended "ignore"
    S.failed(r, 143, "CANCELLED")
    assert.equal("term\n", S.slurp(file))
    assert.is_false(alive(file))
    S.truth(r, r.elapsed_ms < 6500, "took " .. r.elapsed_ms .. " ms")
  end)

  it("2 each is told once, also one that left the session and outlives the command", function()
    local r, file = ended "apart"
    S.failed(r, 143, "CANCELLED")
    assert.equal("term\n", S.slurp(file))
    assert.is_false(alive(file))
  end)

  it("3 the answer comes after the children were told", function()
    local r, file = ended "polite"
    local told, answered = S.driver.mtime_ms(file), nil
    for _, chunk in ipairs(r.chunks) do
      if chunk.stream == "out" then answered = answered or r.started_us / 1000 + chunk.ms end
    end
    S.truth(r, told and answered and told <= answered + 5, ("told at %s, answered at %s"):format(told, answered))
  end)

  it("4 the tool exits 143, and 130 at SIGINT with the same care", function()
    local r, file = ended("polite", "INT")
    S.failed(r, 130, "CANCELLED")
    S.equal(r, "SIGINT", r.envelope.error.signal, "error.signal")
    assert.is_false(alive(file))
  end)

  it("descendants that left the session end with the tool, whatever the outcome", function()
    S.status(S.tool { "fx", "child", "orphan" }, 0)
    S.status(S.tool { "fx", "native", "--call", "fork_daemon" }, 0)
  end)

  it("kill -9 of the tool leaves no process behind", function()
    local r = S.tool({ "fx", "child", "hang", "--verbose" },
      { signals = { { "KILL", when_stderr = "ready", delay_ms = 100 } }, shape = "none", may_leave = true,
        settle_ms = 1000 })
    S.equal(r, 9, r.signal, "signal")
    assert.same({}, r.left)
  end)
end)
