--- `tool config set KEY VALUE`: writes one value.
-- Promise: the project's file unless --global is given; the file is old or new, never half, and keeps its other keys.

local failure = require "failure"

-- Keys that the tool itself reads, and the type they have.
local TYPES = { default_timeout_ms = "json" }

-- Name and value, given as two arguments or as name=value.
local function pair(args)
  if args.value ~= nil then return args.key, args.value end
  return args.key:match("^([^=]*)=?"), args.key:match("=(.*)$")
end

return {
  about = "Write one configuration value", danger = "mutating", scopes = {}, framework = true, since = "0.1",
  config = "local", idempotent = true, external = false,
  timeout = "10s",
  args = {
    { "key", "string", "Name of the value; also name=value", required = true, at = 1, public = true, max_length = 65536,
      loose = true, match = "^[A-Za-z_][A-Za-z0-9_.-]{0,199}(=.*)?$" },
    { "value", "string", "The value; required when --key is a name alone", at = 2 },
    { "type", "enum", "How the value is read; json for numbers, lists and objects", one_of = { "string", "json" } },
  },
  returns = { scope = "string", path = "path", key = "string", value = "any", ["old?"] = "any" },
  exits = { SUCCESS = "The value is written, or was there already" },
  errors = { INVALID_JSON = { "The value is not JSON.", exit = "ARG_ERROR", fix = "Quote a text, or pass --type string" } },
  examples = {
    { "For this project", "tool config set default_timeout_ms 5000" },
    { "For this user", "tool config set region eu --global" },
  },
  validate = function(args, bad)
    local key, value = pair(args)
    if value == nil then return bad("value", "--value is required", "INPUT_PARAM_MISSING") end
    if key:find("=", 1, true) then bad("key", "A value is given twice") end
    local ms = key == "default_timeout_ms" and value
    if ms and not (ms:find("^%d+$") and tonumber(ms) > 0) then bad("value", "default_timeout_ms is a whole number above 0") end
  end,
  preview = function(args, ctx)
    return ctx.would("update", { scope = ctx.config.scope, path = ctx.config.path, key = (pair(args)) })
  end,
  run = function(args, ctx)
    local host = ctx.framework.host
    local key, value = pair(args)
    if (args.type or TYPES[key]) == "json" then
      local why
      value, why = host.json.decode(value)
      if value == nil then
        ctx.fail("INVALID_JSON", { message = ("--value is not JSON: %s."):format(failure.place(why)) })
      end
    end
    local function text(v) return v ~= nil and host.json.encode(v) or nil end
    local done = ctx.config.set(key, value)
    local result = { scope = done.scope, path = done.path, key = key, value = value, old = done.old }
    if done.old == nil then return ctx.created(result) end
    return text(done.old) == text(value) and ctx.noop(result) or ctx.updated(result)
  end,
}
