local paths = require "lib.paths"
local profile = require "lib.profile"
local upload = require "lib.upload"

return {
  about    = "Upload a packaged version of an app",
  danger   = "mutating", scopes = {}, network = true, timeout = "10m",
  args     = {
    { "app", "string", "The app; default: the profile's", match = "id" },
    { "file", "path", "The package, a tar.gz with a Towerfile", access = "read", required = true },
  },
  returns  = upload.returns,
  exits    = { SUCCESS = "The service has the version" },
  errors   = profile.app_errors,
  examples = { { "Upload a package", "minitower-cli versions upload --app hello --file hello.tar.gz" } },
  render   = function(result, ui)
    ui.line(('Uploaded version %d for app "%s" (sha256:%s)'):format(result.version.version_no, result.app_slug,
      result.version.artifact_sha256:sub(1, 12)))
  end,
  preview  = function(args, ctx)
    return ctx.would("create", { version = { app_slug = profile.app(ctx, args), file = args.file } })
  end,
  run      = function(args, ctx)
    local app = profile.app(ctx, args)
    local size = ctx.files.stat(args.file).size
    local version = upload.send(ctx, paths.app(app, "versions"), { path = args.file,
      filename = args.file:match("[^/]*$") })
    return ctx.created { app_slug = app, artifact_bytes = size, version = version }
  end,
}
