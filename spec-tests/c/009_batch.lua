-- REQ-C-009: a command on many items answers for each of them.
local S = require "lib.spec"

local IDS = { "a", "b", "c", "d", "e" }

local function batch(dir, ids, ...)
  local args = { "fx", "batch", "--dir", dir, ... }
  for _, id in ipairs(ids) do args[#args + 1] = id end
  return S.tool(args)
end

-- Checks the sums and gives the items by id, in the order of the call.
local function items(r, ids)
  local data, by_id, failed = r.envelope.data, {}, 0
  S.equal(r, #ids, #data.results, "results")
  for i, item in ipairs(data.results) do
    S.equal(r, ids[i], item.id, "order of results")
    S.truth(r, type(item.ok) == "boolean" and (item.ok or type(item.error) == "table"), "ok and error of " .. item.id)
    if not item.ok then
      failed = failed + 1
      S.truth(r, type(item.error.code) == "string" and type(item.error.message) == "string"
        and type(item.error.retryable) == "boolean", "the error of " .. item.id)
    end
    by_id[item.id] = item
  end
  S.equal(r, { failed = failed, succeeded = #ids - failed, total = #ids }, data.summary, "summary")
  S.equal(r, failed > 0, data.partial, "partial")
  return by_id
end

S.req("REQ-C-009", "Batch commands report per-item results", function()
  it("1 to 3 the sums are right and every item that failed says why", function()
    local r = batch(S.dir(), IDS, "--bad", "b", "--busy", "d")
    S.failed(r, 3, "PARTIAL_FAILURE")
    local all = items(r, IDS)
    S.equal(r, { code = "FILE_LOCKED", message = "The thing is locked.", retryable = false }, all.b.error, "the error of b")
    S.equal(r, { true, 1000 }, { all.d.error.retryable, all.d.error.retry_after_ms }, "retry of d")
    S.truth(r, all.a.ok and all.c.ok and all.e.ok, "the others are done")
  end)

  it("4 a part that failed makes the whole fail, and the whole is not retryable", function()
    local r = batch(S.dir(), IDS, "--bad", "e")
    S.equal(r, false, S.failed(r, 3, "PARTIAL_FAILURE").retryable, "retryable")
    r = batch(S.dir(), { "a", "b" }, "--bad", "a", "--bad", "b")
    S.failed(r, 3, "PARTIAL_FAILURE")
    items(r, { "a", "b" })
    S.equal(r, "noop", r.envelope.data.effect, "effect")
  end)

  it("all well: exit 0, nothing failed, and the effect tells whether anything changed", function()
    local dir = S.dir()
    local r = S.status(batch(dir, IDS), 0)
    items(r, IDS)
    S.equal(r, "updated", r.envelope.data.effect, "effect")
    S.equal(r, { size = 1 }, r.envelope.data.results[1].data, "the data of an item")
    r = S.status(batch(dir, IDS), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    assert.same({}, S.schema.validate(S.contract("fx batch").output_schema, r.envelope.data))
  end)

  it("the failed items can be repeated by themselves", function()
    local dir, again = S.dir(), {}
    local r = batch(dir, IDS, "--bad", "b", "--busy", "d")
    for _, item in ipairs(r.envelope.data.results) do
      if not item.ok then again[#again + 1] = item.id end
    end
    assert.same({ "b", "d" }, again)
    S.status(batch(dir, again), 0)
    assert.same(IDS, S.list(dir))
  end)

  it("an error of the command's code in one item does not take the answers of the others along", function()
    local r = batch(S.dir(), IDS, "--broken", "c")
    S.failed(r, 3, "PARTIAL_FAILURE")
    assert.equal("COMMAND_FAILED", items(r, IDS).c.error.code)
    S.truth(r, not r.stdout:find(".lua:", 1, true), "a trace on stdout")
    S.truth(r, r.stderr:find("boom in an item", 1, true), "no trace on stderr")
  end)

  it("a timeout keeps the answers that are there", function()
    local r = batch(S.dir(), IDS, "--hang", "c", "--timeout", "300ms")
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, { failed = 0, succeeded = 2, total = 2 }, r.envelope.data.summary, "summary")
    S.equal(r, true, r.envelope.data.partial, "partial")
  end)

  it("batch must name a list", function()
    local r, text = S.check("batch-nothing", "batch-scalar", "each-undeclared")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("batch must name a declared array parameter", 1, true), text)
    S.truth(r, text:find("ctx.each used but batch is not declared", 1, true), text)
  end)
end)
