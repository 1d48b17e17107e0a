-- What earlier versions had: every command, flag and exit code, with the versions of their lives (docs/baseline.json for the
-- shipped commands; baseline.json in any other directory of commands).
-- Promise: nothing of it goes away without having been deprecated for at least one minor version before, and who calls
-- what is gone is told where it went (REQ-F-075). Read only by `check` and for a command that does not exist.

local failure = require "failure"
local host = require "host"
local tree = require "tree"

local baseline = {}

local MAX_FILE = 16 << 20

local function file_of(root)
  return root.origin == "shipped" and root.dir .. "/../docs/baseline.json" or root.dir .. "/baseline.json"
end

-- The commands of all baselines: dotted path -> entry; and the global flags: name -> life.
local function read_all()
  local all, globals = {}, {}
  for _, root in ipairs(tree.places()) do
    local text = not root.plugins and tree.usable(root) and host.file.read(file_of(root), MAX_FILE)
    local value = text and host.json.decode(text)
    if type(value) ~= "table" then value = {} end
    for path, entry in pairs(value.commands or {}) do all[path] = all[path] or entry end
    for name, life in pairs(value.global_flags or {}) do globals[name] = globals[name] or life end
  end
  return all, globals
end

-- 1.4.2 -> 1, 4
local function minor_of(version)
  local major, minor = tostring(version):match("^(%d+)%.(%d+)")
  return tonumber(major) or 0, tonumber(minor) or 0
end

-- Was this deprecated in a version with a lower minor (or major) number than the present one?
local function was_announced(life)
  if type(life) ~= "table" or not life.deprecated_in then return false end
  local major, minor = minor_of(life.deprecated_in)
  local now_major, now_minor = minor_of(host.version)
  return now_major > major or now_major == major and now_minor > minor
end

local function words_of(path)
  local words = {}
  for word in path:gmatch("[^.]+") do words[#words + 1] = word end
  return words
end

local function exists(path)
  local words = words_of(path)
  local entry, used = tree.find(words)
  return entry ~= nil and used == #words and table.concat(entry.words, ".") == path
end

local function gone(command, what, file)
  return { command = command, rule = "REQ-F-075", key = "deprecated", file = file,
    message = ("framework error: %s: %s is gone and was not deprecated for a minor version before"):format(command, what) }
end

local function check_one(C, entry, list)
  local name, present = table.concat(C.words, " "), {}
  for _, p in ipairs(C.params) do
    present[p.name] = true
    if p.type == "secret" then present[p.name .. "-from-env"], present[p.name .. "-from-file"] = true, true end
  end
  for _, p in ipairs(C.flags) do present[p.name] = true end
  for _, g in ipairs(host.globals) do present[g.name] = true end
  for flag, life in pairs(entry.flags or {}) do
    if not present[flag] and not was_announced(life) then list[#list + 1] = gone(name, "--" .. flag, C.file) end
  end
  for code in pairs(entry.exit_codes or {}) do
    if not C.exits[math.tointeger(tonumber(code))] then list[#list + 1] = gone(name, "exit code " .. code, C.file) end
  end
end

--- What of the baselines is gone without having been deprecated: problems in the form of contract.check.
function baseline.problems(contracts)
  local by_path, list, known_flags = {}, {}, {}
  for _, C in ipairs(contracts) do by_path[C.path] = not C.group and C or nil end
  for _, g in ipairs(host.globals) do known_flags[g.name] = true end
  local commands, globals = read_all()
  for name, life in pairs(globals) do
    if not known_flags[name] and not was_announced(life) then list[#list + 1] = gone("tool", "--" .. name) end
  end
  for path, entry in pairs(commands) do
    local C = by_path[path]
    if C then
      check_one(C, entry, list)
    elseif not was_announced(entry) and not exists(path) then
      list[#list + 1] = gone((path:gsub("%.", " ")), "the command")
    end
  end
  table.sort(list, function(a, b) return a.message < b.message end)
  return list
end

-- What the baselines know of a command that does not exist: the entry of the longest beginning of words, and its length.
local function entry_of(words)
  local all = read_all()
  for count = #words, 1, -1 do
    local path = table.concat(words, ".", 1, count)
    if all[path] and not exists(path) then return all[path], count end
  end
end

-- The command line with the words of the command replaced; what else was given stays.
local function redirected(words, count, replacement, inv)
  local line, skipped = { inv.program }, inv.prefix and 1 or 0
  for word in replacement:gmatch("%S+") do line[#line + 1] = word end
  if inv.prefix and line[2] == inv.prefix then table.remove(line, 2) end
  for _, word in ipairs(host.argv) do
    if skipped < count and word == words[skipped + 1] then skipped = skipped + 1 else line[#line + 1] = word end
  end
  return require("output").quote_line(line)
end

--- Raises what is to be said of a command that is gone; returns when no baseline knows it. parent: the words of the group
--- that was found; tokens: what stands behind it; inv: the invocation.
function baseline.refuse(parent, tokens, inv)
  local words = { table.unpack(parent) }
  for _, token in ipairs(tokens) do
    if type(token) ~= "string" or not tree.is_word(token) then break end
    words[#words + 1] = token
  end
  local entry, count = entry_of(words)
  if not entry then return end
  local name = table.concat(words, " ", 1, count)
  if not was_announced(entry) then
    local problem = gone(name, "the command")
    failure.raise("COMMAND_REJECTED", { message = problem.message, phase = "validation", fix = "Report this to the author",
      more = { errors = { problem } } })
  elseif entry.replacement then
    local line = redirected(words, count, entry.replacement, inv)
    failure.raise("REDIRECTED", { message = ("`%s` is gone since %s; call `%s`."):format(name, entry.removed_in or "then", line),
      phase = "validation", fix = "Call " .. line, run = line,
      more = { redirect = { command = line, permanent = true, reason = entry.reason or "deprecated" } } })
  end
  failure.raise("COMMAND_NOT_FOUND", { message = ("`%s` was removed in %s."):format(name, entry.removed_in or "this version"),
    phase = "validation", context = { command = name } })
end

return baseline
