--- `tool config list`: all values, each with the file that it comes from.
-- Promise: what it shows is what commands get.

return {
  about = "Show all configuration values", danger = "safe", scopes = {}, framework = true, since = "0.1", config = true,
  external = false, id = "key", timeout = "10s",
  returns = { list = { key = "string", value = "any", source = "path" } },
  table = { "key", "value", "source" },
  exits = { SUCCESS = "The values are shown, possibly none" },
  examples = { { "Everything that is configured", "tool config list" } },
  run = function(_, ctx)
    local values, sources = ctx.config.all()
    local rows = ctx.array {}
    for key, value in pairs(values) do rows[#rows + 1] = { key = key, value = value, source = sources[key] } end
    return rows
  end,
}
