-- ctx.job: begins a job, or, in the job's own process, does its work (authoring §4, REQ-C-022).
-- Promise: what the function returns fits the contract's `returns`; however it ends, the job's record says so.

local context = require "ctx"
local failure = require "failure"
local host = require "host"
local jobs = require "jobs"

local function result_of(run, value)
  local data = value
  local result = context.result_of(value)
  if result then
    data = { effect = result.effect }
    for key, item in pairs(result.data) do data[key] = item end
  end
  local ok, err = require("schema").check(run.contract, data, "job_result")
  if not ok then
    failure.raise("OUTPUT_INVALID", { exit = "GENERAL_ERROR", context = { path = err.path },
      message = ("The job's result does not fit its contract at %s: %s."):format(err.path, err.message) })
  end
  return data
end

local function end_with(run, status, code, message)
  jobs.finish(run.job, { status = status, error = { code = code, message = message, retryable = false } })
end

-- Does the work. A failure is written down and then ends this process as it would end any command.
local function work(run, fn)
  local before = run.on_cut
  function run.on_cut()
    if before then before() end
    if run.remaining_ms() == 0 then
      end_with(run, "failed", "TIMEOUT", ("The job did not end within %d ms."):format(run.contract.job.timeout_ms))
    else
      end_with(run, "cancelled", "CANCELLED", "The job was stopped.")
    end
  end
  local keepable = require("idempotency").keepable
  local ok, value = xpcall(function() return result_of(run, fn(run.ctx)) end, function(err)
    if failure.is(err) then return err end
    host.send("L", "error", host.traceback(tostring(err), 2))
    return failure.new("COMMAND_FAILED", { message = "The job's code raised an error.", exit = "GENERAL_ERROR" })
  end)
  if not ok then
    if not failure.is(value) then error(value, 0) end
    jobs.finish(run.job, { status = "failed",
      error = keepable(run, (require("answer").error(value, run.contract, run.started))) })
    error(value, 0)
  end
  local kept = keepable(run, value)
  if run.contract.external and not host.json.is_array(kept) then kept._source, kept._trusted = "external", false end
  jobs.finish(run.job, { status = "complete", data = kept })
  local record = jobs.look(run.job.id)
  return jobs.descriptor(record, "complete")
end

return {
  open = function(run)
    --- Runs fn(ctx) in a process of its own that goes on when this call has answered; returns the job's descriptor.
    local function job(fn)
      if run.job then return work(run, fn) end
      run.preview, run.launching = false, false
      return jobs.start(run)
    end
    return { job = job }
  end,
}
