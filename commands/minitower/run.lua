local profile = require "lib.profile"
local runs = require "lib.runs"
local watching = require "lib.watching"

return {
  about    = "Start a run of an app and follow it to its end",
  danger   = "mutating", scopes = {}, network = true, timeout = "0s", stream = "default", long_running = true, id = "run_id",
  args     = {
    { "app", "string", "The app; default: the profile's", at = 1, match = "id" },
    { "parameter", "map", "Input of the run, as name=value", short = "p" },
    { "detached", "boolean", "Do not follow it", short = "d", default = false },
    { "interval", "duration", "Pause between two looks", default = "2s", min = 0.01 },
  },
  returns  = watching.returns, table = watching.table, render = watching.render,
  exits    = { SUCCESS = "The run has completed, or is queued with --detached", PARTIAL_FAILURE = "The run was cancelled" },
  errors   = {
    APP_MISSING = profile.app_errors.APP_MISSING, RUN_FAILED = watching.errors.RUN_FAILED,
    RUN_CANCELLED = watching.errors.RUN_CANCELLED,
  },
  examples = { { "Start a run with input", "minitower-cli run hello -p NAME=Ada --detached" } },
  preview  = function(args, ctx)
    return ctx.would("create", { run = { app_slug = profile.app(ctx, args), input = args.parameter } })
  end,
  run      = function(args, ctx)
    local run = runs.create(ctx, profile.app(ctx, args), { input = args.parameter })
    ctx.emit { type = "created", run_id = run.run_id, status = run.status, run = run }
    if not args.detached then watching.watch(ctx, run.run_id, args.interval) end
  end,
}
