-- REQ-F-078: repetitions are counted, limited and paid for from one time budget.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local BUSY, GOOD = { status = 503, body = "busy" }, { body = "good" }

local function fetch(script, ...)
  local server = stub.start(script)
  local r = S.tool { "fx", "fetch", server.url .. "/x", ... }
  server.close()
  return r, server
end

S.req("REQ-F-078", "Retry count in response meta", function()
  it("1 and 3 two failures, then success: meta.retries is 2", function()
    local r, server = fetch({ BUSY, { reset = true }, GOOD }, "--retries", "3", "--retry-delay", "10ms")
    S.status(r, 0)
    S.equal(r, 2, r.envelope.meta.retries, "meta.retries")
    assert.equal(3, #server.requests)
  end)

  it("2 without a repetition there is no key", function()
    local r = S.status(fetch({ GOOD }, "--retries", "3"), 0)
    S.equal(r, nil, r.envelope.meta.retries, "meta.retries")
  end)

  it("3 --retries 0 fails on the first error", function()
    local r, server = fetch({ BUSY, GOOD }, "--retries", "0")
    S.status(r, 12)
    S.equal(r, nil, r.envelope.meta.retries, "meta.retries")
    S.equal(r, nil, r.envelope.error.retries_exhausted, "retries_exhausted")
    assert.equal(1, #server.requests)
  end)

  it("3 --retry-delay is the first wait, and it grows", function()
    local _, server = fetch({ BUSY, BUSY, GOOD }, "--retries", "2", "--retry-delay", "120ms")
    local first = server.requests[2].at_ms - server.requests[1].at_ms
    local second = server.requests[3].at_ms - server.requests[2].at_ms
    assert.is_true(first >= 119 and first < 1000, "first wait " .. first)
    assert.is_true(second >= 239 and second < 2000, "second wait " .. second)
  end)

  it("3 a senseless value is refused", function()
    for _, args in ipairs { { "--retries", "-1" }, { "--retries", "many" }, { "--retry-delay", "soon" } } do
      local r, server = fetch({ GOOD }, args[1], args[2])
      S.status(r, 2)
      assert.equal(0, #server.requests)
    end
  end)

  it("4 after all repetitions the error is not retryable and says how many there were", function()
    for _, script in ipairs { { BUSY }, { { reset = true } } } do
      local r, server = fetch(script, "--retries", "3", "--retry-delay", "10ms")
      local e = S.status(r, 12).envelope.error
      S.equal(r, 3, r.envelope.meta.retries, "meta.retries")
      S.equal(r, false, e.retryable, "retryable")
      S.equal(r, 3, e.retries_exhausted, "retries_exhausted")
      S.equal(r, nil, e.retry_after_ms, "retry_after_ms")
      S.equal(r, nil, e.retry_strategy, "retry_strategy")
      assert.equal(4, #server.requests)
    end
  end)

  it("5 all of them share the one --timeout", function()
    local r, server = fetch({ BUSY }, "--retries", "50", "--retry-delay", "100ms", "--timeout", "700ms")
    S.status(r, 10)
    S.truth(r, r.elapsed_ms < 1500, "the run took " .. r.elapsed_ms .. " ms")
    S.truth(r, #server.requests >= 2 and #server.requests < 8, #server.requests .. " requests")
  end)

  it("what is not idempotent is not repeated", function()
    local server = stub.start { BUSY, GOOD }
    local r = S.tool { "fx", "post", server.url .. "/x", "--retries", "3", "--retry-delay", "10ms" }
    server.close()
    S.truth(r, r.status ~= 0, "success")
    assert.equal(1, #server.requests)
    S.equal(r, nil, r.envelope.meta.retries, "meta.retries")
  end)
end)
