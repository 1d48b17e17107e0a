local api = require "lib.api"
local runs = require "lib.runs"

return {
  about    = "Cancel a run; one that has ended stays as it is",
  danger   = "mutating", scopes = {}, network = true, id = "run_id",
  args     = { runs.arg },
  returns  = api.run,
  exits    = { SUCCESS = "The run is cancelled, will be, or had ended" },
  examples = { { "Cancel a run", "minitower-cli runs cancel 1" } },
  render   = function(run, ui) ui.line(("Run %d status: %s"):format(run.run_id, run.status)) end,
  preview  = function(args, ctx) return ctx.would("update", { run = runs.get(ctx, args.run) }) end,
  run      = function(args, ctx) return ctx.updated(runs.cancel(ctx, args.run)) end,
}
