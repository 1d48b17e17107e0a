--- `tool plugin rollback NAME`: makes the version before the last update the one that counts again.
-- Promise: one step, without the network; a second call goes forward again.

local candidate = require "plugins.candidate"
local store = require "plugins.store"

local function prepare(args, ctx)
  local installed = store.get(args.name)
  if not installed then ctx.fail("PLUGIN_NOT_INSTALLED", { context = { plugin = args.name } }) end
  if not installed.previous then ctx.fail("PLUGIN_NO_PREVIOUS", { context = { plugin = args.name } }) end
  return installed
end

return {
  about = "Go back to the version that a plugin had before its last update",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", external = false, id = "name", reversible = true,
  args = { { "name", "string", "Name of the plugin", required = true, at = 1, match = "^[a-z][a-z0-9-]{1,31}$" } },
  returns = candidate.FORM,
  timeout = "60s",
  exits = {
    SUCCESS = "The version before counts again", NOT_FOUND = "No plugin of that name is installed",
    PRECONDITION = "There is no version before",
  },
  errors = {
    PLUGIN_NOT_INSTALLED = { "No plugin of that name is installed.", exit = "NOT_FOUND",
      hint = "`tool plugin list` shows what there is" },
    PLUGIN_NO_PREVIOUS = { "There is no version before this one.", exit = "PRECONDITION",
      fix = "Install the version that you want with tool plugin update NAME --source SOURCE" },
  },
  examples = { { "After an update that was none", "tool plugin rollback parcel" } },
  render = candidate.render,
  places = store.places,
  preview = function(args, ctx)
    local installed = prepare(args, ctx)
    return ctx.would("update", candidate.show(installed.previous.lock))
  end,
  run = function(args, ctx)
    store.open(ctx)
    local after = store.swap(prepare(args, ctx))
    return ctx.updated(candidate.show(after.version.lock, after))
  end,
}
