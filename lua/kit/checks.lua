--- The checks of contract files, for `check`, `check fix`, `dev` and `test`.
-- Promise: every problem of every file, each with the place of what is wrong (file, line, column) and, where there is one,
-- what to write instead; nothing of the files is run beyond their table.

local baseline = require "baseline"
local contract = require "contract"
local fixes = require "kit.fixes"
local host = require "host"
local outline = require "kit.outline"
local place = require "kit.place"
local sandbox = require "sandbox"
local tree = require "tree"

local checks = {}

local SHARED = { suite = contract.suite, group = contract.group, plugin = contract.plugin }

local outlines = {}

local function outline_of(file)
  if outlines[file] == nil then
    local source = host.file.read(file)
    outlines[file] = source and outline.of(source) or false
  end
  return outlines[file]
end

-- Line and column of a problem: its own, that of the loader's message, or that of what it is about.
local function find_place(p, known)
  if p.line then return p.line, p.column end
  local line = p.message:match("^[^\n]-%.lua:(%d+): ")
  if line then return math.tointeger(tonumber(line)), nil end
  if known then return outline.place(known, p.key, p.within) end
end

--- A problem in the form of error.errors[], with its edit beside it. file: where it is, when the problem does not say; a
--- command that is gone has none.
local function item_of(p, file)
  file = p.file or file
  local known = file and outline_of(file)
  local line, column = find_place(p, known)
  local fix, edit
  if known then fix, edit = fixes.of(known, p) end
  local position = file and file .. (line and ":" .. line .. (column and ":" .. column or "") or "")
  return { command = p.command or "", rule = p.rule, message = p.message, key = p.key, file = file, line = line,
    column = column, position = position, fix = fix, fixable = edit ~= nil or nil }, edit
end

checks.item = item_of

-- Collects what is found: items for the answer, edits by file, warnings, names of files, contracts.
local function new_report()
  local report, seen = { items = {}, edits = {}, warnings = {}, files = {}, contracts = {} }, {}
  function report.problem(p, file)
    local item, edit = item_of(p, file)
    local id = (item.position or "") .. "\0" .. item.message -- what is wrong with a plugin is so for each of its commands
    if seen[id] then return end
    seen[id] = true
    report.items[#report.items + 1] = item
    if edit then
      report.edits[item.file] = report.edits[item.file] or {}
      table.insert(report.edits[item.file], edit)
    end
  end
  return report
end

-- Adds what only the source shows: uses that the contract does not declare.
local function look_at_source(report, file, C, words)
  local source = host.file.read(file)
  if not source then return end
  local problems, warnings = contract.lint(source, C, { words = words, file = file })
  for _, p in ipairs(problems) do report.problem(p, file) end
  for _, w in ipairs(warnings) do report.warnings[#report.warnings + 1] = w end
end

local function add(report, file, words, C, problems, warnings)
  if C and not C.group then report.contracts[#report.contracts + 1] = C end
  for _, p in ipairs(problems or {}) do report.problem(p, file) end
  for _, w in ipairs(warnings or {}) do report.warnings[#report.warnings + 1] = w end
  look_at_source(report, file, C, words)
  report.files[#report.files + 1] = file
end

-- A suite.lua, group.lua or plugin.lua.
local function add_shared(report, file, kind)
  local dir = file:match("^(.*)/[^/]*$")
  local words = { dir:match("[^/]+$") }
  local raw, message = sandbox.load(file, { lib = dir .. "/lib" })
  local problems, warnings
  if raw == nil then
    problems = { { command = words[1], rule = "REQ-F-015", file = file, message = message } }
  else
    local _
    _, problems, warnings = SHARED[kind](raw, { words = words, file = file, dir = dir, full = true })
  end
  add(report, file, words, nil, problems, warnings)
end

local function add_command(report, entry)
  local C, problems, warnings = tree.load(entry, true)
  add(report, entry.path, entry.words, C, problems, warnings)
end

-- A command file whose name nobody can call.
local function add_nameless(report, file)
  local name = file:match("([^/]+)%.lua$") or file
  local entry = { words = { name }, kind = "command", path = file, root = { dir = file:match("^(.*)/"), origin = "file" } }
  add_command(report, entry)
  report.problem({ command = name, rule = "REQ-O-041", file = file,
    message = ("framework error: %s: the file's name is the command's: lower case letters, digits and - before .lua")
      :format(name) }, file)
end

-- The shared files of a place, each where it stands.
local function add_owners(report, found)
  for _, kind in ipairs { "plugin", "suite" } do
    local file = found.dir .. "/" .. kind .. ".lua"
    if found.kind ~= "folder" and host.file.stat(file) then add_shared(report, file, kind) end
  end
end

local function add_path(report, path)
  local found, message = place.of(path)
  if not found then return nil, message end
  local shared = path:match("/(%a+)%.lua$")
  if SHARED[shared] then
    add_shared(report, path, shared)
  elseif not found.is_dir then
    if found.entry then add_command(report, found.entry) else add_nameless(report, path) end
  else
    if path == found.dir then add_owners(report, found) end
    for _, entry in ipairs(place.entries(found)) do
      local group = entry.kind == "group" and entry.path .. "/group.lua"
      if entry.kind == "command" then add_command(report, entry)
      elseif host.file.stat(group) then add_shared(report, group, "group") end
    end
  end
  return true
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

-- What the files say about other commands is checked against `others` and the files.
local function add_cross(report, framework, others)
  local whole, mine = {}, {}
  for _, C in ipairs(report.contracts) do
    whole[#whole + 1], mine[C.file or ""] = C, true
  end
  for _, C in ipairs(others or {}) do
    if not mine[C.file or ""] then whole[#whole + 1] = C end
  end
  for _, p in ipairs(contract.cross(whole, { program = framework.program, parse = parses })) do
    if mine[p.file or ""] then report.problem(p) end
  end
end

local function sort(report)
  table.sort(report.items, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    if a.line ~= b.line then return (a.line or 0) < (b.line or 0) end
    if a.column ~= b.column then return (a.column or 0) < (b.column or 0) end
    return a.message < b.message
  end)
  return report
end

--- Checks files, and all files of folders: { items, edits = file -> list, warnings, files, contracts }, or nil and the path
--- that there is none of, with a message.
function checks.of_paths(framework, paths)
  local report = new_report()
  for _, path in ipairs(paths) do
    local ok, message = add_path(report, path)
    if not ok then return nil, path, message end
  end
  add_cross(report, framework, (framework.contracts()))
  return sort(report)
end

--- Checks everything that is installed.
function checks.of_tree(framework)
  local report = new_report()
  local contracts, refused = framework.contracts(nil, true)
  local whole = {}
  for _, C in ipairs(contracts) do
    if not C.group then
      add(report, C.file, C.words, C, {}, C.warnings)
    else
      whole[#whole + 1] = C
    end
  end
  for _, one in ipairs(refused) do add(report, one.file, one.words, nil, one.problems) end
  add_cross(report, framework, whole)
  for _, p in ipairs(baseline.problems(contracts)) do report.problem(p) end
  return sort(report)
end

--- Forgets the sources that were read, for files that have changed since.
function checks.forget() outlines = {} end

return checks
