-- Where the service is and which key opens it. Promise: flag and environment come before the profile of the configuration
-- file, that before what a service on this machine left in its data directory; what cannot be read counts as not there.

local text = require "tool.text"

local M = {}

local CONFIG = "~/.config/openproxy/config.toml"
local DATA = "~/.openproxy"
local USUAL = "http://127.0.0.1:4623"
local EVERY_INTERFACE = { ["0.0.0.0"] = true, ["::"] = true, ["[::]"] = true, [""] = true }

--- What a command declares for this: the files lie wherever flags and profiles say.
M.reads = "/"
M.network = { timeout = "65s" }

local function content(ctx, path)
  local ok, bytes = pcall(ctx.files.read, path)
  return ok and bytes or nil
end

local function table_in(value, key)
  local found = type(value) == "table" and value[key]
  return type(found) == "table" and found or {}
end

local function string_in(value, key)
  return type(value[key]) == "string" and value[key] or nil
end

-- The chosen profile of the configuration file; an empty one when there is none. A file or a profile that was named and
-- is of no use is told.
local function read_profile(ctx, args)
  local bytes = content(ctx, args.config_file or CONFIG)
  local config, problem = {}, nil
  if bytes then config, problem = require("tool.toml").decode(bytes) end
  if not config then
    ctx.warn("CONFIG_IGNORED", ("%s is not TOML and is not used: %s at line %d."):format(args.config_file or CONFIG,
      problem.message:gsub("%.$", ""), problem.line or 1))
    config = {}
  end
  local name = args.profile or string_in(config, "default_profile")
  local profiles = table_in(config, "profiles")
  if name and type(profiles[name]) ~= "table" then
    ctx.warn("PROFILE_UNKNOWN", ("There is no profile %s; the usual settings are used."):format(name))
  end
  return name and table_in(profiles, name) or {}
end

local profiles = setmetatable({}, { __mode = "k" })

local function profile(ctx, args)
  profiles[ctx] = profiles[ctx] or read_profile(ctx, args)
  return profiles[ctx]
end

local function data_dir(ctx, args)
  return args.data_dir or args.default_data_dir or string_in(profile(ctx, args), "data_dir") or DATA
end

-- The address that a running service has left, or nil.
local function left_behind(ctx, args)
  local line = content(ctx, data_dir(ctx, args) .. "/openproxy.endpoint")
  local host, port = text.trim(line or ""):match("^(.*):(%d+)$")
  port = math.tointeger(tonumber(port))
  if not port or port > 65535 or host:find("[%s/]") then return nil end
  if EVERY_INTERFACE[host] then host = "127.0.0.1" end
  if host:find(":", 1, true) and host:sub(1, 1) ~= "[" then host = "[" .. host .. "]" end
  return ("http://%s:%d"):format(host, port)
end

--- The base address, without a slash at its end.
function M.url(ctx, args)
  local url = args.url or string_in(profile(ctx, args), "url")
  if url then return (url:gsub("/+$", "")) end
  return left_behind(ctx, args) or USUAL
end

local function configured_key(ctx, args)
  if args.api_key then return ctx.secret(args.api_key, { trim = true }) end
  local own = profile(ctx, args)
  local variable, key = string_in(own, "api_key_env"), string_in(own, "api_key")
  return variable and ctx.secret({ env = variable }, { trim = true }) or key and ctx.secret(key, { trim = true }) or nil
end

-- The first active key of the service's SQLite store, or nil.
local function stored_key(ctx, dir)
  local ok, rows = pcall(ctx.files.rows, dir .. "/openproxy.sqlite",
    "SELECT key FROM apiKeys WHERE isActive IS NULL OR isActive <> 0 ORDER BY rowid LIMIT 1")
  local row = ok and rows[1]
  return row and type(row.key) == "string" and row.key or nil
end

-- The first active key of the older store, which is out of use once it was taken over.
local function older_key(ctx, dir)
  if content(ctx, dir .. "/.migrated-from-json") then return nil end
  local store = require("tool.json").decode(content(ctx, dir .. "/db.json") or "")
  for _, item in ipairs(table_in(store, "apiKeys")) do
    local active = type(item) == "table" and (item.isActive == nil or item.isActive == true or item.isActive == ctx.null)
    if active and type(item.key) == "string" then return item.key end
  end
end

--- The key, as a secret; nil when there is none.
function M.key(ctx, args)
  local key = configured_key(ctx, args)
  if key then return key end
  local dir = data_dir(ctx, args)
  local found = stored_key(ctx, dir) or older_key(ctx, dir)
  return found and ctx.secret(found, { trim = true }) or nil
end

return M
