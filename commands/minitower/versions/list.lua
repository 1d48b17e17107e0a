local api = require "lib.api"
local paths = require "lib.paths"
local profile = require "lib.profile"

return {
  about    = "List the versions of an app, newest first",
  danger   = "safe", scopes = {}, network = true, page = 1000, id = "version_no",
  args     = { { "app", "string", "The app; default: the profile's", match = "id" } },
  returns  = { list = api.version, ordered = true },
  table    = { "version_no", "version_id", "entrypoint", "artifact_sha256", "created_at" },
  exits    = { SUCCESS = "The versions are listed, possibly none" },
  errors   = profile.app_errors,
  examples = { { "All versions of an app", "minitower-cli versions list --app hello" } },
  run      = function(args, ctx)
    local response = ctx.api.get(paths.app(profile.app(ctx, args), "versions"))
    return ctx.list(api.list(ctx, response, "versions", api.version, "a version"))
  end,
}
