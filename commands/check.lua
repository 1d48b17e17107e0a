--- `tool check [FILE…]`: are the contracts of command files in order?
-- Promise: every problem of every file is told at once, with the requirement, the key and the line; nothing of the
-- files is run beyond their table.

local baseline = require "baseline"
local contract = require "contract"
local sandbox = require "sandbox"

local host -- ctx.framework.host, known when the command runs

-- Adds what only the source shows: lines, and uses that the contract does not declare.
local function look_at_source(file, C, problems, warnings, words)
  local source = file and host.file.read(file)
  if not source then return end
  for _, p in ipairs(problems) do
    if p.file == file and not p.line and p.key then p.line = contract.line_of(source, p.key) end
  end
  local found, more = contract.lint(source, C, { words = words, file = file })
  for _, p in ipairs(found) do problems[#problems + 1] = p end
  for _, w in ipairs(more) do warnings[#warnings + 1] = w end
end

-- Problems of one file, in the form of error.errors[].
local function item_of(p, file)
  return {
    command = p.command or "", rule = p.rule, message = p.message, key = p.key, file = p.file or file, line = p.line,
  }
end

local SHARED = { suite = contract.suite, group = contract.group, plugin = contract.plugin }

-- Checks a suite.lua, group.lua or plugin.lua: nil (no command), problems, warnings.
local function load_shared(file, kind)
  local dir = file:match("^(.*)/[^/]*$")
  local words = { dir:match("[^/]+$") }
  local raw, message = sandbox.load(file, { lib = dir .. "/lib" })
  if raw == nil then
    return nil, { { command = words[1], rule = "REQ-F-015", file = file, message = message } }, {}
  end
  local _, problems, warnings = SHARED[kind](raw, { words = words, file = file, dir = dir, full = true })
  return nil, problems, warnings
end

-- Loads a file as the command that it is in the installed tree (so that its suite counts), or else by itself.
local function loader(framework)
  local known = {}
  local contracts, refused = framework.contracts(nil, true)
  for _, C in ipairs(contracts) do
    if C.file and not C.group then known[C.file] = { C, {}, C.warnings } end
  end
  for _, one in ipairs(refused) do known[one.file or ""] = { nil, one.problems, {} } end
  return function(file)
    local C, problems, warnings
    local shared = file:match("/(%a+)%.lua$")
    if SHARED[shared] then
      C, problems, warnings = load_shared(file, shared)
    elseif known[file] then
      C, problems, warnings = table.unpack(known[file], 1, 3)
    else
      C, problems, warnings = framework.load(file)
    end
    return C, { table.unpack(problems or {}) }, { table.unpack(warnings or {}) }
  end
end

local function check_files(framework, files)
  local items, warnings, names, all = {}, {}, {}, {}
  local load = loader(framework)
  for _, file in ipairs(files) do
    local C, problems, more = load(file)
    if C and not C.group then all[#all + 1] = C end
    look_at_source(file, C, problems, more, { (file:match("([^/]+)%.lua$")) })
    for _, p in ipairs(problems) do items[#items + 1] = item_of(p, file) end
    for _, w in ipairs(more) do warnings[#warnings + 1] = w end
    names[#names + 1] = file
  end
  return items, warnings, names, all
end

local function check_tree(framework)
  local contracts, refused = framework.contracts(nil, true)
  local items, warnings, names, all = {}, {}, {}, contracts
  for _, C in ipairs(contracts) do
    if not C.group then
      local problems, more = {}, { table.unpack(C.warnings or {}) }
      look_at_source(C.file, C, problems, more, C.words)
      for _, p in ipairs(problems) do items[#items + 1] = item_of(p, C.file) end
      for _, w in ipairs(more) do warnings[#warnings + 1] = w end
      names[#names + 1] = C.file
    end
  end
  for _, one in ipairs(refused) do
    look_at_source(one.file, nil, one.problems, warnings, one.words)
    for _, p in ipairs(one.problems) do items[#items + 1] = item_of(p, one.file) end
    names[#names + 1] = one.file
  end
  return items, warnings, names, all
end

-- Would the parser take these words after the command's own? What a variable or the configuration may give is not missed.
local function parses(C, rest)
  local args, words = require "args", { table.unpack(C.words) }
  table.move(rest, 1, #rest, #words + 1, words)
  local parsed = args.split(words, host.globals, function() return #C.words, false, false end, function() return C end)
  local _, _, problems = args.bind(C, parsed.tokens, { cwd = host.cwd, globals = host.globals,
    stdin = function() return "x" end })
  for _, list in ipairs { parsed.problems, problems } do
    for _, item in ipairs(list) do
      local p = C.by_name[item.field]
      if item.code ~= "INPUT_PARAM_MISSING" or not (p and (p.env or p.config)) then return false, item.message end
    end
  end
  return true
end

-- What the files say about other commands is checked against the whole tree and the files.
local function check_cross(framework, all, own)
  local whole = { table.unpack(all) }
  if own then
    local given = {}
    for _, C in ipairs(all) do given[C.file or ""] = true end
    for _, C in ipairs((framework.contracts())) do
      if not given[C.file or ""] then whole[#whole + 1] = C end
    end
  end
  local mine = {}
  for _, C in ipairs(all) do mine[C.file or ""] = true end
  local items = {}
  for _, p in ipairs(contract.cross(whole, { program = framework.program, parse = parses })) do
    if mine[p.file or ""] then items[#items + 1] = item_of(p) end
  end
  return items
end

return {
  about = "Check the contracts of command files, or of all installed commands",
  danger = "safe", scopes = {}, framework = true, since = "0.1",
  args = {
    { "files", "list", "Command files; none for all installed commands", at = 1 },
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
    local framework = ctx.framework
    host = framework.host
    local files = args.files or {}
    for i, file in ipairs(files) do
      if file:sub(1, 1) ~= "/" then files[i] = ctx.cwd .. "/" .. file:gsub("^%./", "") end
      if not host.file.stat(files[i]) then
        ctx.fail("NOT_FOUND", { message = ("There is no file %s."):format(files[i]), context = { path = files[i] } })
      end
    end
    local one_by_one = #files > 0
    local items, warnings, names, all
    if one_by_one then
      items, warnings, names, all = check_files(framework, files)
    else
      items, warnings, names, all = check_tree(framework)
    end
    for _, p in ipairs(check_cross(framework, all, one_by_one)) do items[#items + 1] = p end
    for _, p in ipairs(one_by_one and {} or baseline.problems(all)) do items[#items + 1] = item_of(p) end
    for _, w in ipairs(warnings) do ctx.warn("CONTRACT", w) end
    if #items > 0 then
      ctx.fail("REGISTRATION_ERROR", {
        message = #items == 1 and items[1].message
          or ("%d problems in %d %s."):format(#items, #names, #names == 1 and "file" or "files"),
        more = { errors = host.json.array(items) },
      })
    end
    return { checked = #names, files = names, warnings = #warnings }
  end,
}
