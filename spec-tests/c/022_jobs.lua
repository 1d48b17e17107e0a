-- REQ-C-022: work that outlives its call is described, watched and ended.
local S = require "lib.spec"

local FIELDS = { "cancel_command", "job_id", "poll_interval_ms", "status", "status_command", "terminal", "timeout_ms" }

local home = S.dir "home"

local function tool(words, opts)
  opts = opts or {}
  opts.env = opts.env or {}
  opts.env.HOME = home
  opts.may_leave, opts.spare, opts.settle_ms = true, true, 0
  return S.tool(words, opts)
end

-- Starts a job; gives its descriptor, its directory and the run.
local function start(...)
  local dir = S.dir()
  local r = S.status(tool { "fx", "export", "--dir", dir, ... }, 0)
  return r.envelope.data, dir, r
end

-- The words of a command line that an answer names.
local function words(line) return (assert(line:match("^tool (.*)$"), line)) end

-- Asks until the job is over; the statuses seen on the way, and the last run.
local function wait(job)
  local seen, last = {}, nil
  S.driver.wait_for(function()
    last = tool(words(job.status_command))
    seen[#seen + 1] = last.status
    return last.status ~= 3
  end, 8000)
  return seen, last
end

S.req("REQ-C-022", "Async commands declare a job descriptor", function()
  it("1 --schema shows async and the descriptor's schema", function()
    local data = S.contract "fx export"
    assert.is_true(data["async"])
    local required = data.job_descriptor_schema.required
    table.sort(required)
    assert.same(FIELDS, required)
    for _, name in ipairs(FIELDS) do assert.truthy(data.output_schema.properties[name], name) end
    assert.equal("partial", data.exit_codes["0"].side_effects)
  end)

  it("2 the answer has all seven fields and comes before the work is done", function()
    local job, dir, r = start("--work", "1s")
    for _, name in ipairs(FIELDS) do S.truth(r, job[name] ~= nil, name) end
    S.equal(r, { "running", false, 100, 2000, "created" },
      { job.status, job.terminal, job.poll_interval_ms, job.timeout_ms, job.effect }, "data")
    S.truth(r, r.elapsed_ms < 800, "waited for the work")
    assert.same({}, S.schema.validate(S.contract("fx export").output_schema, job))
    assert.is_false(S.exists(dir .. "/done"))
    local seen, last = wait(job)
    S.equal(last, 3, seen[1], "the first look")
    S.status(last, 0)
    assert.is_true(S.exists(dir .. "/done"))
    assert.equal("x\n", S.slurp(dir .. "/begun"))
  end)

  it("3 status exits 3 while it runs and 0 when it is complete, with the result", function()
    local job = start("--work", "300ms")
    local r = tool(words(job.status_command))
    local e = S.failed(r, 3, "JOB_RUNNING")
    S.equal(r, false, e.retryable, "retryable")
    S.equal(r, { "running", false }, { r.envelope.data.status, r.envelope.data.terminal }, "data")
    local _, last = wait(job)
    S.status(last, 0)
    S.equal(last, { "complete", true }, { last.envelope.data.status, last.envelope.data.terminal }, "data")
    S.equal(last, 1, last.envelope.data.result.files, "result")
  end)

  it("3 status exits 4 when it failed: by the command, by a fault, by its result, by the time limit", function()
    for how, code in pairs { fail = "FX_EXPORT", throw = "COMMAND_FAILED", misfit = "OUTPUT_INVALID", spin = "TIMEOUT" } do
      local job, dir = start("--end", how)
      local _, last = wait(job)
      local e = S.failed(last, 4, "JOB_FAILED")
      S.equal(last, { "failed", true }, { last.envelope.data.status, last.envelope.data.terminal }, "data")
      S.equal(last, code, last.envelope.data.error.code, "data.error")
      S.truth(last, #(e.fix_required or "") > 3, "fix_required")
      assert.is_false(S.exists(dir .. "/done"))
      S.truth(last, not last.stdout:find(".lua:", 1, true), "a trace on stdout")
    end
  end)

  it("3 status exits 4 when its process was killed, 5 when nobody knows it", function()
    local job = start("--work", "1h")
    local record = S.json.decode(S.slurp(home .. "/.local/share/tool/jobs/" .. job.job_id .. "/job.json"))
    S.run({ "sh", "-c", 'kill -KILL $(cat /proc/$0/task/$0/children) $0', tostring(record.keeper) })
    local _, last = wait(job)
    S.failed(last, 4, "JOB_FAILED")
    S.equal(last, "JOB_LOST", last.envelope.data.error.code, "data.error")
    S.failed(tool "job status 01ARZ3NDEKTSV4RRFFQ69G5FAV", 5, "JOB_UNKNOWN")
    S.failed(tool "job cancel 01ARZ3NDEKTSV4RRFFQ69G5FAV", 5, "JOB_UNKNOWN")
    S.status(tool "job status ../x", 2)
  end)

  it("5 cancel ends it and all that it started; again it is a noop", function()
    local job, dir = start("--end", "die")
    S.driver.wait_for(function() return #(S.slurp(dir .. "/child.pid") or "") > 0 end, 5000)
    local child = S.slurp(dir .. "/child.pid"):match("%d+")
    local dry = S.status(tool(words(job.cancel_command) .. " --dry-run"), 0)
    S.equal(dry, "would_update", dry.envelope.data.effect, "effect of a dry run")
    S.failed(tool(words(job.status_command)), 3, "JOB_RUNNING")
    local r = S.status(tool(words(job.cancel_command)), 0)
    S.equal(r, { effect = "updated", job_id = job.job_id, status = "cancelled" }, r.envelope.data, "data")
    S.truth(r, not S.exists("/proc/" .. child), "the job's program lives")
    r = S.status(tool(words(job.cancel_command)), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    r = tool(words(job.status_command))
    S.failed(r, 4, "JOB_CANCELLED")
    S.equal(r, { "cancelled", true }, { r.envelope.data.status, r.envelope.data.terminal }, "data")
  end)

  it("5 cancelling what is complete changes nothing", function()
    local job = start()
    wait(job)
    local r = S.status(tool(words(job.cancel_command)), 0)
    S.equal(r, { effect = "noop", job_id = job.job_id, status = "complete" }, r.envelope.data, "data")
    S.status(tool(words(job.status_command)), 0)
  end)

  it("4 a contract without what a job needs is refused, and so is a job without the declaration", function()
    local r, text = S.check("job-schema-lacks", "job-no-times", "job-undeclared", "job-no-schema")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { 'job schema lacks "cancel_command"', "poll and timeout are required",
      "ctx.job used but job is not declared", "async command requires a job descriptor schema" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)

  it("nothing is changed before the job begins, nor by a dry run", function()
    local dir = S.dir()
    S.failed(tool { "fx", "export", "--dir", dir, "--early" }, 1, "JOB_EFFECT")
    local r = S.status(tool { "fx", "export", "--dir", dir, "--dry-run" }, 0)
    S.equal(r, "would_create", r.envelope.data.effect, "effect")
    assert.same({}, S.list(dir))
  end)

  it("a key starts one job, however often it is used", function()
    local dir = S.dir()
    local args = { "fx", "export", "--dir", dir, "--idempotency-key", "k" }
    local first, second = S.status(tool(args), 0), S.status(tool(args), 0)
    S.equal(second, first.envelope.data.job_id, second.envelope.data.job_id, "job_id")
    S.equal(second, "noop", second.envelope.data.effect, "effect")
    wait(first.envelope.data)
    assert.equal("x\n", S.slurp(dir .. "/begun"))
  end)

  it("what is kept of a job is its owner's alone and holds no secret", function()
    local dir = S.dir()
    local r = S.status(tool({ "fx", "export", "--dir", dir, "--pin-from-env", "MY_PIN" },
      { env = { MY_PIN = "correct-horse-battery" } }), 0)
    local _, last = wait(r.envelope.data)
    S.equal(last, "pin [REDACTED]", last.envelope.data.result.text, "text")
    local base = home .. "/.local/share/tool/jobs/" .. r.envelope.data.job_id
    assert.equal("700\n", S.run({ "stat", "-c", "%a", base }).stdout)
    for _, name in ipairs(S.list(base)) do
      assert.equal("600\n", S.run({ "stat", "-c", "%a", base .. "/" .. name }).stdout, name)
      assert.is_nil(S.slurp(base .. "/" .. name):find("correct-horse-battery", 1, true), name)
    end
  end)
end)
