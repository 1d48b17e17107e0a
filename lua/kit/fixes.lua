--- What to write instead: the fix of a contract's problem, as a sentence and, where nothing is lost by it, as an edit.
-- Promise: an edit only gives a misspelt thing its right name, drops what the host adds itself, or adds the declaration of
-- nothing; what a command may do is never widened by one.

local outline = require "kit.outline"

local fixes = {}

-- Replaces the text from `from` to `to` of the source.
local function edit(from, to, text) return { from = from, to = to, text = text } end

local function rename_key(field, name)
  if not field or field.kind ~= "name" then return nil end
  return edit(field.at, field.at + #field.key - 1, name)
end

-- Takes a field out, with the comma behind it, and with its line when nothing else stands there.
local function drop(known, field)
  if not field then return nil end
  local from, to = field.at, field.stop - 1
  if known.code:sub(to + 1, to + 1):find("[,;]") then to = to + 1 end
  local before = known.source:sub(1, from - 1):match("[^\n]*$")
  local rest = known.source:match("^[ \t]*\n?()", to + 1)
  if before:find("^[ \t]*$") and known.source:sub(rest - 1, rest - 1) == "\n" then
    return edit(from - #before, rest - 1, "")
  end
  return edit(from, known.source:match("^[ \t]*()", to + 1) - 1, "")
end

-- Puts a field at the beginning of the table, on a line of its own when the others have one.
local function insert(known, text)
  local root = known.root
  if not root then return nil end
  local indent = root.list[1] and known.source:sub(root.at + 1, root.list[1].at - 1):match("\n([ \t]*)$")
  return edit(root.at + 1, root.at, indent and "\n" .. indent .. text .. "," or " " .. text .. ",")
end

-- The text of a short string in place of that of a row's item.
local function retext(row, index, text)
  local item = row and row.table and row.table.items[index]
  return item and item.text and edit(item.value + 1, item.value + #item.text, text) or nil
end

local DECLARE = {
  network = "network = true", runs = 'runs = { "program" }', reads = 'reads = { "~/path" }, or access = "read" on a path',
  asks = "asks = true", page = "page = 20", stream = "stream = true", steps = 'steps = { "first", "second" }',
  batch = 'batch = "the-list-parameter"', walk = "walk = true", stdin = "stdin = true", store = "store = true",
  serves = "serves = true", config = 'config = "local"', creates = 'creates = "thing"', deletes = 'deletes = "thing"',
  job = 'job = { poll = "5s", timeout = "10m" }', editor = 'editor = { "the-parameter" }',
  gui = 'gui = { "browser_open", headless = "emit_in_output" }', stops = 'stops = "the starting command"',
  background = 'background = { stop = "stop command", lifetime = "1h" }', auth = "auth = { headless = true }",
  archive = "archive = true",
}

-- { pattern of the message, function(known, problem, captures…) -> sentence, edit or nil }, the first that fits counts.
local RULES = {
  { '^unknown key ([%w_]+); did you mean "([%w_]+)"%?', function(known, p, _, right)
    local taken = known.root and known.root.fields[right]
    return ("Write %s instead"):format(right), not taken and rename_key(outline.field(known, p.key), right) or nil
  end },
  { "^unknown key ", function() return "Remove it" end },
  { "^the path is the name", function(known, p)
    return "Remove name", drop(known, outline.field(known, p.key))
  end },
  { "^required_scopes declaration", function(known)
    local outside = known.root and (known.root.fields.network or known.root.fields.auth)
    return "Add scopes = {}, or the scopes that the service asks for", not outside and insert(known, "scopes = {}") or nil
  end },
  { "^danger_level declaration", function()
    return 'Add danger = "safe" if it changes nothing, "mutating" if it does, "destructive" if that cannot be undone'
  end },
  { "^danger must be", function() return 'Write danger = "safe", "mutating" or "destructive"' end },
  { "^exit_codes declaration", function() return 'Add exits = { SUCCESS = "What holds when it has ended well" }' end },
  { "^exit_codes must include", function() return 'Add SUCCESS = "What holds when it has ended well" to exits' end },
  { "^about declaration", function() return 'Add about = "What it does, in one line"' end },
  { "^returns declaration", function()
    return 'Add returns, the shape of the result: returns = { field = "string", other = "integer?" }'
  end },
  { "^run must be", function() return "Add run = function(args, ctx) return { … } end" end },
  { "^destructive command must implement preview", function()
    return 'Add preview = function(args, ctx) return ctx.would("delete", { … }) end'
  end },
  { "^use ([A-Z_]+), not literal (%d+)", function(known, p, name)
    local field = outline.field(known, p.key, p.within)
    local number = field and field.kind == "number"
    return ("Write %s instead of the number"):format(name), number
      and edit(field.at, known.code:find("]", field.at, true), name) or nil
  end },
  { '^parameter (%S+): unknown option (%S+); did you mean "(%S+)"%?', function(known, p, _, wrong, right)
    local row = outline.field(known, p.key, p.within)
    return ("Write %s instead of %s"):format(right, wrong),
      row and row.table and not row.table.fields[right] and rename_key(row.table.fields[wrong], right) or nil
  end },
  { '^parameter (%S+): unknown type "(%S+)"; did you mean "(%S+)"%?', function(known, p, _, _, right)
    return ('Write "%s"'):format(right), retext(outline.field(known, p.key, p.within), 2, right)
  end },
  { '^parameter (%S+): unknown type', function()
    return "Use string, integer, number, boolean, enum, list, map, path, url, duration, size, datetime, json or secret"
  end },
  { '^parameter name "([%w_-]+)" must be lower case', function(known, p, name)
    local right = name:lower():gsub("_", "-"):gsub("^[^a-z]+", ""):gsub("%-+$", "")
    if right == "" then return "Use lower case words joined by -" end
    return ('Write "%s"'):format(right), retext(outline.field(known, p.key, p.within), 1, right)
  end },
  { "^parameter (%S+): pattern must be anchored", function(known, p)
    local row = outline.field(known, p.key, p.within)
    local match = row and row.table and row.table.fields.match
    local text = match and match.text
    if not text then return "Begin the pattern with ^ and end it with $" end
    local right = (text:sub(1, 1) == "^" and "" or "^") .. text .. (text:sub(-1) == "$" and "" or "$")
    return ('Write "%s"'):format(right), not text:find("[|\\]") and edit(match.value + 1, match.value + #text, right) or nil
  end },
  { "^'(%S+)' matches secret field pattern", function()
    return 'Give it the type "secret", or public = true if what it holds is none'
  end },
  { "^required parameter (%S+) must not have a default", function() return "Remove required or default" end },
  { "^returns must not declare effect", function(known, p)
    local form = outline.field(known, p.key)
    local fields = form and form.table and form.table.fields
    return "Remove effect", fields and drop(known, fields.effect or fields["effect?"]) or nil
  end },
  { "^ctx%.([%w_]+) used but ([%w_]+) is not declared", function(_, _, _, key)
    return "Declare " .. (DECLARE[key] or key)
  end },
  { '^error "([%w_]+)" is not declared', function(_, _, code)
    return ('Declare it: errors = { %s = { "What went wrong.", exit = "GENERAL_ERROR" } }'):format(code)
  end },
  { "^error (%S+) has no exit", function() return 'Add exit = "NAME", one of the exit codes' end },
  { "^recoverable error (%S+) needs a hint", function() return 'Add fix = "What the caller does about it"' end },
  { '^step "(.-)" is not declared', function(_, _, name) return ('Add "%s" to steps'):format(name) end },
  { "^validate must not use ctx", function() return "Use the arguments alone; what asks the outside belongs into run" end },
  { "^page needs returns", function() return "Write returns = { list = { … } }" end },
  { "is not available; (.+)$", function(_, _, text) return text:sub(1, 1):upper() .. text:sub(2) end },
  { 'did you mean "([^"]+)"%?', function(_, _, right) return ("Write %s"):format(right) end },
}

--- The fix of a problem, given the outline of its file: a sentence or nil, and an edit { from, to, text } or nil.
function fixes.of(known, p)
  local text = p.message:gsub("^framework error: .-: ", "")
  for _, rule in ipairs(RULES) do
    local captures = table.pack(text:match(rule[1]))
    if captures[1] then
      local sentence, change = rule[2](known, p, table.unpack(captures, 1, captures.n))
      return sentence, change or nil
    end
  end
end

--- The source with the edits made; of edits that touch each other the first one counts.
-- @return text, the number of edits made
function fixes.apply(source, edits)
  table.sort(edits, function(a, b) return a.from > b.from end)
  local limit, count = math.huge, 0
  for _, one in ipairs(edits) do
    if one.to < limit and one.from <= limit then
      source = source:sub(1, one.from - 1) .. one.text .. source:sub(one.to + 1)
      limit, count = one.from, count + 1
    end
  end
  return source, count
end

return fixes
