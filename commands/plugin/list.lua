--- `tool plugin list`: all plugins and custom commands.
-- Promise: those that work and those that do not, each with the reason; what is not trusted is named and not loaded.

local claims = require "plugins.claims"

return {
  about = "List plugins and custom commands, also those that cannot be used, and why",
  danger = "safe", scopes = {}, framework = true, since = "0.1", page = 100, id = "name", external = false,
  args = {
    { "state", "enum", "Only those in this state", one_of = { "active", "faulty", "refused", "shadowed", "untrusted" } },
    { "kind", "enum", "Only these", one_of = { "plugin", "command" } },
  },
  returns = { ordered = true, list = {
    name = "string", kind = "string", state = "string", ["version?"] = "string", ["about?"] = "string", origin = "string",
    path = "path", ["taken_by?"] = "path", ["problem?"] = "string",
  } },
  table = { "name", "kind", "state", "version", "origin", "about" },
  timeout = "60s",
  exits = { SUCCESS = "They are listed, possibly none" },
  examples = {
    { "Everything", "tool plugin list" },
    { "What lost its name to something else", "tool plugin list --state shadowed" },
  },
  run = function(args, ctx)
    local all, rows, at = claims.all(), {}, ctx.cursor or 1
    if not ctx.cursor then
      for _, one in ipairs(claims.ignored()) do
        ctx.warn("PATH_IGNORED", ("%s of %s is not absolute and does not count"):format(one.path, one.variable))
      end
    end
    while all[at] and #rows < ctx.page_size do
      local kind = all[at].at.plugins and "plugin" or "command"
      local row = (not args.kind or args.kind == kind) and claims.describe(all[at])
      if row and (not args.state or args.state == row.state) then rows[#rows + 1] = row end
      at = at + 1
    end
    return ctx.list(rows, { next = all[at] and at or nil })
  end,
}
