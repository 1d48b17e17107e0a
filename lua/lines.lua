-- What is special about a run that is a line of `tool exec` (REQ-O-050); loaded for such lines only.
-- Promise: a line names a command exactly, its fields are parameters and nothing else, and a worker that has served another
-- line runs only what can leave nothing behind.

local failure = require "failure"
local host = require "host"

local ipairs, pairs, type = ipairs, pairs, type

local lines = {}

--- The fields of the line that are the command's, as a new table each time; nil when there are none.
function lines.payload()
  local text = host.line.payload
  if not text then return nil end
  local value, problem = host.json.decode(text)
  if value == nil then
    failure.raise("DISPATCH_PARSE_ERROR", { phase = "validation",
      message = "The line's fields cannot be read: " .. problem.message .. "." })
  end
  return value
end

-- The words that the line begins with.
local function words_of()
  local words = {}
  for i, word in ipairs(host.argv) do
    if word:byte(1) == 45 then break end
    words[i] = word
  end
  return words
end

local is_global = {}
for _, g in ipairs(host.globals) do is_global[g.name] = true end

--- What args.split gives for a line that names a command and has no global flag; else nil. find(words) -> entry, used.
function lines.split(find)
  local words, tokens = words_of(), { globals = {} }
  local entry, used = find(words)
  if not entry or used < #words or entry.kind ~= "command" then return nil end
  for i = used + 1, #host.argv do
    local token = host.argv[i]
    if is_global[token:match("^%-%-([^=]+)")] then return nil end
    tokens[i - used] = token
  end
  return { words = words, tokens = tokens, globals = {}, problems = {} }
end

--- Refuses what is no command: a group, or more words than the command has. entry may be nil.
function lines.check(inv, entry, stray)
  if stray or not entry then inv.meta("command", table.concat(words_of(), ".")) end
  if stray then
    require("baseline").refuse(entry and entry.words or {}, inv.tokens, inv)
    require("inquiry").unknown_command(inv, { stray }, entry)
  end
  if entry and entry.kind == "group" then
    failure.raise("COMMAND_NOT_FOUND", { phase = "validation", context = { command = table.concat(entry.words, ".") },
      message = table.concat(entry.words, ".") .. " is a group of commands.", fix = "Name one of its commands in _cmd" })
  end
end

-- Contract keys of commands that have no means to change anything or to leave anything behind.
local PLAIN = {
  about = true, aliases = true, args = true, cleanup = true, compat = true, compat_schemas = true, danger = true,
  deprecated = true, errors = true, examples = true, exits = true, external = true, formats = true, id = true,
  idempotent = true, max_output = true, min_schema_version = true, page = true, payload = true, placement = true,
  platform = true, reads = true, render = true, returns = true, rules = true, run = true, scopes = true,
  sensitive = true, since = true, stream = true, table = true, timeout = true, validate = true, version = true,
  volatile = true, walk = true,
}

local plain = setmetatable({}, { __mode = "k" }) -- C -> whether it is

local function find_plain(C)
  if C.danger ~= "safe" or #C.scopes > 0 then return false end
  if C.suite and C.suite.config then return false end
  for key in pairs(C.raw) do
    if not PLAIN[key] then return false end
  end
  for _, p in ipairs(C.params) do
    if p.type == "secret" or p.access == "write" then return false end
  end
  return true
end

--- Can lines follow a run of this command in the same worker?
function lines.is_plain(C)
  if plain[C] == nil then plain[C] = find_plain(C) end
  return plain[C]
end

--- Makes a dry run of the line when `exec --dry-run` asks for it; `--live` gives way.
function lines.prepare(C, parsed)
  if C.dispatches then
    failure.raise("DISPATCH_PARSE_ERROR", { phase = "validation", message = "A line cannot read lines itself." })
  end
  if not host.line.dry_run or C.danger == "safe" then return end
  local tokens = parsed.tokens
  for i = #tokens, 1, -1 do
    if tokens[i]:find "^%-%-live" or tokens[i]:find "^%-%-dry%-run" then table.remove(tokens, i) end
  end
  tokens[#tokens + 1] = "--dry-run"
end

--- Adds the line's fields to the arguments that the audit log keeps.
function lines.audit(shown, C)
  local redact = require "redact_args"
  for name, value in pairs(lines.payload() or {}) do
    local p = C and C.by_name[(name:gsub("_", "-"))]
    shown[name] = redact.value(name, value, p)
  end
end

-- A field as the flags that mean the same.
local function add_flags(argv, name, value)
  local flag = "--" .. name:gsub("_", "-") .. "="
  if type(value) ~= "table" then
    argv[#argv + 1] = flag .. (type(value) == "string" and value or host.json.encode(value))
  elseif host.json.is_array(value) then
    for _, item in ipairs(value) do
      argv[#argv + 1] = flag .. (type(item) == "string" and item or host.json.encode(item))
    end
  else
    for key, item in pairs(value) do
      argv[#argv + 1] = flag .. key .. "=" .. (type(item) == "string" and item or host.json.encode(item))
    end
  end
end

--- The command line that does the same as this line.
function lines.arguments()
  local argv, names, payload = table.move(host.argv, 1, #host.argv, 1, {}), {}, lines.payload() or {}
  for name in pairs(payload) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if payload[name] ~= host.json.null then add_flags(argv, name, payload[name]) end
  end
  return argv
end

return lines
