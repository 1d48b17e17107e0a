--- `tool plugin remove NAME`: removes an installed plugin.
-- Promise: its commands are gone at once, or still there whole; what its commands stored is kept.

local store = require "plugins.store"

local ERRORS = {
  PLUGIN_NOT_MANAGED = { "The plugin was not installed by the tool.", exit = "PRECONDITION",
    fix = "Remove the folder that context.path names" },
}

return {
  about = "Remove an installed plugin, and the version kept of it",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", external = false, idempotent = true, deletes = "plugin",
  reversible = true,
  args = { { "name", "string", "Name of the plugin", required = true, at = 1, match = "^[a-z][a-z0-9-]{1,31}$" } },
  returns = { name = "string", version = "string" },
  timeout = "60s",
  exits = { SUCCESS = "The plugin is gone, or was not there", PRECONDITION = "It was not installed by the tool" },
  errors = ERRORS,
  examples = { { "Remove one", "tool plugin remove parcel" } },
  places = store.places,
  preview = function(args, ctx)
    local installed = store.get(args.name)
    if not installed then return ctx.missing(args.name) end
    return ctx.would("delete", { name = args.name, version = installed.version.lock.version })
  end,
  run = function(args, ctx)
    store.open(ctx)
    local installed = store.get(args.name)
    if installed == nil then return ctx.missing(args.name) end
    if not installed then
      local path = store.root() .. "/plugins/" .. args.name
      ctx.fail("PLUGIN_NOT_MANAGED", { context = { path = path } })
    end
    store.remove(args.name)
    return ctx.deleted { name = args.name, version = installed.version.lock.version }
  end,
}
