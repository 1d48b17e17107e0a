--- A lexical look at a command's source.
-- Promise: finds uses that the contract does not declare and calls that no command may make, without running anything;
-- comments and strings never count. Only `check` and the index use it. Sources: REQ-C-001, C-005, C-006, C-010, C-012,
-- C-016 … C-025, REQ-F-001, F-041, F-044, F-062.

local lint = {}

-- Length of the long bracket that opens at position i ("[[", "[=["), or nil.
local function long_bracket(source, i)
  local level = source:match("^%[(=*)%[", i)
  return level and "]" .. level .. "]" or nil
end

-- End position of a quoted string that begins at i.
local function string_end(source, i)
  local quote, at = source:sub(i, i), i + 1
  while true do
    local c = source:sub(at, at)
    if c == "" or c == "\n" then return at end
    if c == quote then return at end
    at = at + (c == "\\" and 2 or 1)
  end
end

-- Spaces of the same length and lines.
local function blank(text)
  return (text:gsub("[^\n]", " "))
end

--- The source with comments blanked and the insides of strings replaced: short strings become "…" of their length,
-- kept apart in `strings` (position of the opening quote -> text). Lines and columns stay.
function lint.strip(source)
  local out, strings, at = {}, {}, 1
  while at <= #source do
    local i = source:find("[-%[\"']", at)
    if not i then break end
    out[#out + 1] = source:sub(at, i - 1)
    local stop
    local close = source:sub(i, i + 1) == "--" and long_bracket(source, i + 2) or long_bracket(source, i)
    if close then
      local _, last = source:find(close, i, true)
      stop = last or #source
      out[#out + 1] = blank(source:sub(i, stop))
    elseif source:sub(i, i + 1) == "--" then
      stop = (source:find("\n", i, true) or #source + 1) - 1
      out[#out + 1] = blank(source:sub(i, stop))
    elseif source:find("^[\"']", i) then
      stop = string_end(source, i)
      strings[i] = source:sub(i + 1, stop - 1)
      out[#out + 1] = '"' .. ("_"):rep(stop - i - 1) .. '"'
    else
      stop = i
      out[#out + 1] = source:sub(i, i)
    end
    at = stop + 1
  end
  out[#out + 1] = source:sub(at)
  return table.concat(out), strings
end

--- The line and the column (in bytes, from 1) of a position.
function lint.place(source, position)
  local before = source:sub(1, position - 1)
  local _, count = before:gsub("\n", "")
  return count + 1, #before - #(before:match("^.*\n") or "") + 1
end

-- ctx.NAME -> contract key that unlocks it, and the requirement. `also` are other ways to unlock it.
local DOORS = {
  http = { "network", "REQ-C-012" }, api = { "network", "REQ-C-012" }, exec = { "runs", "REQ-C-019" },
  pipe = { "runs", "REQ-C-019" }, start = { "runs", "REQ-C-019" },
  spawn = { "background", "REQ-C-010" }, stop = { "stops", "REQ-C-010" }, open = { "gui", "REQ-C-024" },
  notify = { "gui", "REQ-C-024" }, edit = { "editor", "REQ-C-023" }, confirm = { "asks", "REQ-C-005" },
  ask = { "asks", "REQ-C-005" }, job = { "job", "REQ-C-022" }, step = { "steps", "REQ-C-008" },
  each = { "batch", "REQ-C-009" }, emit = { "stream", "REQ-O-004" }, list = { "page", "REQ-F-018" },
  walk = { "walk", "REQ-O-040" }, input = { "stdin", "REQ-F-054" }, store = { "store", "REQ-C-011" },
  archive = { "archive", "REQ-C-011" },
  serve = { "serves", "REQ-C-012" }, credential = { "auth", "REQ-C-021" }, config = { "config", "REQ-C-025" },
  files = { "reads", "REQ-C-011" }, exists = { "creates", "REQ-C-028" }, missing = { "deletes", "REQ-C-028" },
  framework = { "framework", "REQ-C-002" },
}

local function unlocked(name, key, C)
  if C.raw[key] then return true end
  if name == "files" then return (C.writes or C.path_access) and true end
  if name == "config" then return C.suite and C.suite.config and true end
  if name == "stop" then return C.background and true end
  if name == "credential" then return #C.scopes > 0 end
  return false
end

-- Calls that do not exist for commands: pattern in the stripped code, requirement, what to do instead; "any": also as a
-- field of something else.
local FORBIDDEN = {
  { "%f[%w_]os%s*%.%s*execute%f[^%w_]", "REQ-C-019",
    "os.execute/io.popen is not available; declare runs and use ctx.exec" },
  { "%f[%w_]io%s*%.%s*popen%f[^%w_]", "REQ-C-019",
    "os.execute/io.popen is not available; declare runs and use ctx.exec" },
  { "%f[%w_]io%s*%.%s*%a+", "REQ-C-011", "io is not available; declare reads or writes and use ctx.files" },
  { "%f[%w_]os%s*%.%s*exit%f[^%w_]", "REQ-C-001", "os.exit is not available; end with ctx.fail or return" },
  { "%f[%w_]os%s*%.%s*getenv%f[^%w_]", "REQ-F-073", "os.getenv is not available; declare a parameter with env" },
  { "%f[%w_]os%s*%.%s*remove%f[^%w_]", "REQ-C-011", "os.remove is not available; use ctx.files.remove" },
  { "%f[%w_]os%s*%.%s*rename%f[^%w_]", "REQ-C-011", "os.rename is not available; use ctx.files.rename" },
  { "%f[%w_]os%s*%.%s*tmpname%f[^%w_]", "REQ-C-017", "os.tmpname is not available; use ctx.tmp" },
  { "%f[%w_]chdir%s*[%(\"{]", "REQ-F-041", "chdir is not permitted; build absolute paths from ctx.cwd", "any" },
  { "%f[%w_]debug%s*%.%s*%a+", "REQ-F-015", "debug is not available" },
  { "%f[%w_]package%s*%.%s*%a+", "REQ-F-015", "package is not available; use require" },
  { "%f[%w_]loadstring%f[^%w_]", "REQ-F-015", "loadstring is not available" },
  { "%f[%w_]dofile%f[^%w_]", "REQ-F-015", "dofile is not available; use require" },
  { "%f[%w_]loadfile%f[^%w_]", "REQ-F-015", "loadfile is not available; use require" },
}

local function new_report(source, C, origin)
  local report = { problems = {}, warnings = {} }
  local words = C and C.words or origin and origin.words or {}
  local command, file = table.concat(words, " "), C and C.file or origin and origin.file
  function report.bad(position, rule, key, message)
    local line, column = lint.place(source, position)
    report.problems[#report.problems + 1] = {
      command = command, rule = rule, key = key, file = file, line = line, column = column,
      message = "framework error: " .. command .. ": " .. message,
    }
  end
  return report
end

local function scan_doors(code, C, report)
  local seen = {}
  for position, name in code:gmatch("()%f[%w_]ctx%s*%.%s*([%a_][%w_]*)") do
    local door = DOORS[name]
    if door and not seen[name] and not unlocked(name, door[1], C) then
      seen[name] = true
      report.bad(position, door[2], door[1], ("ctx.%s used but %s is not declared"):format(name, door[1]))
    end
  end
  if not C.raw.config and not (C.suite and C.suite.config) then return end
  if C.danger ~= "safe" and not C.raw.config and code:find("ctx%s*%.%s*config%s*%.%s*set%f[^%w_]") then
    report.warnings[#report.warnings + 1] =
      table.concat(C.words, " ") .. ": ctx.config.set without config; defaulting to local"
  end
end

-- Position of the first match that is a global's name, not a field's.
local function find_global(code, pattern)
  local at = 1
  while true do
    local position, stop = code:find(pattern, at)
    if not position or not code:sub(1, position - 1):find("[.:]%s*$") then return position end
    at = stop + 1
  end
end

local function scan_forbidden(code, report)
  local popen
  for _, row in ipairs(FORBIDDEN) do
    local position = row[4] and code:find(row[1]) or find_global(code, row[1])
    if position and not (popen and row[1]:find("io%%s", 1, true)) then
      if row[1]:find("popen", 1, true) then popen = true end
      report.bad(position, row[2], "run", row[3])
    end
  end
end

local function scan_literals(code, report)
  local names = require("exits").names
  for position, number in code:gmatch("()%f[%w_]ctx%s*%.%s*fail%s*%(%s*(%d+)") do
    number = tonumber(number)
    report.bad(position, "REQ-F-001", "errors",
      names[number] and ("use %s, not literal %d"):format(names[number], number)
      or ("ctx.fail takes an error code, not literal %d"):format(number))
  end
end

local function scan_fail(code, strings, C, report)
  local known = require("exits").codes
  for position, quote, behind in code:gmatch("()%f[%w_]ctx%s*%.%s*fail%s*%(?%s*()\"[^\"]*\"%s*(%.?%.?)") do
    local name = behind == "" and strings[quote] -- a name put together at run time cannot be judged here
    if name and not C.errors[name] and not known[name] then
      report.bad(position, "REQ-C-013", "errors", ('error "%s" is not declared'):format(name))
    end
  end
end

local function scan_steps(code, strings, C, report)
  if not C.steps then return end
  local declared = {}
  for _, name in ipairs(C.steps) do declared[name] = true end
  for position, quote in code:gmatch("()%f[%w_]ctx%s*%.%s*step%s*%(?%s*()\"") do
    local name = strings[quote]
    if name and not declared[name] then
      report.bad(position, "REQ-C-008", "steps", ('step "%s" is not declared'):format(name))
    end
  end
end

local function scan_exec(code, report)
  for _, name in ipairs { "exec", "start", "pipe", "spawn" } do
    for position in code:gmatch("()%f[%w_]ctx%s*%.%s*" .. name .. "%s*%(?%s*\"") do
      report.bad(position, "REQ-F-062", "runs",
        ("SHELL_STRING_PROHIBITED: ctx.%s takes an argument list, not a string"):format(name))
    end
  end
end

-- The text of `validate = function … end`, roughly: up to the next key at the same depth of keywords.
local function scan_validate(code, report)
  local position, params_text, from = code:match("()%f[%w_]validate%s*=%s*function%s*(%b())()")
  if not position then return end
  local depth, at = 1, from
  while depth > 0 do
    local s, stop, word = code:find("%f[%w_](%a+)%f[^%w_]", at)
    if not s then break end
    if word == "function" or word == "then" or word == "do" or word == "repeat" then depth = depth + 1
    elseif word == "elseif" or word == "until" then depth = depth - 1
    elseif word == "end" then depth = depth - 1 end
    at = stop + 1
  end
  local body = params_text .. code:sub(from, at - 1)
  if body:find("%f[%w_]ctx%f[^%w_]") then
    report.bad(position, "REQ-C-006", "validate", "validate must not use ctx")
  end
end

-- ctx.hold(value) without a closer.
local function scan_hold(code, C, report)
  for arguments in code:gmatch("%f[%w_]ctx%s*%.%s*hold%s*(%b())") do
    if not arguments:find(",", 1, true) then
      report.warnings[#report.warnings + 1] = table.concat(C.words, " ") .. ": ctx.hold without closer"
    end
  end
end

--- Looks through a source. C is the checked contract (nil: only what no command may do is looked for).
-- @return array of problems (with line), array of warnings
function lint.scan(source, C, origin)
  local code, strings = lint.strip(source)
  local report = new_report(source, C, origin)
  scan_forbidden(code, report)
  scan_literals(code, report)
  scan_exec(code, report)
  scan_validate(code, report)
  if C and not C.group and C.raw then
    scan_doors(code, C, report)
    scan_fail(code, strings, C, report)
    scan_steps(code, strings, C, report)
    scan_hold(code, C, report)
  end
  return report.problems, report.warnings
end

return lint
