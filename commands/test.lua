--- `tool test [PATH]`: runs an author's tests of a plugin, a suite or a command.
-- Promise: each test calls the tool as a process of its own, in an empty home; every answer is held against the envelope's
-- form and the contract; one line for each test.

local suite = require "kit.test.suite"
local values = require "values"

-- The tests that --strict adds: each declared error has been seen.
local function strict_results(missing)
  local list = {}
  for i, one in ipairs(missing) do
    list[i] = { file = one.file, line = 1, name = ("%s fails with %s"):format(one.command, one.code), ok = false, ms = 0,
      runs = 0, message = ("no test made %s fail with its declared error %s"):format(one.command, one.code) }
  end
  return list
end

local function summary(ctx, results, missing)
  local data = { passed = 0, failed = 0, ms = 0, tests = ctx.array(results), unproven = ctx.array {} }
  for _, one in ipairs(results) do
    local key = one.ok and "passed" or "failed"
    data[key], data.ms = data[key] + 1, data.ms + one.ms
  end
  for i, one in ipairs(missing) do data.unproven[i] = one.command .. ": " .. one.code end
  return data
end

local function near(path, cwd)
  return path:sub(1, #cwd + 1) == cwd .. "/" and path:sub(#cwd + 2) or path
end

return {
  about = "Run the tests of a plugin, a suite or a command",
  danger = "safe", scopes = {}, framework = true, probes = true, serves = true, since = "0.2", timeout = "10m",
  external = false, rows = "tests",
  args = {
    { "path", "path", "Folder of a plugin or suite, a command file, or a test file", at = 1, default = ".", access = "read" },
    { "only", "string", "Only tests with this in their name or file", loose = true },
    { "strict", "boolean", "Fail also when a declared error was never produced", default = false },
  },
  table = { "ok", "name", "ms", "message" },
  returns = {
    passed = "integer", failed = "integer", ms = "integer", unproven = { list = "string" },
    tests = { ordered = true, list = { file = "path", line = "integer", name = "string", ok = "boolean", ms = "integer",
      runs = "integer", ["message?"] = "string" } },
  },
  render = function(data, ui)
    for i, one in ipairs(data.tests) do
      ui.line(("%s %d - %s (%d ms)"):format(one.ok and "ok" or "not ok", i, one.name, one.ms), not one.ok and "red" or nil)
      if not one.ok then
        ui.line(("  %s:%d"):format(one.file, one.line), "dim")
        for line in (one.message .. "\n"):gmatch("(.-)\n") do ui.line("  " .. line) end
      end
    end
    for _, text in ipairs(data.unproven) do ui.text("never produced: " .. text, "dim") end
    ui.text(("%d passed, %d failed, %.1f s"):format(data.passed, data.failed, data.ms / 1000), data.failed > 0 and "red" or "green")
  end,
  exits = {
    SUCCESS = "Every test passed",
    GENERAL_ERROR = "A test failed; data lists all of them",
    NOT_FOUND = "There is no such path, or no test there",
  },
  errors = {
    TESTS_FAILED = { "A test failed.", exit = "GENERAL_ERROR" },
    TESTS_NOT_FOUND = { "There is no test.", exit = "NOT_FOUND",
      hint = "Tests are files named *.test.lua, and those in the folder tests of a plugin" },
  },
  examples = {
    { "The tests of a new plugin", "tool new plugin my-plugin && tool test my-plugin" },
    { "One test, by a part of its name", "tool new command hello && tool test hello.lua --only greets" },
  },
  run = function(args, ctx)
    local framework = ctx.framework
    local path = values.absolute(args.path, ctx.cwd)
    local set, message = suite.find(path)
    if not set then ctx.fail("NOT_FOUND", { message = message, context = { path = path } }) end
    local results, missing = suite.run(set, { run = framework.run, dir = framework.run.tmp_dir(), only = args.only,
      each = function(one, i, total) ctx.progress(i, total, (one.ok and "ok " or "not ok ") .. one.name) end })
    if #results == 0 then
      ctx.fail("TESTS_NOT_FOUND", { context = { path = path, only = args.only },
        message = ("There is no test%s in %s."):format(args.only and " named so" or "", near(path, ctx.cwd)) })
    end
    if args.strict then
      local more = strict_results(missing)
      table.move(more, 1, #more, #results + 1, results)
    end
    local data = summary(ctx, results, missing)
    if data.failed > 0 then
      ctx.fail("TESTS_FAILED", { data = data,
        message = ("%d of %d tests failed."):format(data.failed, data.passed + data.failed) })
    end
    return data
  end,
}
