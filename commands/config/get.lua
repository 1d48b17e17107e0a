--- `tool config get KEY`: one value, and the file that it comes from.
-- Promise: what it shows is what commands get.

return {
  about = "Show one configuration value", danger = "safe", scopes = {}, framework = true, since = "0.1", config = true,
  external = false, timeout = "10s",
  args = { { "key", "string", "Name of the value; dots reach into objects", required = true, at = 1, public = true,
    max_length = 200, loose = true } },
  returns = { key = "string", value = "any", source = "path" },
  exits = { SUCCESS = "The value is shown", NOT_FOUND = "No configuration file has this key" },
  examples = { { "The default time limit", "tool config get default_timeout_ms" } },
  run = function(args, ctx)
    local value, source = ctx.config.get(args.key)
    if value == nil then
      ctx.fail("NOT_FOUND", { message = ("No configuration file has the key %s."):format(args.key),
        context = { key = args.key } })
    end
    return { key = args.key, value = value, source = source }
  end,
}
