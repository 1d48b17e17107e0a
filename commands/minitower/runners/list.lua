local api = require "lib.api"

return {
  about    = "List the runners (admin only)",
  danger   = "safe", scopes = { "admin" }, network = true, page = 1000, id = "runner_id",
  returns  = { list = api.runner, ordered = true },
  table    = { "runner_id", "name", "environment", "status", "last_seen_at" },
  exits    = { SUCCESS = "The runners are listed, possibly none" },
  examples = { { "All runners", "minitower-cli runners list" } },
  run      = function(_, ctx)
    return ctx.list(api.list(ctx, ctx.api.get "/api/v1/admin/runners", "runners", api.runner, "a runner"))
  end,
}
