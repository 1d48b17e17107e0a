-- REQ-F-006: the result goes to stdout, everything else to stderr.
local S = require "lib.spec"

S.req("REQ-F-006", "Stdout/stderr stream enforcement", function()
  it("1 log, progress and warn write to stderr, the result to stdout", function()
    local r = S.tool({ "fx", "noisy", "--verbose" })
    S.truth(r, r.stderr:find("an information line", 1, true), "the log line is not on stderr")
    S.truth(r, not r.stdout:find("information", 1, true), "the log line is on stdout")
    S.equal(r, false, r.envelope.data.quiet, "data")
  end)

  it("2 all chatter of the host is on stderr", function()
    local r = S.tool({ "fx", "ok", "--debug" })
    S.status(r, 0)
    S.truth(r, #r.stderr > 0, "--debug says nothing")
  end)

  it("3 print of an author cannot reach stdout", function()
    local r = S.tool { "fx", "noisy" }
    S.truth(r, not r.stdout:find("a printed line", 1, true), "print reached stdout")
    r = S.tool({ "fx", "noisy", "--verbose" })
    S.truth(r, r.stderr:find("a printed line", 1, true), "print did not reach stderr")
  end)

  it("4 without stderr the result is still there", function()
    for _, mode in ipairs { "null", "closed", "/dev/full" } do
      local r = S.status(S.tool({ "fx", "noisy", "--debug" }, { stderr = mode }), 0)
      S.equal(r, false, r.envelope.data.quiet, "data with stderr " .. mode)
    end
  end)

  it("5 discarding stdout changes neither status nor effects, and nothing of the result is on stderr", function()
    local path = S.dir() .. "/x"
    local r = S.status(S.tool({ "fx", "write", "--path", path }, { stdout = "null" }), 0)
    assert.equal("text\n", S.slurp(path))
    S.truth(r, not r.stderr:find('"ok"', 1, true) and not r.stderr:find('"data"', 1, true),
      "a piece of the envelope is on stderr")
    r = S.tool({ "fx", "exit", "--name", "NOT_FOUND" }, { stdout = "null" })
    S.status(r, 5)
  end)

  it("6 a traceback is on stderr only", function()
    local r = S.tool { "fx", "throw" }
    S.status(r, 1)
    S.truth(r, not r.stdout:find("traceback", 1, true) and not r.stdout:find("%.lua:%d"), "a trace is on stdout")
    S.truth(r, r.stderr:find("boom of the fixture", 1, true) and r.stderr:find("throw.lua", 1, true),
      "no trace on stderr")
    local path = S.dir() .. "/late"
    r = S.tool { "fx", "late-throw", "--path", path }
    S.status(r, 3)
  end)

  it("7 a command that only logs and answers has pure JSON on stdout", function()
    for _, level in ipairs { "--quiet", "--verbose", "--debug" } do S.status(S.tool { "fx", "noisy", level }, 0) end
    local r = S.tool { "fx", "noisy", "--quiet" }
    S.equal(r, "", r.stderr, "stderr under --quiet")
  end)

  it("a closed or full stdout is never a success: non-zero and one line on stderr", function()
    local calls = {
      { "fx", "ok" }, { "--version" }, { "--help" }, { "manifest" }, { "fx", "ok", "--output", "plain" },
      { "fx", "ticks", "--every", "1ms", "--output", "jsonl" },
    }
    for _, mode in ipairs { "closed", "/dev/full" } do
      for _, args in ipairs(calls) do
        local words = table.concat(args, " ")
        local r = S.tool(args, { stdout = mode })
        S.truth(r, r.status and r.status ~= 0, words .. ": success with stdout " .. mode)
        if args[1] ~= "--help" then S.equal(r, 1, #S.lines(r.stderr), "lines on stderr of " .. words) end
      end
    end
  end)

  it("with standard descriptors closed, no file takes their place", function()
    for mask = 0, 7 do
      local path = S.dir() .. "/x"
      local r = S.tool({ "fx", "write", "--path", path }, {
        stdin = mask & 1 > 0 and "closed" or "null", stdout = mask & 2 > 0 and "closed" or "pipe",
        stderr = mask & 4 > 0 and "closed" or "pipe" })
      S.truth(r, (r.status == 0) == (mask & 2 == 0), "status with closed set " .. mask)
      if S.exists(path) then assert.equal("text\n", S.slurp(path)) end
    end
  end)
end)
