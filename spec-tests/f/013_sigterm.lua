-- REQ-F-013: SIGTERM ends a run in order, with one answer.
local S = require "lib.spec"

local TERM_WHEN_READY = { { "TERM", when_stderr = "ready" } }

local function terminated(args, opts)
  opts = opts or {}
  opts.signals = opts.signals or TERM_WHEN_READY
  args[#args + 1] = "--verbose"
  return S.tool(args, opts)
end

S.req("REQ-F-013", "SIGTERM handler installation", function()
  it("1 the handler is there for every kind of command", function()
    for _, case in ipairs {
      { { "fx", "sleep", "--time", "1h" } }, { { "fx", "spin", "--timeout", "20s" }, 150 },
      { { "fx", "pcall-loop", "--timeout", "20s" }, 150 }, { { "fx", "regexbomb", "--timeout", "20s" }, 150 },
      { { "fx", "native-hang", "--call", "spin_in_c", "--timeout", "20s" }, 150 }, { { "fx", "child", "hang" } },
    } do
      local signals = case[2] and { { "TERM", after_ms = case[2] } } or nil
      local r = terminated(case[1], { signals = signals })
      S.failed(r, 143, "CANCELLED")
      S.truth(r, r.elapsed_ms < 8000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("2 cleanup runs, the lock is free, the answer is written, the status is 143", function()
    local mark = S.dir() .. "/mark"
    local r = terminated { "fx", "lock", "--hold", "1h", "--mark", mark }
    S.failed(r, 143, "CANCELLED")
    assert.equal("cleaned\n", S.slurp(mark))
    S.status(S.tool { "fx", "lock" }, 0, "the lock is held still")
  end)

  it("3 one JSON document with the signal named and a mark that work may be partial", function()
    local r = terminated { "fx", "sleep", "--time", "1h" }
    local e = r.envelope.error
    S.truth(r, e.message:find("SIGTERM", 1, true), "the message does not name SIGTERM")
    S.equal(r, "SIGTERM", e.signal, "error.signal")
    S.equal(r, true, e.partial, "error.partial")
    S.equal(r, false, e.retryable, "error.retryable")
    S.equal(r, "execution", e.phase, "error.phase")
  end)

  it("4 the process ends normally with 143, not by the signal", function()
    local r = terminated { "fx", "sleep", "--time", "1h" }
    S.equal(r, 143, r.status, "status")
    assert.is_nil(r.signal)
  end)

  it("5 no lock and no temporary file stays behind", function()
    local r = terminated { "fx", "lock", "--hold", "1h" }
    local scratch = assert(r.stderr:match("ready (/%S+)"), r.stderr)
    assert.is_false(S.exists(scratch))
    for _, name in ipairs(S.tree(S.home() .. "/tmp")) do assert.is_nil(name:find("scratch"), name) end
    S.status(S.tool { "fx", "lock" }, 0)
  end)

  it("6 a second SIGTERM during cleanup is ignored: still one document", function()
    local r = terminated({ "fx", "lock", "--hold", "1h", "--end", "cleanup-hangs" },
      { signals = { { "TERM", when_stderr = "ready" }, { "TERM", when_stderr = "ready", delay_ms = 100 } } })
    S.failed(r, 143, "CANCELLED")
  end)

  it("a cleanup that hangs or throws is bounded and does not eat the answer", function()
    for _, how in ipairs { "cleanup-hangs", "cleanup-throws" } do
      local r = terminated { "fx", "lock", "--hold", "1h", "--end", how }
      S.failed(r, 143, "CANCELLED")
      S.truth(r, r.elapsed_ms < 7000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("a cleanup that takes a while is let finish", function()
    local mark = S.dir() .. "/mark"
    S.failed(terminated { "fx", "lock", "--hold", "1h", "--end", "cleanup-slow", "--mark", mark }, 143, "CANCELLED")
    assert.equal("cleaned\n", S.slurp(mark))
  end)

  it("the worker's own death by a signal is an answer too", function()
    local r = S.tool({ "fx", "sleep", "--time", "1h", "--verbose" },
      { signals = { { "KILL", when_stderr = "ready", to = "child" } } })
    S.truth(r, r.status and r.status ~= 0, "status")
    for _, call in ipairs { "null_deref", "abort_now" } do
      r = S.tool { "fx", "native", "--call", call }
      S.status(r, 1)
    end
    r = S.tool { "fx", "native", "--call", "exit_now" }
    S.truth(r, r.status ~= 0, "a worker that vanished counts as success")
  end)
end)
