--- `tool check fix PATH…`: corrects what is mechanical in command files.
-- Promise: only what `kit.fixes` calls an edit is changed, each file whole or not at all; what remains is told.

local checks = require "kit.checks"
local fixes = require "kit.fixes"
local values = require "values"

local MAX_ROUNDS = 8 -- an edit may uncover the next problem

local function absolute(ctx, paths)
  local out = {}
  for i, path in ipairs(paths) do out[i] = values.absolute(path, ctx.cwd) end
  return out
end

local function check(ctx, paths)
  checks.forget()
  local report, missing, message = checks.of_paths(ctx.framework, paths)
  if not report then ctx.fail("NOT_FOUND", { message = message, context = { path = missing } }) end
  return report
end

local function remaining(ctx, report)
  local list = ctx.array {}
  for i, item in ipairs(report.items) do
    list[i] = { position = item.position, message = item.message, fix = item.fix }
  end
  return list
end

local function changes(ctx, report)
  local host, list = ctx.framework.host, ctx.array {}
  for file, edits in pairs(report.edits) do
    local text, count = fixes.apply(host.file.read(file), edits)
    list[#list + 1] = { file = file, edits = count, text = text }
  end
  table.sort(list, function(a, b) return a.file < b.file end)
  return list
end

local function without_text(ctx, list)
  local out = ctx.array {}
  for i, one in ipairs(list) do out[i] = { file = one.file, edits = one.edits } end
  return out
end

return {
  about = "Correct what is mechanical in command files: misspelt keys, numbers for names, what the host adds itself",
  danger = "mutating", scopes = {}, framework = true, since = "0.2", idempotent = true, external = false, timeout = "60s",
  args = {
    { "files", "list", "Command files, or folders of a plugin or suite", at = 1, required = true },
  },
  places = function(run)
    local list = {}
    for i, path in ipairs(run.values.files or {}) do list[i] = values.absolute(path, run.cwd) end
    return list
  end,
  returns = {
    fixed = { list = { file = "path", edits = "integer" } },
    remaining = { list = { position = "string", message = "string", ["fix?"] = "string" }, ordered = true },
  },
  render = function(data, ui)
    for _, one in ipairs(data.fixed) do ui.text(("%s: %d corrected"):format(one.file, one.edits)) end
    for _, one in ipairs(data.remaining) do
      ui.text(one.position .. ": " .. one.message .. (one.fix and ". " .. one.fix or ""), "yellow")
    end
    ui.text(#data.remaining == 0 and "Nothing is left." or ("%d left to correct by hand."):format(#data.remaining), "bold")
  end,
  exits = { SUCCESS = "The files are corrected as far as that is mechanical", NOT_FOUND = "A named file does not exist" },
  examples = { { "Correct a file", "tool check fix my-command.lua" } },
  preview = function(args, ctx)
    return ctx.would("update", { files = without_text(ctx, changes(ctx, check(ctx, absolute(ctx, args.files)))) })
  end,
  run = function(args, ctx)
    local host, run = ctx.framework.host, ctx.framework.run
    local paths, done, total = absolute(ctx, args.files), {}, 0
    local report = check(ctx, paths)
    for _ = 1, MAX_ROUNDS do
      local list = changes(ctx, report)
      if #list == 0 then break end
      for _, one in ipairs(list) do
        run.effect_begins()
        local ok, err = host.file.write(one.file, one.text, { mode = host.file.stat(one.file).mode & 511 })
        if not ok then ctx.fail(err.code, { message = err.message, context = { path = one.file } }) end
        done[one.file], total = (done[one.file] or 0) + one.edits, total + one.edits
      end
      report = check(ctx, paths)
    end
    local fixed = ctx.array {}
    for file, edits in pairs(done) do fixed[#fixed + 1] = { file = file, edits = edits } end
    table.sort(fixed, function(a, b) return a.file < b.file end)
    local data = { fixed = fixed, remaining = remaining(ctx, report) }
    return total > 0 and ctx.updated(data) or ctx.noop(data)
  end,
}
