--- `tool job status ID`: how a job stands.
-- Promise: the exit says it: 0 complete, 3 running, 4 failed or cancelled, 5 unknown; data describes the job in each case.

local jobs = require "jobs"

return {
  about = "Show how a job stands", danger = "safe", scopes = {}, framework = true, since = "0.1", external = false,
  args = { { "job-id", "string", "The job, as its command named it", required = true, at = 1, match = "id" } },
  returns = {
    job_id = "string", status = "string", terminal = "boolean", status_command = "string", cancel_command = "string",
    poll_interval_ms = "integer", timeout_ms = "integer", ["result?"] = "any", ["error?"] = { ["…"] = "any" },
  },
  exits = {
    SUCCESS = "The job is complete; data.result is what it gave",
    PARTIAL_FAILURE = { "The job still runs; data.poll_interval_ms says when to look again", side_effects = "none" },
    PRECONDITION = "The job has failed or was cancelled; data.error says why",
    NOT_FOUND = "There is no such job",
  },
  errors = {
    JOB_RUNNING = { "The job is still running.", exit = "PARTIAL_FAILURE", fix = "Wait for the job to finish" },
    JOB_FAILED = { "The job has failed.", exit = "PRECONDITION", fix = "Read data.error, then start a new job" },
    JOB_CANCELLED = { "The job was cancelled.", exit = "PRECONDITION", fix = "Start a new job" },
    JOB_UNKNOWN = { "There is no such job.", exit = "NOT_FOUND" },
  },
  examples = { { "Look once", "tool job status 01J9ZK3V4T5Q6R7S8W9XABCDEF" } },
  run = function(args, ctx)
    local record, result = jobs.look(args.job_id)
    if not record then ctx.fail("JOB_UNKNOWN", { context = { job_id = args.job_id } }) end
    local status = result and result.status or "running"
    local data = jobs.descriptor(record, status)
    data.result, data.error = result and result.data, result and result.error
    if status == "complete" then return data end
    ctx.fail(status == "running" and "JOB_RUNNING" or status == "failed" and "JOB_FAILED" or "JOB_CANCELLED",
      { data = data, cause = data.error and data.error.message })
  end,
}
