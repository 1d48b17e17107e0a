local api = require "lib.api"
local runs = require "lib.runs"

return {
  about    = "Cancel a run of an app; one that has ended stays as it is",
  danger   = "mutating", scopes = {}, network = true, id = "run_id",
  args     = {
    { "app", "string", "The app", at = 1, required = true, match = "id" },
    { "number", "integer", "Number of the run among those of the app", at = 2, required = true, min = 1 },
  },
  returns  = api.run,
  exits    = { SUCCESS = "The run is cancelled, will be, or had ended" },
  errors   = runs.number_errors,
  examples = { { "Cancel an app's first run", "minitower-cli apps cancel hello 1" } },
  render   = function(run, ui) ui.line(("Run %d status: %s"):format(run.run_id, run.status)) end,
  preview  = function(args, ctx) return ctx.would("update", { run = runs.numbered(ctx, args.app, args.number) }) end,
  run      = function(args, ctx)
    return ctx.updated(runs.cancel(ctx, runs.numbered(ctx, args.app, args.number).run_id))
  end,
}
