-- Logins at providers. Promise: one way to name a provider in a path, and one form of what the service answers.

local url = require "tool.url"
local wire = require "lib.wire"

local M = {}

--- The parameter of the commands for any provider.
M.provider = { "provider", "string", "Provider, such as claude or github", at = 1, required = true, loose = true }

--- Fields of answers that nobody else may see.
M.sensitive = { "access_token", "refresh_token", "id_token", "refreshToken", "accessToken", "apiKey" }

--- The path of an action for a provider.
function M.path(args, action)
  return ("/api/oauth/%s/%s"):format(url.encode(args.provider), action)
end

--- The form of answers.
function M.shape(fields)
  return wire.shape(fields, "The service's answer")
end

--- What the service says to a change.
function M.changed(ctx, response)
  local payload = wire.payload(ctx, response)
  return ctx.updated(type(payload) == "table" and payload or {})
end

return M
