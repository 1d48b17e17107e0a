-- REQ-C-008: a command of several steps says which are done.
local S = require "lib.spec"

local ALL = { "fetch", "unpack", "link", "start" }

local function work(...) return S.tool { "fx", "work", "--dir", S.dir(), ... } end

local function steps(r, done, failed, skipped)
  local data = r.envelope.data
  S.equal(r, S.json.array(done), data.completed_steps, "completed_steps")
  S.equal(r, failed or S.json.null, data.failed_step, "failed_step")
  S.equal(r, S.json.array(skipped), data.skipped_steps, "skipped_steps")
end

S.req("REQ-C-008", "Multi-step commands emit a step manifest", function()
  it("1 --schema lists the steps in the order in which they run", function()
    assert.same(ALL, S.contract("fx work").steps)
    assert.equal("PARTIAL_FAILURE", S.contract("fx work").exit_codes["3"].name)
    assert.is_nil(S.contract("fx ok").steps)
  end)

  it("2 and 3 a failure behind a finished step exits 3 and names done, failed and skipped steps", function()
    local r = work("--fail-at", "link")
    local e = S.failed(r, 3, "PARTIAL_FAILURE")
    steps(r, { "fetch", "unpack" }, "link", { "start" })
    S.equal(r, true, r.envelope.data.partial, "partial")
    S.equal(r, "FX_WORK", e.context.code, "the cause")
    S.equal(r, false, e.retryable, "retryable")
  end)

  it("2 a failure of the first step exits with its own code", function()
    local r = work("--fail-at", "fetch")
    S.failed(r, 5, "FX_WORK")
    steps(r, {}, "fetch", { "unpack", "link", "start" })
    S.equal(r, false, r.envelope.data.partial, "partial")
  end)

  it("2 an error of the command's code inside a step is told in the same way", function()
    local r = work("--die-at", "link")
    S.failed(r, 3, "PARTIAL_FAILURE")
    steps(r, { "fetch", "unpack" }, "link", { "start" })
    S.truth(r, not r.stdout:find(".lua:", 1, true), "a trace on stdout")
  end)

  it("4 a timeout and signals carry the same fields", function()
    for _, case in ipairs {
      { 10, { "--timeout", "300ms" } }, { 143, { "--verbose" }, "TERM" }, { 130, { "--verbose" }, "INT" },
    } do
      local args = { "fx", "work", "--dir", S.dir(), "--hang-at", "link", table.unpack(case[2]) }
      local r = S.tool(args, { signals = case[3] and { { case[3], when_stderr = "ready" } } or nil })
      S.status(r, case[1])
      steps(r, { "fetch", "unpack" }, "link", { "start" })
      S.equal(r, true, r.envelope.data.partial, "partial")
    end
    local r = S.tool { "fx", "work", "--dir", S.dir(), "--hang-at", "fetch", "--timeout", "200ms" }
    S.status(r, 10)
    steps(r, {}, "fetch", { "unpack", "link", "start" })
  end)

  it("5 start and end of each step are rows of a stream, and lines on stderr for people", function()
    local r = S.status(work("--output", "jsonl"), 0)
    local events = {}
    for _, row in ipairs(r.rows) do
      if row.event then events[#events + 1] = ("%s %s %d/%d"):format(row.event, row.step, row.index, row.of) end
    end
    local want = {}
    for i, name in ipairs(ALL) do
      want[#want + 1] = ("step_start %s %d/4"):format(name, i)
      want[#want + 1] = ("step_complete %s %d/4"):format(name, i)
    end
    assert.same(want, events)
    r = S.status(work "--verbose", 0)
    for i, name in ipairs(ALL) do
      S.truth(r, r.stderr:find(("step %d/4 %s done"):format(i, name), 1, true), name .. " is not told")
    end
  end)

  it("5 in one envelope the finished timeline is in meta.steps", function()
    local r = work("--fail-at", "link")
    local told = {}
    for _, row in ipairs(r.envelope.meta.steps) do
      S.equal(r, "integer", math.type(row.duration_ms), "duration_ms")
      told[#told + 1] = row.step .. " " .. row.status
    end
    S.equal(r, { "fetch completed", "unpack completed", "link failed" }, told, "meta.steps")
  end)

  it("6 a success has the three fields too", function()
    local r = S.status(work(), 0)
    steps(r, ALL, nil, {})
    S.equal(r, "start", r.envelope.data.last, "the command's own field")
    assert.same({}, S.schema.validate(S.contract("fx work").output_schema, r.envelope.data))
  end)

  it("names that are empty, twice there or not declared are refused", function()
    local r, text = S.check("steps-twice", "steps-empty", "step-undeclared", "step-unlisted")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { "steps must be unique, non-empty names", 'step "other" is not declared',
      "ctx.step used but steps is not declared" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)
end)
