local profile = require "lib.profile"
local runs = require "lib.runs"
local watching = require "lib.watching"

return {
  about    = "Follow a run to its end: what it writes, and how it ends",
  danger   = "safe", scopes = {}, network = true, timeout = "0s", stream = "default", long_running = true, id = "run_id",
  args     = {
    { "run", "integer", "Id of the run; default: the latest one of the app", at = 1, min = 1 },
    { "app", "string", "The app whose latest run is followed; default: the profile's", match = "id" },
    { "status-only", "boolean", "Only the statuses, not what it writes", default = false },
    { "interval", "duration", "Pause between two looks", default = "2s", min = 0.01 },
  },
  returns  = watching.returns, table = watching.table, render = watching.render,
  exits    = { SUCCESS = "The run has completed", PARTIAL_FAILURE = "The run was cancelled" },
  errors   = {
    APP_MISSING = profile.app_errors.APP_MISSING, RUN_FAILED = watching.errors.RUN_FAILED,
    RUN_CANCELLED = watching.errors.RUN_CANCELLED,
    RUN_NOT_FOUND = { "The app has no runs.", exit = "NOT_FOUND" },
  },
  examples = { { "Follow a run", "minitower-cli runs watch 1" } },
  run      = function(args, ctx)
    local id = args.run
    if not id then
      local app = profile.app(ctx, args)
      local latest = runs.latest(ctx, app)
      if not latest then ctx.fail("RUN_NOT_FOUND", { message = ('no runs found for app "%s"'):format(app) }) end
      id = latest.run_id
    end
    watching.watch(ctx, id, args.interval, args.status_only)
  end,
}
