--- `tool plugin verify [NAME]`: are the files of installed plugins those that were installed?
-- Promise: every file is hashed and compared with the lock; nothing is loaded, nothing changed.

local store = require "plugins.store"

local function row_of(name, ctx)
  local installed = store.get(name)
  if not installed then ctx.fail("PLUGIN_NOT_INSTALLED", { context = { plugin = name } }) end
  local diff = store.compare(installed.version)
  local ok = #diff.missing + #diff.changed + #diff.added == 0
  return { name = name, version = installed.version.lock.version, ok = ok, missing = diff.missing, changed = diff.changed,
    added = diff.added }
end

return {
  about = "Compare the files of installed plugins with what was installed",
  danger = "safe", scopes = {}, framework = true, since = "0.1", external = false, rows = "plugins",
  args = { { "name", "string", "Name of the plugin; without it all of them", at = 1, match = "^[a-z][a-z0-9-]{1,31}$" } },
  returns = { plugins = { ordered = true, list = { name = "string", version = "string", ok = "boolean",
    missing = { list = "string", ordered = true }, changed = { list = "string", ordered = true },
    added = { list = "string", ordered = true } } } },
  table = { "name", "version", "ok" },
  timeout = "120s",
  exits = {
    SUCCESS = "Every file is as it was installed", NOT_FOUND = "No plugin of that name is installed",
    GENERAL_ERROR = "Some file differs; data says which",
  },
  errors = {
    PLUGIN_NOT_INSTALLED = { "No plugin of that name is installed.", exit = "NOT_FOUND",
      hint = "`tool plugin list` shows what there is" },
    PLUGIN_CHANGED = { "Files of a plugin are not those that were installed.", exit = "GENERAL_ERROR",
      fix = "Install it again: tool plugin remove, then tool plugin install" },
  },
  examples = { { "All installed plugins", "tool plugin verify" } },
  render = function(data, ui)
    if #data.plugins == 0 then ui.text("No plugin is installed.", "dim") end
    for _, row in ipairs(data.plugins) do
      ui.text(("%s  %s %s"):format(row.ok and ui.style("ok     ", "green") or ui.style("CHANGED", "red"), row.name, row.version))
      for _, what in ipairs { "changed", "added", "missing" } do
        for _, path in ipairs(row[what]) do ui.text(("%s %s"):format(what, path)) end
      end
    end
  end,
  run = function(args, ctx)
    local rows, bad = ctx.array {}, {}
    for i, name in ipairs(args.name and { args.name } or store.names()) do
      rows[i] = row_of(name, ctx)
      if not rows[i].ok then bad[#bad + 1] = name end
    end
    if #bad > 0 then
      ctx.fail("PLUGIN_CHANGED", { message = ("Files of %s are not those that were installed."):format(table.concat(bad, ", ")),
        data = { plugins = rows } })
    end
    return { plugins = rows }
  end,
}
