--- `tool dev [PATH]`: checks and tests what an author is writing, again after each change.
-- Promise: one row for the check and one for the tests of each round, until it is stopped; a change during a round begins
-- another one.

local again = require "kit.again"
local failure = require "failure"
local place = require "kit.place"
local values = require "values"

local SHOWN = 5 -- problems or failures of a round

-- Every file below a folder, or the folder of a file: path -> what changes with its content.
local function snapshot(host, dir, out)
  for _, name in ipairs(host.file.list(dir) or {}) do
    local path = dir .. "/" .. name
    local stat = name:sub(1, 1) ~= "." and host.file.stat(path)
    if stat and stat.type == "directory" then
      snapshot(host, path, out)
    elseif stat then
      out[path] = ("%d:%d:%d"):format(stat.mtime, stat.size, stat.ino)
    end
  end
  return out
end

-- The name of one file that differs, or nil.
local function changed(before, after)
  for path, mark in pairs(after) do
    if before[path] ~= mark then return path end
  end
  for path in pairs(before) do
    if not after[path] then return path end
  end
end

-- A round runs in a process of its own, which loads everything anew.
local function ask(ctx, words)
  local env = ctx.framework.host.environ()
  env.TOOL_OUTPUT = nil
  local result = again(ctx.framework.run, words, env, { cwd = ctx.cwd, timeout_ms = 600000 })
  local answer = ctx.framework.host.json.decode(result.stdout)
  if type(answer) ~= "table" or answer.meta == nil then
    failure.raise("COMMAND_FAILED", { exit = "GENERAL_ERROR", message = "tool " .. table.concat(words, " ") .. " gave no answer" })
  end
  return answer
end

local function lines_of(ctx, list, each)
  local out = ctx.array {}
  for i, item in ipairs(list) do
    if i > SHOWN then
      out[i] = ("… and %d more"):format(#list - SHOWN)
      break
    end
    out[i] = each(item)
  end
  return out
end

local function check_round(ctx, path)
  local answer = ask(ctx, { "check", path, "--output", "json" })
  local problems = answer.ok and {} or answer.error.errors or { answer.error }
  return { event = "check", ok = answer.ok, count = #problems, lines = lines_of(ctx, problems, function(p)
    return (p.position and p.position .. ": " or "") .. p.message .. (p.fix and ". " .. p.fix or "")
  end) }
end

local function test_round(ctx, path)
  local answer = ask(ctx, { "test", path, "--output", "json" })
  local null = ctx.null
  if answer.data == null then
    local missing = answer.error ~= null and answer.error.code == "TESTS_NOT_FOUND"
    return { event = "test", ok = missing, count = 0, lines = ctx.array { answer.error.message } }
  end
  local failed = {}
  for _, one in ipairs(answer.data.tests) do
    if not one.ok then failed[#failed + 1] = one end
  end
  return { event = "test", ok = answer.ok, count = #failed, passed = answer.data.passed, ms = answer.data.ms,
    lines = lines_of(ctx, failed, function(one) return ("%s:%d: %s: %s"):format(one.file, one.line, one.name, one.message) end) }
end

return {
  about = "Check and test a plugin, a suite or a command again after each change, until stopped",
  danger = "safe", scopes = {}, framework = true, probes = true, serves = true, since = "0.2", timeout = "0s", stream = "default",
  external = false,
  args = {
    { "path", "path", "Folder of a plugin or suite, or a command file", at = 1, default = ".", access = "read" },
    { "interval", "duration", "How often the files are looked at", default = "300ms", min = "50ms" },
    { "once", "boolean", "One round, then end", default = false },
  },
  returns = {
    event = "string", ok = "boolean", count = "integer", ["passed?"] = "integer", ["ms?"] = "integer", ["changed?"] = "path",
    lines = { list = "string", ordered = true },
  },
  render = function(row, ui)
    if row.changed then ui.text("changed: " .. row.changed, "dim") end
    local what = row.event == "check" and "check" or ("test   %d passed"):format(row.passed or 0)
    ui.line(row.ok and what .. "  ok" or ("%s  %d to correct"):format(what, row.count), row.ok and "green" or "red")
    for _, line in ipairs(row.lines) do ui.text("  " .. line) end
  end,
  exits = { SUCCESS = "It was asked for one round, or stopped from inside", NOT_FOUND = "There is no such path" },
  examples = {
    { "While you write a plugin", "tool new plugin my-plugin && tool dev my-plugin --once" },
  },
  run = function(args, ctx)
    local host = ctx.framework.host
    local path = values.absolute(args.path, ctx.cwd)
    local found, message = place.of(path)
    if not found then ctx.fail("NOT_FOUND", { message = message, context = { path = path } }) end
    local root = found.kind ~= "folder" and found.dir or found.is_dir and path or path:match("^(.*)/")
    local seen, cause = snapshot(host, root, {}), nil
    while true do
      for _, round in ipairs { check_round, test_round } do
        local row = round(ctx, path)
        row.changed, cause = cause, nil
        ctx.emit(row)
      end
      if args.once then return end
      repeat
        ctx.sleep(args.interval)
        local now = snapshot(host, root, {})
        cause, seen = changed(seen, now), now
      until cause
    end
  end,
}
