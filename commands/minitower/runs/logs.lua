local runs = require "lib.runs"
local watching = require "lib.watching"

return {
  about    = "Show what a run has written",
  danger   = "safe", scopes = {}, network = true, timeout = "0s", stream = "default", long_running = true,
  args     = {
    runs.arg,
    { "follow", "boolean", "Go on until the run has ended", short = "f", default = false },
    { "interval", "duration", "Pause between two looks", default = "2s", min = 0.01 },
    { "after-seq", "integer", "Only the lines after this number", default = 0, min = 0 },
  },
  returns  = watching.returns, table = watching.table, render = watching.render,
  exits    = { SUCCESS = "The log is shown, however the run ended" },
  examples = { { "The log so far", "minitower-cli runs logs 1" } },
  run      = function(args, ctx) watching.logs(ctx, args.run, args.after_seq, args.interval, args.follow) end,
}
