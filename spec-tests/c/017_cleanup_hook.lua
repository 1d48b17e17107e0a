-- REQ-C-017: what a command holds is released on every way out.
local S = require "lib.spec"

-- Every way a run can end: name, flags, options, status.
local WAYS = {
  { "return", {}, {}, 0 },
  { "an error", { "--end", "throw" }, {}, 1 },
  { "a failure", { "--end", "fail" }, {}, 6 },
  { "a timeout", { "--hold", "1h", "--timeout", "300ms" }, {}, 10 },
  { "SIGTERM", { "--hold", "1h" }, { signals = { { "TERM", when_stderr = "ready" } } }, 143 },
  { "SIGINT", { "--hold", "1h" }, { signals = { { "INT", when_stderr = "ready" } } }, 130 },
  { "SIGTERM twice", { "--hold", "1h" },
    { signals = { { "TERM", when_stderr = "ready" }, { "TERM", when_stderr = "ready", delay_ms = 20 } } }, 143 },
}

S.req("REQ-C-017", "Commands register a cleanup hook", function()
  for _, way in ipairs(WAYS) do
    it("1 after " .. way[1] .. " the lock is free, the file gone, the hook has run once, one document is written", function()
      local mark = S.dir() .. "/mark"
      local args = { "fx", "lock", "--mark", mark, "--verbose", table.unpack(way[2]) }
      local r = S.tool(args, way[3])
      S.status(r, way[4])
      assert.equal("cleaned\n", S.slurp(mark))
      local scratch = assert(r.stderr:match("ready (/%S+)"), r.stderr)
      assert.is_false(S.exists(scratch))
      local again = S.status(S.tool { "fx", "lock" }, 0)
      S.truth(again, again.elapsed_ms < 1000, "waited " .. again.elapsed_ms .. " ms for the lock")
    end)
  end

  it("1 after SIGKILL of the worker and of the whole tool the lock is free", function()
    for _, to in ipairs { "child", "group" } do
      S.tool({ "fx", "lock", "--hold", "1h", "--verbose" },
        { shape = "none", settle_ms = 1000, signals = { { "KILL", when_stderr = "ready", to = to } } })
      S.status(S.tool { "fx", "lock" }, 0)
    end
  end)

  it("2 the hook runs at most once; what it leaves is the same after the next run", function()
    local dir = S.dir()
    for _ = 1, 2 do S.status(S.tool { "fx", "lock", "--mark", dir .. "/mark" }, 0) end
    assert.same({ "mark" }, S.tree(dir))
    assert.equal("cleaned\ncleaned\n", S.slurp(dir .. "/mark"))
  end)

  it("3 a command without resources needs no hook", function()
    S.status(S.tool "fx ok", 0)
  end)

  it("4 a resource that is held without a way to release it is warned about", function()
    local r = S.status(S.check "hold-without-closer", 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("ctx.hold without closer", 1, true), "no warning")
  end)

  it("a hook that throws is a warning beside the answer, never another answer", function()
    local r = S.status(S.tool { "fx", "lock", "--end", "cleanup-throws" }, 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("CLEANUP_FAILED", 1, true), "no warning")
    r = S.status(S.tool { "fx", "lock", "--end", "cleanup-hangs" }, 0)
    S.truth(r, r.elapsed_ms < 7000, "took " .. r.elapsed_ms .. " ms")
  end)
end)
