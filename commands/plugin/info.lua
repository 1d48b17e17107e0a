--- `tool plugin info NAME`: what an installed plugin is, where it came from and what it may touch.
-- Promise: read from the lock of the installation; nothing of the plugin is loaded.

local candidate = require "plugins.candidate"
local store = require "plugins.store"

return {
  about = "Show an installed plugin: its source, its signature and what it may touch",
  danger = "safe", scopes = {}, framework = true, since = "0.1", external = false, id = "name",
  args = { { "name", "string", "Name of the plugin", required = true, at = 1, match = "^[a-z][a-z0-9-]{1,31}$" } },
  returns = candidate.FORM,
  timeout = "30s",
  exits = { SUCCESS = "The plugin is shown", NOT_FOUND = "No plugin of that name is installed" },
  errors = { PLUGIN_NOT_INSTALLED = { "No plugin of that name is installed.", exit = "NOT_FOUND",
    hint = "`tool plugin list` shows what there is" } },
  examples = { { "One plugin", "tool plugin info parcel" } },
  render = candidate.render,
  run = function(args, ctx)
    local installed = store.get(args.name)
    if not installed then ctx.fail("PLUGIN_NOT_INSTALLED", { context = { plugin = args.name } }) end
    return candidate.show(installed.version.lock, installed)
  end,
}
