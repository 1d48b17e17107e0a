local runs = require "lib.runs"
local watching = require "lib.watching"

-- "app#3", or the app and the number apart; without a number the latest run.
local function named(args)
  local app, number = args.app:match("^([^#]+)#(%d+)$")
  return app or args.app, math.tointeger(tonumber(number)) or args.number
end

return {
  about    = "Show what a run of an app has written",
  danger   = "safe", scopes = {}, network = true, timeout = "0s", stream = "default", long_running = true,
  args     = {
    { "app", "string", "The app, or app#number", at = 1, required = true, match = "^[A-Za-z0-9][A-Za-z0-9._-]*(#[0-9]+)?$",
      loose = true },
    { "number", "integer", "Number of the run among those of the app; default: the latest", at = 2, min = 1 },
    { "follow", "boolean", "Go on until the run has ended", short = "f", default = false },
    { "interval", "duration", "Pause between two looks", default = "2s", min = 0.01 },
  },
  returns  = watching.returns, table = watching.table, render = watching.render,
  exits    = { SUCCESS = "The log is shown, however the run ended" },
  errors   = runs.number_errors,
  examples = { { "The log of an app's first run", "minitower-cli apps logs hello#1" } },
  run      = function(args, ctx)
    local app, number = named(args)
    local run
    if number then run = runs.numbered(ctx, app, number) else run = runs.latest(ctx, app) end
    if not run then ctx.fail("RUN_NOT_FOUND", { message = ('no runs found for app "%s"'):format(app) }) end
    watching.logs(ctx, run.run_id, 0, args.interval, args.follow)
  end,
}
