--- `tool check [PATH…]`: are the contracts of command files in order?
-- Promise: every problem of every file is told at once, with the requirement, the place and what to write instead; nothing
-- of the files is run beyond their table.

local checks = require "kit.checks"
local values = require "values"

local function absolute(ctx, paths)
  local out = {}
  for i, path in ipairs(paths or {}) do out[i] = values.absolute(path, ctx.cwd) end
  return out
end

return {
  about = "Check the contracts of command files, or of all installed commands",
  danger = "safe", scopes = {}, framework = true, since = "0.1",
  args = {
    { "files", "list", "Command files, or folders of a plugin or suite; none for all installed commands", at = 1 },
  },
  render = function(data, ui)
    ui.text(("%d contracts are in order, %d warnings."):format(data.checked, data.warnings))
  end,
  returns = { checked = "integer", files = { list = "string", ordered = true }, warnings = "integer" },
  timeout = "60s",
  exits = {
    SUCCESS = "Every contract is in order",
    ARG_ERROR = "Some contract is refused; error.errors lists every problem",
    NOT_FOUND = "A named file does not exist",
  },
  errors = {
    REGISTRATION_ERROR = { "The contract is refused.", exit = "ARG_ERROR", fix = "Correct the listed problems" },
  },
  examples = {
    { "One file", "tool check my-command.lua" },
    { "Everything that is installed", "tool check" },
  },
  run = function(args, ctx)
    local paths = absolute(ctx, args.files)
    local report, missing, message
    if #paths > 0 then
      report, missing, message = checks.of_paths(ctx.framework, paths)
      if not report then ctx.fail("NOT_FOUND", { message = message, context = { path = missing } }) end
    else
      report = checks.of_tree(ctx.framework)
    end
    for _, w in ipairs(report.warnings) do ctx.warn("CONTRACT", w) end
    local items, names = report.items, report.files
    if #items > 0 then
      ctx.fail("REGISTRATION_ERROR", {
        message = #items == 1 and items[1].message
          or ("%d problems in %d %s."):format(#items, #names, #names == 1 and "file" or "files"),
        more = { errors = ctx.array(items) },
      })
    end
    return { checked = #names, files = names, warnings = #report.warnings }
  end,
}
