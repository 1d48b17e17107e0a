local api = require "lib.api"
local runs = require "lib.runs"

return {
  about    = "Show a run",
  danger   = "safe", scopes = {}, network = true, id = "run_id",
  args     = { runs.arg },
  returns  = api.run,
  exits    = { SUCCESS = "The run is there" },
  examples = { { "One run", "minitower-cli runs get 1" } },
  render   = function(run, ui) ui.table({ run }, runs.columns) end,
  run      = function(args, ctx) return runs.get(ctx, args.run) end,
}
