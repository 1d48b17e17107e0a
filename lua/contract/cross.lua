--- Contracts against each other.
-- Promise: pass 2 of registration: what one contract says about another command holds, and no two commands claim one
-- name. Sees all contracts at once; touches nothing. Sources: REQ-C-010, C-030, REQ-O-041, spec X9.

local cross = {}

local function report(problems, C, rule, key, format, ...)
  local command = table.concat(C.words, " ")
  problems[#problems + 1] = {
    command = command, rule = rule, key = key, file = C.file,
    message = "framework error: " .. command .. ": " .. format:format(...),
  }
end

local function words_of(line)
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = (word:gsub("^(['\"])(.*)%1$", "%2")) end
  return words
end

-- The longest command that the words begin with, and the words after it.
local function find_command(index, words, from)
  local path, found, rest = nil, nil, from
  for i = from, #words do
    if words[i]:sub(1, 1) == "-" then break end
    path = path and path .. " " .. words[i] or words[i]
    local C = index[path]
    if C then found, rest = C, i + 1 end
  end
  return found, rest
end

-- Does the rest of a command line name only known flags? A parser given in options decides better.
local function parse_problem(C, words, from, options)
  if options.parse then
    local ok, message = options.parse(C, { table.unpack(words, from) })
    return not ok and tostring(message) or nil
  end
  local globals = {}
  for _, g in ipairs(require("host").globals or {}) do globals[g.name] = true end
  for i = from, #words do
    local name = words[i]:match("^%-%-([a-z0-9-]+)")
    local positive = name and name:match("^no%-(.+)$")
    if name and not C.by_name[name] and not globals[name] and not (positive and C.by_name[positive]) then
      return "there is no option --" .. name
    end
  end
  for _, p in ipairs(C.params) do
    if p.required then
      local given = false
      for i = from, #words do
        local name = words[i]:match("^%-%-([a-z0-9-]+)")
        if name == p.name or name == p.name .. "-from-env" or name == p.name .. "-from-file" then given = true end
        if p.at and not name and i - from + 1 >= p.at then given = true end
      end
      if not given and not p.env then return "--" .. p.name .. " is required" end
    end
  end
end

local function check_fix_command(problems, index, C, code, line, options)
  if line:find("[<>$|;&`\n]") then return end      -- reported with the contract itself
  local words = words_of(line)
  local program = words[1]
  local companions = options.companions or {}
  local function unknown()
    report(problems, C, "REQ-C-030", "errors",
      'error %s: fix_command "%s" is not a registered command or companion', code, line)
  end
  if companions[program] then return end
  if program ~= "tool" and program ~= (options.program or "tool") and not index.personas[program] then
    return unknown()
  end
  local persona = index.personas[program]
  if persona then table.insert(words, 2, persona) end
  local target, rest = find_command(index.commands, words, 2)
  if not target then
    return unknown()
  end
  if target.danger == "destructive" then
    report(problems, C, "REQ-C-030", "errors", "error %s: fix_command targets a destructive command (REQ-C-002)", code)
  elseif target.danger == "mutating" and not target.idempotent then
    report(problems, C, "REQ-C-030", "errors", "error %s: fix_command targets a mutating command not marked idempotent",
      code)
  end
  local message = parse_problem(target, words, rest, options)
  if message then
    report(problems, C, "REQ-C-030", "errors", "error %s: fix_command does not parse: %s", code, message)
  end
end

local function index_of(all, problems)
  local index = { commands = {}, personas = {} }
  for _, C in ipairs(all) do
    if not C.group then index.commands[table.concat(C.words, " ")] = C end
    local suite = C.group and C.persona and C or C.suite
    if suite and suite.persona then index.personas[suite.persona] = suite.name end
  end
  local claimed = {}
  for _, C in ipairs(all) do
    for _, alias in ipairs(C.aliases or {}) do
      local other = index.commands[alias]
      if other and other ~= C then
        report(problems, C, "REQ-O-041", "aliases", 'alias "%s" is the name of a command', alias)
      elseif claimed[alias] and claimed[alias] ~= C then
        report(problems, C, "REQ-O-041", "aliases", 'alias "%s" is also claimed by %s', alias,
          table.concat(claimed[alias].words, " "))
      end
      claimed[alias] = claimed[alias] or C
    end
  end
  for alias, C in pairs(claimed) do
    if not C.group and not index.commands[alias] then index.commands[alias] = C end
  end
  return index
end

-- A command named by a contract: as a whole path, or within the namer's own folder.
local function find_named(index, C, words)
  local folder = table.concat(C.words, " ", 1, #C.words - 1)
  return index.commands[words] or folder ~= "" and index.commands[folder .. " " .. words] or nil
end

--- Problems between the contracts of `all` (array of C, groups and suites).
-- @param options { companions = { gh = true }, program = name, parse = function(C, tokens) -> ok, message }
function cross.check(all, options)
  options = options or {}
  local problems = {}
  local index = index_of(all, problems)
  for _, C in ipairs(all) do
    if not C.group then
      if C.background and type(C.background.stop) == "string" and not find_named(index, C, C.background.stop) then
        report(problems, C, "REQ-C-010", "background", 'cleanup_command "%s" is not a registered command',
          C.background.stop)
      end
      if C.stops and not find_named(index, C, C.stops) then
        report(problems, C, "REQ-C-010", "stops", '"%s" is not a registered command', C.stops)
      end
      for code, e in pairs(C.raw.errors or {}) do
        if type(e) == "table" and type(e.run) == "string" then
          check_fix_command(problems, index, C, code, e.run, options)
        end
      end
    end
  end
  table.sort(problems, function(a, b)
    if a.command ~= b.command then return a.command < b.command end
    return a.message < b.message
  end)
  return problems
end

return cross
