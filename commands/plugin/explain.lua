--- `tool plugin explain`: what a command, or every command of a plugin or suite, may reach.
-- Promise: shows what will be enforced, from the same rules, and what this kernel cannot enforce; runs nothing of it.

local opens = require "opens"

local function words_of(args)
  local words = {}
  for _, text in ipairs(args.name) do
    for word in text:gsub("%.", " "):gmatch "%S+" do words[#words + 1] = word end
  end
  return words
end

local function explain(ctx, C)
  local policy, notes = ctx.framework.opens(C)
  local effective = opens.effective(policy, notes, C)
  return { command = table.concat(C.words, " "), about = C.about, danger = C.danger, words = opens.words(effective, C),
    effective = effective }
end

return {
  about = "Explain what a plugin's commands, or any command, can reach", danger = "safe", scopes = {}, framework = true,
  since = "0.2", timeout = "30s", external = false,
  args = {
    { "name", "list", "A plugin, a suite or the words of a command", required = true, at = 1 },
  },
  returns = {
    name = "string", commands = { list = { command = "string", about = "string", danger = "string",
      words = { list = "string", ordered = true }, effective = opens.FORM } },
    enforced = opens.ENFORCED_FORM,
  },
  rows = "commands",
  render = function(data, ui)
    for _, row in ipairs(data.commands) do
      ui.text(row.command .. " (" .. row.danger .. "): " .. row.about)
      for _, line in ipairs(row.words) do ui.text("  " .. line) end
    end
    if #data.enforced.missing == 0 then
      ui.text(("The kernel enforces all of it (Landlock ABI %d, seccomp)."):format(data.enforced.landlock_abi))
    end
    for _, line in ipairs(data.enforced.missing) do ui.text("Not enforced here: " .. line .. ".") end
  end,
  exits = { SUCCESS = "It is explained", NOT_FOUND = "There is no such plugin or command" },
  errors = {
    COMMAND_UNKNOWN = { "There is no such plugin or command.", exit = "NOT_FOUND",
      hint = "`tool manifest` lists all commands" },
  },
  examples = {
    { "A built-in", "tool plugin explain config set" },
    { "All commands of a suite", "tool plugin explain sentryagent" },
  },
  run = function(args, ctx)
    local words = words_of(args)
    local path = table.concat(words, ".")
    local good = ctx.framework.under(words)
    local list = ctx.array {}
    for _, C in ipairs(good) do
      if not C.group then list[#list + 1] = explain(ctx, C) end
    end
    if #list == 0 then
      ctx.fail("COMMAND_UNKNOWN", { message = ("There is no plugin or command %s."):format(path), context = { name = path } })
    end
    return { name = path, commands = list, enforced = opens.enforced() }
  end,
}
