-- REQ-C-005: a command that asks can be answered beforehand.
local S = require "lib.spec"

S.req("REQ-C-005", "Interactive commands support --yes / --non-interactive", function()
  it("1 --yes goes on without a question", function()
    local r = S.status(S.tool "fx prompt --yes", 0)
    S.equal(r, true, r.envelope.data.confirmed, "confirmed")
    S.truth(r, not r.stderr:find("Go on", 1, true), "it asked")
    r = S.status(S.tool({ "fx", "prompt", "--yes", "--output", "json" }, S.terminal()), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("Go on", 1, true), "it asked on a terminal")
  end)

  it("2 --non-interactive and a missing terminal fail at once with INPUT_REQUIRED", function()
    for _, case in ipairs {
      { "fx prompt" }, { "fx prompt --non-interactive" }, { "fx prompt --non-interactive --output json", S.terminal() },
      { "fx prompt", { stdin = "open" } },
    } do
      local r = S.tool(case[1], case[2])
      local e = S.failed(r, 4, "INPUT_REQUIRED")
      S.truth(r, (e.suggestion or ""):find("--yes", 1, true), "the suggestion does not name --yes")
      S.equal(r, false, e.retryable, "retryable")
      S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms")
    end
  end)

  it("2 on a terminal the answer counts", function()
    for answer, confirmed in pairs { y = true, n = false, [""] = false } do
      local r = S.tool({ "fx", "prompt", "--output", "json" },
        S.terminal { type = { { answer .. "\n", when_stdout = "Go on?" } } })
      S.status(r, 0)
      S.truth(r, r.stdout:find('"confirmed":' .. tostring(confirmed), 1, true), "confirmed with '" .. answer .. "'")
    end
  end)

  it("3 --yes and --non-interactive do nothing to a command that never asks", function()
    local plain = S.status(S.tool "fx numbers", 0)
    for _, flag in ipairs { "--yes", "--non-interactive" } do
      local r = S.status(S.tool("fx numbers " .. flag), 0)
      assert.equal(S.raw(plain, "data"), S.raw(r, "data"))
      assert.equal(S.raw(plain, "warnings"), S.raw(r, "warnings"))
    end
  end)

  it("4 --schema shows interactive with both flags for commands that ask, and for no other", function()
    local data = S.contract "fx prompt"
    assert.is_true(data.interactive)
    for _, name in ipairs { "yes", "non-interactive" } do
      assert.same({ "boolean", false, false }, { data.flags[name].type, data.flags[name].required, data.flags[name].default })
    end
    assert.equal("PRECONDITION", data.exit_codes["4"].name)
    local other = S.contract "fx ok"
    assert.is_nil(other.flags.yes)
    assert.truthy(other.interactive == nil or other.interactive == false)
  end)

  it("a command that asks without saying so, or takes the flag itself, is refused", function()
    local r, text = S.check "asks-undeclared"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("ctx.confirm used but asks is not declared", 1, true), text)
    r, text = S.check "own-yes"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("--yes is registered by the framework", 1, true), text)
  end)

  it("--yes is no --confirm-destructive; with --non-interactive it still answers", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    S.failed(S.tool { "fx", "destroy", file, "--yes" }, 2, "CONFIRMATION_REQUIRED")
    assert.is_true(S.exists(file))
    S.status(S.tool "fx prompt --yes --non-interactive", 0)
  end)
end)
