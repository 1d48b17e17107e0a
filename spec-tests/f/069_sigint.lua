-- REQ-F-069: Ctrl-C ends a run in order.
local S = require "lib.spec"

local function interrupted(args, signals, opts)
  local all = opts or {}
  all.signals = signals or { { "INT", when_stderr = "ready" } }
  args[#args + 1] = "--verbose"
  return S.tool(args, all)
end

S.req("REQ-F-069", "SIGINT handler installation", function()
  it("1 the handler is there for every kind of command, also where SIGINT was ignored", function()
    for _, name in ipairs { "spin", "pcall-loop", "regexbomb" } do
      local r = interrupted({ "fx", name, "--timeout", "20s" }, { { "INT", after_ms = 150 } }, { ignore = { "INT" } })
      S.failed(r, 130, "CANCELLED")
    end
  end)

  it("2 cleanup runs, the lock is free, the status is 130", function()
    local mark = S.dir() .. "/mark"
    S.failed(interrupted { "fx", "lock", "--hold", "1h", "--mark", mark }, 130, "CANCELLED")
    assert.equal("cleaned\n", S.slurp(mark))
    S.status(S.tool { "fx", "lock" }, 0)
  end)

  it("3 the answer names the signal", function()
    local r = interrupted { "fx", "sleep", "--time", "1h" }
    S.equal(r, "SIGINT", r.envelope.error.signal, "error.signal")
    S.equal(r, false, r.envelope.ok, "ok")
    S.equal(r, false, r.envelope.error.retryable, "retryable")
  end)

  it("4 a second SIGINT ends at once, with at most one document", function()
    local r = S.tool({ "fx", "lock", "--hold", "1h", "--end", "cleanup-hangs", "--verbose" }, { shape = "none",
      signals = { { "INT", when_stderr = "ready" }, { "INT", when_stderr = "ready", delay_ms = 100 } } })
    S.equal(r, 130, r.status, "status")
    S.truth(r, #S.lines(r.stdout) <= 1, "more than one document")
    S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("5 no lock stays", function() S.status(S.tool { "fx", "lock" }, 0) end)

  it("6 130 is in each command's exit table", function()
    for _, words in ipairs { "fx ok", "fx write", "fx exit" } do
      local entry = S.contract(words).exit_codes["130"]
      assert.same({ false, "partial" }, { entry.retryable, entry.side_effects })
    end
  end)

  it("Ctrl-C on a terminal does the same", function()
    local r = S.tool({ "fx", "sleep", "--time", "1h", "--verbose", "--output", "json" },
      S.terminal { type = { { "\3", when_stderr = "ready" } } })
    S.status(r, 130)
    S.truth(r, r.stdout:find('"signal":"SIGINT"', 1, true), "no answer")
  end)
end)
