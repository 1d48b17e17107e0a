--- `tool config unset KEY`: removes one value.
-- Promise: only from the project's file, or with --global from the user's; its other keys stay.

return {
  about = "Remove one configuration value", danger = "mutating", scopes = {}, framework = true, since = "0.1",
  config = "local", idempotent = true, external = false,
  timeout = "10s",
  args = { { "key", "string", "Name of the value", required = true, at = 1, public = true, max_length = 200,
    loose = true } },
  returns = { scope = "string", path = "path", key = "string", ["old?"] = "any" },
  exits = { SUCCESS = "The value is gone, or was not there" },
  examples = { { "From this project", "tool config unset region" } },
  preview = function(args, ctx)
    return ctx.would("delete", { scope = ctx.config.scope, path = ctx.config.path, key = args.key })
  end,
  run = function(args, ctx)
    local result = ctx.config.unset(args.key)
    result.key = args.key
    return result.old == nil and ctx.noop(result) or ctx.deleted(result)
  end,
}
