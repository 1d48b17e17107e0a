local api = require "lib.api"

return {
  about    = "List the apps of the team",
  danger   = "safe", scopes = {}, network = true, page = 1000, id = "slug",
  returns  = { list = api.app, ordered = true },
  table    = { "app_id", "slug", "disabled", "description", "updated_at" },
  exits    = { SUCCESS = "The apps are listed, possibly none" },
  examples = { { "All apps", "minitower-cli apps list" } },
  run      = function(_, ctx)
    return ctx.list(api.list(ctx, ctx.api.get "/api/v1/apps", "apps", api.app, "an app"))
  end,
}
