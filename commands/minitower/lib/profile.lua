-- Profiles: named services with their token, team and app, in the configuration file.
-- Promise: what the line or the environment says beats the profile; a profile that is named must exist; a change keeps
-- everything else in the file.

local text = require "tool.text"

local M = {}

M.NO_SERVER = "server URL is required (--server, MINITOWER_SERVER_URL, or config profile)"
M.FIELDS = { "server", "token", "team", "app" }

--- A name as it stands in the file: blank names are "default".
function M.normal(name)
  name = text.trim(name or "")
  return name ~= "" and name or "default"
end

local function trimmed(value)
  local plain = type(value) == "string" and text.trim(value) or ""
  return plain ~= "" and plain or nil
end

--- All profiles: name -> fields, each of them trimmed and not empty.
function M.all(ctx)
  local out = {}
  local stored = ctx.config.get "profiles"
  for name, fields in pairs(type(stored) == "table" and stored or {}) do
    local profile = {}
    for _, field in ipairs(M.FIELDS) do profile[field] = type(fields) == "table" and trimmed(fields[field]) or nil end
    out[M.normal(name)] = profile
  end
  return out
end

--- The name of the profile that is current, which need not exist; nil when none is.
function M.current_name(ctx)
  local name = ctx.config.get "current_profile"
  return type(name) == "string" and M.normal(name) or nil
end

--- The profile that a call uses: name and fields; nil when there is none. One that is named must exist.
function M.used(ctx, args)
  local all = M.all(ctx)
  if args.profile then
    local name = M.normal(args.profile)
    if not all[name] then
      ctx.fail("PROFILE_NOT_FOUND", { message = ('profile "%s" not found'):format(name), context = { profile = name } })
    end
    return name, all[name]
  end
  for _, name in ipairs { M.current_name(ctx) or "default", "default" } do
    if all[name] then return name, all[name] end
  end
end

--- One field of that profile, or nil.
function M.field(ctx, args, name)
  local _, fields = M.used(ctx, args)
  return fields and fields[name]
end

--- The base address without its last slashes; nil when nobody says one.
function M.known_server(ctx, args)
  local server = trimmed(args.server) or M.field(ctx, args, "server")
  return server and (server:gsub("/+$", ""))
end

--- The base address; the command ends when nobody says one.
function M.server(ctx, args)
  local server = M.known_server(ctx, args)
  if server then return server end
  ctx.fail("NOT_CONFIGURED", { message = M.NO_SERVER })
end

--- The token; the command ends when nobody says one. The address is what is missed first.
function M.token(ctx, args)
  M.server(ctx, args)
  local profile = M.field(ctx, args, "token")
  local token = args.token or profile and ctx.secret(profile)
  if token then return token end
  ctx.fail("TOKEN_MISSING", { message = "API token is required (--token, MINITOWER_API_TOKEN, or config profile)" })
end

--- The app that a call is about: the one given, else the profile's; the command ends when there is none.
function M.app(ctx, args)
  local app = args.app or M.field(ctx, args, "app")
  if app then return app end
  ctx.fail("APP_MISSING", { message = "app is required (--app or profile default app)" })
end

--- The error of M.app, for the contracts that use it.
M.app_errors = {
  APP_MISSING = { "The app is not known.", exit = "PRECONDITION", fix = "Pass --app, or set one with config set --app" },
}

--- Sets fields of a profile; `make_current`: true, or "if none" is. Returns the profile's fields afterwards.
function M.store(ctx, name, fields, make_current)
  local out
  ctx.config.change(function(file)
    local profiles = type(file.profiles) == "table" and file.profiles or {}
    file.profiles = profiles
    local profile = type(profiles[name]) == "table" and profiles[name] or {}
    profiles[name] = profile
    for field, value in pairs(fields) do profile[field] = value end
    local current = type(file.current_profile) == "string" and text.trim(file.current_profile) ~= ""
    if make_current == true or make_current and not current then file.current_profile = name end
    out = profile
  end)
  return out
end

--- A profile as results show it. current: the name of the current one.
function M.shown(name, fields, current)
  return {
    name = name, server = fields.server, team = fields.team, app = fields.app, token = fields.token,
    current = name == current,
  }
end

M.returns = {
  name = "string", server = "string?", team = "string?", app = "string?", token = "string?", current = "boolean",
}

--- Fields of those results that are masked.
M.sensitive = { "token" }

return M
