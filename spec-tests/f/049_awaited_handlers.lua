-- REQ-F-049: a command has ended when everything that it started has ended.
local S = require "lib.spec"

local WHOLE = "whole\n"

local function unawaited(args, opts)
  local dir = S.dir()
  local path, mark = dir .. "/file", dir .. "/mark"
  local all = { "fx", "unawaited", "--path", path, "--mark", mark }
  table.move(args, 1, #args, #all + 1, all)
  return S.tool(all, opts), path, mark
end

local function warned(r)
  for _, text in ipairs(r.envelope.warnings) do
    if text:find("^UNAWAITED_TASK: ") then return true end
  end
  return false
end

S.req("REQ-F-049", "Async command handler enforcement", function()
  it("1 a handler's waits turn one loop: four waits of 200 ms take the time of one", function()
    local r = S.status(S.tool { "fx", "parallel" }, 0)
    S.equal(r, S.json.array { 1, 2, 3, 4 }, r.envelope.data.results, "results")
    S.truth(r, r.elapsed_ms >= 200 and r.elapsed_ms < 600, "took " .. r.elapsed_ms .. " ms")
  end)

  it("2 a handler that is no function, or asks for synchronous calls, is refused", function()
    local r, text = S.check("sync-handler")
    S.status(r, 2)
    S.truth(r, text:find("unknown key sync", 1, true), text)
    r, text = S.check("no-run")
    S.status(r, 2)
    S.truth(r, text:find("run must be a function", 1, true), text)
  end)

  it("3 and 5 work that the handler left is waited for, is whole, and is reported", function()
    local r, path = unawaited {}
    S.status(r, 0)
    assert.equal(WHOLE, S.slurp(path))
    S.truth(r, warned(r), "no warning of the unawaited task")
    S.truth(r, r.elapsed_ms >= 200, "it was not waited for")
  end)

  it("3 work that the handler waited for is not reported, and its result arrives", function()
    local r, path = unawaited { "--join" }
    S.status(r, 0)
    S.equal(r, "result of the work", r.envelope.data.joined, "result")
    assert.equal(WHOLE, S.slurp(path))
    S.truth(r, not warned(r), "warned")
  end)

  it("3 a failure of work that was left is the command's failure", function()
    for _, args in ipairs { { "--fail", "task" }, { "--fail", "task", "--join" } } do
      local r, path = unawaited(args)
      S.failed(r, 5, "NOT_FOUND")
      assert.is_false(S.exists(path))
    end
  end)

  it("3 when the handler fails, the work is waited for all the same", function()
    local r, path = unawaited { "--fail", "handler" }
    S.truth(r, r.status ~= 0 and r.envelope.error.code == "CONFLICT", "the handler's failure")
    assert.equal(WHOLE, S.slurp(path))
  end)

  it("3 when one of several fails, the others come to their end", function()
    local r = S.failed(S.tool { "fx", "parallel", "--fail-at", "1" }, 5, "NOT_FOUND") and S.tool { "fx", "parallel",
      "--fail-at", "1" }
    for i = 2, 4 do S.truth(r, r.stderr:find(("wait %d is over"):format(i), 1, true), "wait " .. i .. " was dropped") end
  end)

  it("4 cleanup and what is held come after the work, before the exit: on success, failure and SIGTERM", function()
    for _, args in ipairs { {}, { "--fail", "task" }, { "--fail", "handler" } } do
      local r, _, mark = unawaited(args)
      assert.equal("released\n", S.slurp(mark), table.concat(args, " "))
      S.truth(r, r.stderr:find("cleaned up", 1, true), "no cleanup")
    end
    local r, path, mark = unawaited({ "--delay", "10s" }, { signals = { { "TERM", after_ms = 300 } } })
    S.status(r, 143)
    S.truth(r, r.stderr:find("cleaned up", 1, true), "no cleanup after SIGTERM")
    assert.equal("released\n", S.slurp(mark))
    assert.is_false(S.exists(path))
  end)

  it("the time limit holds for work that was left, too", function()
    local r = unawaited { "--delay", "20s", "--timeout", "500ms" }
    S.status(r, 10)
    S.truth(r, r.elapsed_ms < 3000, "took " .. r.elapsed_ms .. " ms")
  end)
end)
