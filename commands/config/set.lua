--- `tool config set KEY VALUE`: writes one value.
-- Promise: the project's file unless --global is given; the file is old or new, never half, and keeps its other keys.

-- Keys that the tool itself reads, and the type they have.
local TYPES = { default_timeout_ms = "json" }

return {
  about = "Write one configuration value", danger = "mutating", scopes = {}, framework = true, since = "0.1",
  config = "local", idempotent = true, external = false,
  timeout = "10s",
  args = {
    { "key", "string", "Name of the value", required = true, at = 1, public = true, max_length = 200, loose = true,
      match = "^[A-Za-z_][A-Za-z0-9_.-]*$" },
    { "value", "string", "The value", required = true, at = 2 },
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
    local ms = args.key == "default_timeout_ms" and args.value
    if ms and not (ms:find("^%d+$") and tonumber(ms) > 0) then bad("value", "default_timeout_ms is a whole number above 0") end
  end,
  preview = function(args, ctx)
    return ctx.would("update", { scope = ctx.config.scope, path = ctx.config.path, key = args.key })
  end,
  run = function(args, ctx)
    local host, value = ctx.framework.host, args.value
    if (args.type or TYPES[args.key]) == "json" then
      local why
      value, why = host.json.decode(value)
      if value == nil then ctx.fail("INVALID_JSON", { cause = why.message }) end
    end
    local function text(v) return v ~= nil and host.json.encode(v) or nil end
    local done = ctx.config.set(args.key, value)
    local result = { scope = done.scope, path = done.path, key = args.key, value = value, old = done.old }
    if done.old == nil then return ctx.created(result) end
    return text(done.old) == text(value) and ctx.noop(result) or ctx.updated(result)
  end,
}
