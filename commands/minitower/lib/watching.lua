-- Commands that follow a run. Promise: one shape of their rows, one meaning of how a run ends.

local api = require "lib.api"
local follow = require "lib.follow"
local runs = require "lib.runs"

local M = {}

--- One row: a status, a line of the log, or at the end the run itself.
M.returns = { list = {
  type = "string", run_id = "integer", status = "string?", seq = "integer?", stream = "string?", line = "string?",
  logged_at = "datetime?", ["run?"] = api.run,
}, ordered = true }

M.table = { "type", "run_id", "status", "seq", "stream", "line" }

M.errors = {
  RUN_FAILED = { "The run has failed.", exit = "GENERAL_ERROR" },
  RUN_CANCELLED = { "The run was cancelled.", exit = "PARTIAL_FAILURE" },
}

--- A row for a person.
function M.render(row, ui)
  if row.type == "log" then ui.line(M.log_text(row)) end
  if row.type == "created" then ui.line(M.created_text(row.run)) end
  if row.type == "status" then ui.line(("run %d status: %s"):format(row.run_id, row.status)) end
end

function M.log_text(row) return ("[%d] %s %s"):format(row.seq, row.stream:upper(), row.line) end

function M.created_text(run) return ("Run #%d created (id=%d, status=%s)"):format(run.run_no, run.run_id, run.status) end

local function log_row(ctx, id)
  return function(line)
    ctx.emit { type = "log", run_id = id, seq = line.seq, stream = line.stream, line = line.line,
      logged_at = line.logged_at }
  end
end

--- Follows a run to its end, which decides how the command ends. quiet: without the log. Who stops it before is told that
--- the run does not stop with it.
function M.watch(ctx, id, interval, quiet)
  local going = false
  ctx.hold(id, function()
    if going then ctx.log("info", ("Run %d goes on: runs watch %d follows it, runs cancel %d ends it."):format(id, id, id)) end
  end)
  local run = follow.new(ctx, id):follow(interval, function(run)
    going = not runs.TERMINAL[run.status]
    ctx.emit { type = "status", run_id = id, status = run.status }
  end, log_row(ctx, id), quiet)
  ctx.emit { type = "run", run_id = id, status = run.status, run = run }
  if run.status == "completed" then return end
  local code = run.status == "cancelled" and "RUN_CANCELLED" or "RUN_FAILED"
  ctx.fail(code, { message = ("run %d has ended: %s"):format(id, run.status), context = { run_id = id, status = run.status } })
end

--- Shows the log; with follow until the run has ended, whose outcome does not matter.
function M.logs(ctx, id, after, interval, following)
  local give = log_row(ctx, id)
  local follower = follow.new(ctx, id, after)
  if following then return follower:follow(interval, function() end, give) and nil end
  for _, line in ipairs((follower:poll())) do give(line) end
end

return M
