local api = require "lib.api"
local packing = require "lib.packing"
local paths = require "lib.paths"
local profile = require "lib.profile"
local towerfile = require "lib.towerfile"
local upload = require "lib.upload"

-- The app of the Towerfile, which is created when the service does not have it. Returns whether it was.
local function ensure_app(ctx, name)
  local response, err = ctx.api.try.get(paths.app(name))
  if not response then ctx.fail(err) end
  if response.status == 404 then
    ctx.api.post("/api/v1/apps", { json = { slug = name } })
    return true
  end
  if response.status < 200 or response.status > 299 then ctx.fail(response) end
  return false
end

local RETURNS = {
  app_slug = "string", artifact_bytes = "integer", packaged_sha256 = "string", app_created = "boolean",
  files = { list = "string", ordered = true }, version = api.version,
}

return {
  about    = "Package a directory by its Towerfile and upload it as a new version",
  danger   = "mutating", scopes = {}, network = true, archive = true, timeout = "10m", id = "app_slug",
  args     = { { "dir", "path", "The directory that has the Towerfile", access = "read", short = "d", default = "." } },
  returns  = RETURNS,
  exits    = { SUCCESS = "The service has the new version" },
  errors   = {
    TOWERFILE_MISSING = towerfile.errors.TOWERFILE_MISSING, TOWERFILE_INVALID = towerfile.errors.TOWERFILE_INVALID,
    PACKAGE_REFUSED = packing.errors.PACKAGE_REFUSED,
    ARTIFACT_DIFFERS = { "The service has something else than what was sent.", exit = "GENERAL_ERROR" },
  },
  examples = { { "Deploy the current directory", "minitower-cli deploy" } },
  render   = function(result, ui)
    ui.line(("Deploying app %s"):format(result.app_slug))
    ui.line(("Artifact packaged (%d bytes, sha256:%s)"):format(result.artifact_bytes, result.packaged_sha256:sub(1, 12)))
    ui.line(("Version %d created (sha256:%s)"):format(result.version.version_no, result.version.artifact_sha256:sub(1, 12)))
  end,
  preview  = function(args, ctx)
    local tower = towerfile.read(ctx, args.dir)
    local files = ctx.array {}
    for i, entry in ipairs(packing.entries(ctx, args.dir, tower)) do files[i] = entry.name end
    return ctx.would("create", { version = { app_slug = tower.name, files = files } })
  end,
  run      = function(args, ctx)
    profile.token(ctx, args)
    local tower = towerfile.read(ctx, args.dir)
    local entries, names = packing.entries(ctx, args.dir, tower), ctx.array {}
    for i, entry in ipairs(entries) do names[i] = entry.name end
    local made = ctx.archive.pack(entries, { path = ctx.tmp "artifact.tar.gz" })
    ctx.progress(("Packaged %d files, %d bytes"):format(made.entries, made.bytes))
    local created = ensure_app(ctx, tower.name)
    local version = upload.send(ctx, paths.app(tower.name, "versions"), { path = made.path, filename = "artifact.tar.gz" })
    if version.artifact_sha256 ~= made.sha256 then
      ctx.fail("ARTIFACT_DIFFERS", { context = { sent = made.sha256, received = version.artifact_sha256 } })
    end
    return ctx.created {
      app_slug = tower.name, artifact_bytes = made.bytes, packaged_sha256 = made.sha256, app_created = created,
      files = names, version = version,
    }
  end,
}
