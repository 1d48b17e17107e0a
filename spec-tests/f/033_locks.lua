-- REQ-F-033: a lock that another run holds is waited for, then told about.
local S = require "lib.spec"

-- Starts a run that holds the lock; gives the handle once its lock is taken.
local function holder(duration)
  local ready = S.dir() .. "/ready"
  local opts = { exe = S.paths.tool, clear_env = true, env = S.environment {}, stderr = ready, timeout = 30 }
  local handle = S.driver.start({ "tool", "fx", "lock", "--hold", duration, "--verbose" }, opts)
  S.driver.wait_for(function() return (S.slurp(ready) or ""):find("ready", 1, true) end, 5000)
  return handle, ready
end

S.req("REQ-F-033", "Lock acquisition with timeout and retry_after_ms", function()
  it("1 a waiting run goes on as soon as the lock is free", function()
    local handle = holder "400ms"
    local r = S.status(S.tool { "fx", "lock" }, 0)
    S.truth(r, r.elapsed_ms < 3000, "took " .. r.elapsed_ms .. " ms")
    assert.equal(0, S.driver.finish(handle).status)
  end)

  it("2 when the wait is over the answer is LOCK_HELD with holder, age and a time to come back", function()
    local handle = holder "4s"
    local r = S.tool { "fx", "lock", "--wait", "1s" }
    local e = S.failed(r, 4, "LOCK_HELD")
    S.truth(r, r.elapsed_ms >= 1000 and r.elapsed_ms < 1500, "waited " .. r.elapsed_ms .. " ms")
    S.equal(r, true, e.retryable, "retryable")
    S.truth(r, math.type(e.retry_after_ms) == "integer" and e.retry_after_ms > 0, "retry_after_ms")
    S.truth(r, e.message:find("is held by PID " .. e.holder_pid, 1, true), "message")
    assert.equal("tool\n", S.slurp("/proc/" .. e.holder_pid .. "/comm"))
    local parent = S.slurp("/proc/" .. e.holder_pid .. "/stat"):match("%) %a (%d+)")
    assert.not_equal("tool\n", S.slurp("/proc/" .. parent .. "/comm"), "it is not the process that the caller started")
    S.truth(r, math.type(e.holder_age_ms) == "integer" and e.holder_age_ms >= 900 and e.holder_age_ms < 3000,
      "holder_age_ms " .. tostring(e.holder_age_ms))
    S.truth(r, e.detail:find("lock_file=/", 1, true) and e.detail:find("holder_pid=" .. e.holder_pid, 1, true), "detail")
    S.driver.finish(handle)
  end)

  it("1 without a wait of its own a command waits ten seconds", function()
    local handle = holder "11s"
    local r = S.tool({ "fx", "lock" }, { timeout = 30 })
    S.failed(r, 4, "LOCK_HELD")
    S.truth(r, r.elapsed_ms >= 10000 and r.elapsed_ms < 11000, "waited " .. r.elapsed_ms .. " ms")
    S.driver.finish(handle)
  end)

  it("2 a signal ends the wait at once", function()
    local handle = holder "2s"
    local r = S.tool({ "fx", "lock" }, { signals = { { "TERM", after_ms = 300 } } })
    S.failed(r, 143, "CANCELLED")
    S.truth(r, r.elapsed_ms < 800, "took " .. r.elapsed_ms .. " ms")
    S.driver.finish(handle)
  end)

  it("3 the lock file is gone when the holder has ended in order", function()
    local tmp = S.dir "tmp"
    S.status(S.tool({ "fx", "lock" }, { env = { TMPDIR = tmp } }), 0)
    for _, name in ipairs(S.tree(tmp)) do assert.is_nil(name:match("%.lock$")) end
  end)

  it("3 the lock is free after the holder's end by TERM, KILL and a failure", function()
    for _, case in ipairs { { "TERM" }, { "KILL" }, { nil, "throw" }, { nil, "fail" } } do
      local args = { "fx", "lock", "--hold", case[1] and "1h" or "1ms", "--end", case[2] or "return", "--verbose" }
      S.tool(args, { shape = "none", signals = case[1] and { { case[1], when_stderr = "ready" } } or nil,
        settle_ms = 1000 })
      local r = S.status(S.tool { "fx", "lock" }, 0)
      S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms after " .. (case[1] or case[2]))
    end
  end)
end)
