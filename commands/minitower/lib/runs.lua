-- Runs: what they are, and how a command names one.

local api = require "lib.api"
local paths = require "lib.paths"

local M = {}

--- Statuses after which nothing happens any more.
M.TERMINAL = { completed = true, failed = true, cancelled = true, dead = true }

M.columns = { "run_id", "run_no", "app_slug", "status", "version_no", "queued_at" }

--- The row of the parameter that names a run.
M.arg = { "run", "integer", "Id of the run", at = 1, required = true, min = 1 }

--- The errors of M.numbered.
M.number_errors = {
  RUN_NOT_FOUND = { "The app has no run of this number.", exit = "NOT_FOUND", hint = "See `minitower-cli runs list`" },
}

function M.get(ctx, id)
  return api.one(ctx, ctx.api.get(paths.run(id)), api.run, "a run")
end

--- The latest run of an app, or nil.
function M.latest(ctx, app)
  local response = ctx.api.get(paths.app(app, "runs"), { query = { limit = 1 } })
  return api.list(ctx, response, "runs", api.run, "a run")[1]
end

--- The run of an app that has this number, which counts the app's runs only; the command ends when there is none.
function M.numbered(ctx, app, number)
  local offset = 0
  while true do
    local response = ctx.api.get(paths.app(app, "runs"), { query = { limit = 100, offset = offset } })
    local list = api.list(ctx, response, "runs", api.run, "a run")
    for _, run in ipairs(list) do
      if run.run_no == number then return run end
    end
    offset = offset + #list
    if #list == 0 or list[#list].run_no < number then
      ctx.fail("RUN_NOT_FOUND", { message = ('app "%s" has no run %d'):format(app, number) })
    end
  end
end

--- Creates a run. fields: input, version_no, priority, max_retries; what is nil is left to the service.
function M.create(ctx, app, fields)
  return api.one(ctx, ctx.api.post(paths.app(app, "runs"), { json = fields }), api.run, "a run")
end

function M.cancel(ctx, id)
  return api.one(ctx, ctx.api.post(paths.run(id, "cancel")), api.run, "a run")
end

return M
