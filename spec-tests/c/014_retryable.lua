-- REQ-C-014: every failure says whether the same call may succeed later, and when.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local NAMES = { "GENERAL_ERROR", "ARG_ERROR", "PARTIAL_FAILURE", "PRECONDITION", "NOT_FOUND", "CONFLICT",
  "PERMISSION_DENIED", "AUTH_REQUIRED", "PAYMENT_REQUIRED", "TIMEOUT", "RATE_LIMITED", "UNAVAILABLE", "REDIRECTED",
  "LEGAL_HOLD" }

S.req("REQ-C-014", "Errors include retryable and retry_after_ms", function()
  it("1 and 5 error.retryable is what the exit's entry says, for every standard code", function()
    local entries = S.contract("fx exit").exit_codes
    for i, name in ipairs(NAMES) do
      local number = name == "LEGAL_HOLD" and 79 or i
      local r = S.tool { "fx", "exit", name }
      S.status(r, number)
      S.equal(r, entries[tostring(number)].retryable, r.envelope.error.retryable, "retryable of " .. name)
      S.equal(r, name == "TIMEOUT" or name == "RATE_LIMITED" or name == "UNAVAILABLE", r.envelope.error.retryable, name)
      S.equal(r, r.envelope.error.retryable, r.envelope.error.retry_after_ms ~= nil, "retry_after_ms beside retryable")
    end
  end)

  it("2 errors of a rate limit say when to come back", function()
    local r = S.tool "fx suggest --kind limited"
    local e = S.failed(r, 11, "FX_LIMITED")
    S.equal(r, 2500, e.retry_after_ms, "retry_after_ms")
    S.equal(r, "linear_backoff", e.retry_strategy, "retry_strategy")
    r = S.tool { "fx", "exit", "RATE_LIMITED" }
    S.equal(r, 60000, r.envelope.error.retry_after_ms, "the default")
    S.truth(r, ({ immediate = 1, linear_backoff = 1, exponential_backoff = 1 })[r.envelope.error.retry_strategy], "strategy")
  end)

  it("2 the wait that a service names wins", function()
    local server = stub.start { { status = 429, headers = { ["Retry-After"] = "7" } } }
    local r = S.tool { "fx", "fail-status", server.url .. "/", "--retries", "0" }
    S.equal(r, 7000, S.failed(r, 11, "RATE_LIMITED").retry_after_ms, "retry_after_ms")
    server.close()
  end)

  it("3 errors of validation are not retryable and say what to change", function()
    for _, args in ipairs { "fx ok --nonsense", "nothing-like-this", "fx rules --form csv", "fx list --cursor nonsense" } do
      local r = S.status(S.tool(args), 2)
      S.equal(r, false, r.envelope.error.retryable, "retryable")
      S.truth(r, #(r.envelope.error.fix_required or "") > 3, "fix_required")
      S.equal(r, nil, r.envelope.error.retry_after_ms, "retry_after_ms")
    end
  end)

  it("4 a timeout is retryable exactly when nothing can have been changed", function()
    for words, want in pairs { ["fx sleep --timeout 200ms"] = true, ["fx sleep-mutating --timeout 200ms"] = false } do
      local path = words:match("^(%S+ %S+)")
      local r = S.tool(words)
      local entry = S.contract(path).exit_codes["10"]
      S.failed(r, 10, "TIMEOUT")
      S.equal(r, want, r.envelope.error.retryable, "retryable")
      S.equal(r, entry.side_effects == "none", r.envelope.error.retryable, "side_effects")
    end
  end)

  it("a wait on what cannot be retried, and a fix on what can, are refused", function()
    local r, text = S.check("after-final", "fix-transient")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("after/backoff need a retryable exit", 1, true), text)
    S.truth(r, text:find("fix needs a non-retryable exit", 1, true), text)
  end)
end)
