local api = require "lib.api"
local paths = require "lib.paths"

return {
  about    = "Show an app",
  danger   = "safe", scopes = {}, network = true, id = "slug",
  args     = { { "app", "string", "The app", at = 1, required = true, match = "id" } },
  returns  = api.app,
  table    = { "app_id", "slug", "disabled", "description", "updated_at" },
  exits    = { SUCCESS = "The app is there" },
  examples = { { "One app", "minitower-cli apps get hello" } },
  render   = function(app, ui) ui.table({ app }, { "app_id", "slug", "disabled", "description", "updated_at" }) end,
  run      = function(args, ctx) return api.one(ctx, ctx.api.get(paths.app(args.app)), api.app, "an app") end,
}
