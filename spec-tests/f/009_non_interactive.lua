-- REQ-F-009: nobody at stdin means no question.
local S = require "lib.spec"

S.req("REQ-F-009", "Non-interactive mode auto-detection", function()
  it("1 stdin that is no terminal means --non-interactive", function()
    local a, b = S.tool { "fx", "prompt" }, S.tool { "fx", "prompt", "--non-interactive" }
    S.failed(a, 4, "INPUT_REQUIRED")
    S.failed(b, 4, "INPUT_REQUIRED")
  end)

  it("2 a question exits at once with 4", function()
    for _, stdin in ipairs { "null", "closed", "yes\n" } do
      local r = S.tool({ "fx", "prompt" }, { stdin = stdin })
      S.failed(r, 4, "INPUT_REQUIRED")
      S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("3 an open, silent pipe does not hang it", function()
    for _, args in ipairs { { "fx", "prompt" }, { "fx", "ok" }, {} } do
      local r = S.tool(args, { stdin = "open" })
      S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("4 the error says how to answer without a terminal", function()
    local r = S.tool { "fx", "prompt" }
    local e = S.failed(r, 4, "INPUT_REQUIRED")
    S.truth(r, (e.suggestion or ""):find("--yes", 1, true), "suggestion")
    S.truth(r, #(e.fix_required or "") > 3, "fix_required")
    S.equal(r, false, e.retryable, "retryable")
  end)

  it("--yes answers, and a person on a terminal is asked", function()
    local r = S.status(S.tool { "fx", "prompt", "--yes" }, 0)
    S.equal(r, true, r.envelope.data.confirmed, "confirmed")
    for answer, taken in pairs { ["y\n"] = true, ["n\n"] = false } do
      r = S.tool({ "fx", "prompt", "--output", "json" },
        S.terminal { stderr = "pty", type = { { answer, when_stdout = "Go on?" } } })
      S.status(r, 0)
      S.truth(r, r.stdout:find('"confirmed":' .. tostring(taken), 1, true), "the answer was not taken: " .. answer)
    end
  end)
end)
