--- `tool job cancel ID`: ends a job.
-- Promise: when it has answered the job does not run any more; a job that has ended already is left as it is.

local jobs = require "jobs"

return {
  about = "Cancel a job", danger = "mutating", scopes = {}, framework = true, since = "0.1", idempotent = true,
  external = false, timeout = "20s",
  args = { { "job-id", "string", "The job, as its command named it", required = true, at = 1, match = "id" } },
  returns = { job_id = "string", status = "string" },
  exits = { SUCCESS = "The job does not run any more", NOT_FOUND = "There is no such job" },
  errors = { JOB_UNKNOWN = { "There is no such job.", exit = "NOT_FOUND" } },
  examples = { { "End a job", "tool job cancel 01J9ZK3V4T5Q6R7S8W9XABCDEF" } },
  places = function() return { jobs.base() } end,
  preview = function(args, ctx) return ctx.would("update", { job_id = args.job_id, status = "cancelled" }) end,
  run = function(args, ctx)
    local record, result = jobs.look(args.job_id)
    if not record then ctx.fail("JOB_UNKNOWN", { context = { job_id = args.job_id } }) end
    if result then return ctx.noop { job_id = record.id, status = result.status } end
    local ran = jobs.cancel(record)
    local _, now = jobs.look(record.id)
    local data = { job_id = record.id, status = now and now.status or "cancelled" }
    return ran and ctx.updated(data) or ctx.noop(data)
  end,
}
