local api = require "lib.api"
local paths = require "lib.paths"
local profile = require "lib.profile"

return {
  about    = "Show a version of an app",
  danger   = "safe", scopes = {}, network = true, id = "version_no",
  args     = {
    { "number", "integer", "Number of the version", at = 1, required = true, min = 1 },
    { "app", "string", "The app; default: the profile's", match = "id" },
  },
  returns  = api.version,
  exits    = { SUCCESS = "The version is there" },
  errors   = {
    APP_MISSING = profile.app_errors.APP_MISSING,
    VERSION_NOT_FOUND = { "The app has no such version.", exit = "NOT_FOUND" },
  },
  examples = { { "One version", "minitower-cli versions get 1 --app hello" } },
  render   = function(version, ui)
    ui.table({ version }, { "version_no", "version_id", "entrypoint", "artifact_sha256", "created_at" })
  end,
  run      = function(args, ctx)         -- the service has no route for one version
    local response = ctx.api.get(paths.app(profile.app(ctx, args), "versions"))
    for _, version in ipairs(api.list(ctx, response, "versions", api.version, "a version")) do
      if version.version_no == args.number then return version end
    end
    ctx.fail("VERSION_NOT_FOUND", { message = ("version %d not found"):format(args.number) })
  end,
}
