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
    local handle = holder "14s"
    local r = S.tool({ "fx", "lock" }, { timeout = 30 })
    local e = S.failed(r, 4, "LOCK_HELD")
    S.equal(r, true, e.retryable, "retryable")
    S.truth(r, math.type(e.retry_after_ms) == "integer" and e.retry_after_ms > 0, "retry_after_ms")
    S.truth(r, math.type(e.holder_pid) == "integer" and math.type(e.holder_age_ms) == "integer", "holder")
    S.truth(r, e.holder_age_ms >= 5000 and e.holder_age_ms < 20000, "holder_age_ms " .. tostring(e.holder_age_ms))
    S.driver.finish(handle)
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
