-- REQ-F-047: without a terminal nothing waits for a person.
local S = require "lib.spec"

S.req("REQ-F-047", "REPL mode prohibition in non-TTY context", function()
  it("1 and 5 a prompt exits 4 at once, also with an open, silent pipe, and names the way without it", function()
    for _, stdin in ipairs { "null", "open", "closed" } do
      local r = S.tool({ "fx", "prompt" }, { stdin = stdin })
      local e = S.failed(r, 4, "INPUT_REQUIRED")
      S.truth(r, e.hint and e.hint:find("--yes", 1, true), "hint")
      S.equal(r, false, e.retryable, "retryable")
      S.truth(r, r.elapsed_ms < 2000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("2 a program that reads its input gets the end at once", function()
    local r = S.status(S.tool({ "fx", "child", "stage", "0" }, { stdin = "open" }), 0)
    S.equal(r, "", r.envelope.data.stdout, "what it read")
    S.truth(r, r.elapsed_ms < 2000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("2 a command has no way to read a line itself", function()
    S.status(S.check("reads-lines"), 2)
  end)

  it("3 a bare call shows help, exits 0 and waits for nothing", function()
    local r = S.status(S.tool({}, { stdin = "open" }), 0)
    S.truth(r, r.elapsed_ms < 2000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("4 on a terminal the prompt appears and the answer counts", function()
    local r = S.tool({ "fx", "prompt" }, S.terminal { type = { { "y\n", when_stdout = "[y/N]" } } })
    S.status(r, 0)
    S.truth(r, r.stdout:find("[y/N]", 1, true), "no prompt")
  end)
end)
