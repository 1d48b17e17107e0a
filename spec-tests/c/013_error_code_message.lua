-- REQ-C-013: every failure has a code and a sentence.
local S = require "lib.spec"

-- Failures of every kind: declared, Lua errors, memory, native faults, refusals; each with its status and code.
local FAILURES = {
  { 5, "FX_NOT_FOUND", "fx exit --name NOT_FOUND" }, { 1, nil, "fx throw" },
  { 1, nil, "fx throw --how nil-index" }, { 1, nil, "fx throw --how table" },
  { 1, nil, "fx throw --how nil" }, { 1, nil, "fx throw --how stack" },
  { 1, "OUTPUT_INVALID", "fx throw --how wrong-result" }, { 1, "OUT_OF_MEMORY", "fx memory" },
  { 1, nil, "fx memory --how string" }, { 1, nil, "fx native --call null_deref" },
  { 1, nil, "fx native --call abort_now" }, { 1, nil, "fx native --call exit_now" }, { 10, "TIMEOUT", "fx spin" },
  { 2, "COMMAND_NOT_FOUND", "nothing" }, { 2, "ARG_ERROR", "fx ok --nonsense" },
  { 6, "FX_BUSY", "fx suggest --kind busy" },
}

-- Runs all of them once; gives the judged runs.
local runs
local function failures()
  if runs then return runs end
  runs = {}
  for i, case in ipairs(FAILURES) do runs[i] = S.tool(case[3]) end
  return runs
end

S.req("REQ-C-013", "Errors include code and message", function()
  it("1 every non-zero exit has an error", function()
    for i, r in ipairs(failures()) do
      S.truth(r, r.envelope.error ~= S.json.null, "no error")
      if FAILURES[i][2] then S.failed(r, FAILURES[i][1], FAILURES[i][2]) else S.status(r, FAILURES[i][1]) end
    end
  end)

  it("2 codes are UPPER_CASE words", function()
    for _, r in ipairs(failures()) do
      S.truth(r, r.envelope.error.code:find("^[A-Z][A-Z0-9_]+$"), "error.code")
    end
    S.failed(S.check "odd-code", 2, "REGISTRATION_ERROR")
    S.failed(S.check "no-exit-of-error", 2, "REGISTRATION_ERROR")
    S.failed(S.check "undeclared-exit", 2, "REGISTRATION_ERROR")
  end)

  it("3 messages are sentences; the host ends one that its author left open", function()
    for _, r in ipairs(failures()) do
      S.truth(r, r.envelope.error.message:find("[.!?]$") and #r.envelope.error.message > 8, "error.message")
    end
    local r = S.tool { "fx", "suggest", "--kind", "busy" }
    S.equal(r, "The thing is busy.", r.envelope.error.message, "error.message")
  end)

  it("4 no trace on stdout, ever", function()
    for _, r in ipairs(failures()) do
      for _, mark in ipairs { "stack traceback", ".lua:", "[C]:", "in function" } do
        S.truth(r, not r.stdout:find(mark, 1, true), "stdout holds " .. mark)
      end
    end
  end)

  it("5 recoverable errors say what to do next, and carry cause, docs and context", function()
    local r = S.tool { "fx", "suggest", "--kind", "busy" }
    local e = S.failed(r, 6, "FX_BUSY")
    S.equal(r, "See `tool fx list`.", e.suggestion, "suggestion")
    S.equal(r, "Wait for the other run", e.fix_required, "fix_required")
    S.equal(r, "https://example.com/busy", e.docs_url, "docs_url")
    S.equal(r, "the fixture said so", e.cause, "cause")
    S.equal(r, "busy", e.context.kind, "context")
    r = S.tool { "fx", "suggest", "--kind", "login" }
    e = S.failed(r, 8, "FX_LOGIN")
    S.truth(r, #(e.suggestion or "") > 3, "no suggestion beside fix_required")
    S.equal(r, "tool fx ok", e.fix_command, "fix_command")
    r = S.tool { "fx", "suggest", "--kind", "limited" }
    e = S.failed(r, 11, "FX_LIMITED")
    S.equal(r, 2500, e.retry_after_ms, "retry_after_ms")
    S.equal(r, "linear_backoff", e.retry_strategy, "retry_strategy")
    S.truth(r, #(e.suggestion or "") > 3, "no suggestion for a retryable error")
  end)

  it("unknown commands exit 2 with COMMAND_NOT_FOUND and a neighbour", function()
    local e, r
    for _, args in ipairs { { "nothing-like-this" }, { "fx", "nothing-like-this" }, { "manifst" } } do
      r = S.tool(args)
      e = S.failed(r, 2, "COMMAND_NOT_FOUND")
    end
    S.truth(r, S.json.encode(e):find("manifest", 1, true), "the neighbour is not named")
    e = S.failed(S.tool { "list-agents" }, 2, "COMMAND_NOT_FOUND")
    S.truth(r, e.hint:find("`tool sentryagent list-agents`", 1, true), "the command of a suite is not named")
  end)
end)
