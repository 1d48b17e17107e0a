-- Sending a package. Promise: a file is sent as it is read, however large it is; the caller hears how far it is.

local api = require "lib.api"

local M = {}

M.returns = { app_slug = "string", artifact_bytes = "integer", version = api.version }

--- Sends a package to an app's versions: part is { path = | data =, filename }. Returns the new version.
function M.send(ctx, path, part)
  part.type = "application/gzip"
  local response = ctx.api.post(path, { multipart = { artifact = part }, timeout = "10m",
    progress = "Uploading " .. part.filename })
  return api.one(ctx, response, api.version, "a version")
end

return M
