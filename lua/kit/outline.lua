--- Where the parts of a command file's table stand in its source.
-- Promise: reads the text alone; what it cannot follow (a table that code puts together) it does not guess: then the place
-- is that of the table, or of the key's first mention.

local lint = require "contract.lint"

local outline = {}

local OPENS = { ["function"] = 1, ["do"] = 1, ["then"] = 1, ["repeat"] = 1, ["elseif"] = -1, ["until"] = -1, ["end"] = -1 }
local BRACKETS = { ["("] = 1, ["{"] = 1, ["["] = 1, [")"] = -1, ["}"] = -1, ["]"] = -1 }

-- Position of the comma, semicolon or bracket that ends the expression at `at`.
local function expression_end(code, at)
  local depth = 0
  while true do
    local from, to = code:find("[%w_]+", at)
    local mark = code:find("[%(%)%[%]{},;]", at)
    if not mark and not from then return #code + 1 end
    if from and (not mark or from < mark) then
      depth, at = depth + (OPENS[code:sub(from, to)] or 0), to + 1
    else
      local c = code:sub(mark, mark)
      local change = BRACKETS[c] or 0
      if depth == 0 and change <= 0 then return mark end
      depth, at = depth + change, mark + 1
    end
  end
end

-- The key of a field that begins at `at`: name or number, what kind of key it is, and where its value begins; nil for an item.
local function key_at(code, strings, at)
  local name, value = code:match("^([%a_][%w_]*)%s*=()[^=]", at)
  if name then return name, "name", value end
  local quote, after = code:match("^%[%s*()\"[^\"]*\"%s*%]%s*=()", at)
  if quote then return strings[quote], "text", after end
  local number
  number, after = code:match("^%[%s*(%d+)%s*%]%s*=()", at)
  if number then return math.tointeger(tonumber(number)), "number", after end
end

local constructor

local function value_of(code, strings, field)
  field.value = code:find("%S", field.value) or field.value
  local c = code:sub(field.value, field.value)
  if c == "{" then field.table = constructor(code, strings, field.value) end
  if c == '"' then field.text = strings[field.value] end
  field.stop = expression_end(code, field.value)
  return field.stop
end

-- The constructor whose brace opens at `open`: { at, stop, fields = name -> field, items = list of fields, list = all }. A
-- field: { key, kind, at, value, stop, table = constructor or nil, text = short string or nil }.
function constructor(code, strings, open)
  local node = { at = open, fields = {}, items = {}, list = {} }
  local at = open + 1
  while true do
    at = code:find("%S", at)
    local c = at and code:sub(at, at)
    if not c or c == "}" or c == ")" or c == "]" then break end
    if c == "," or c == ";" then
      at = at + 1
    else
      local key, kind, value = key_at(code, strings, at)
      local field = { key = key, kind = kind, at = at, value = value or at }
      at = value_of(code, strings, field)
      node.list[#node.list + 1] = field
      if key ~= nil then node.fields[key] = node.fields[key] or field else node.items[#node.items + 1] = field end
    end
  end
  node.stop = at or #code
  return node
end

-- Where the table that the file returns opens: behind its last `return` outside functions, or where that name is set.
local function returned(code)
  local at, depth, found = 1, 0, nil
  while true do
    local from, to = code:find("[%a_][%w_]*", at)
    if not from then break end
    local word = code:sub(from, to)
    depth, at = depth + (OPENS[word] or 0), to + 1
    if word == "return" and depth == 0 then found = to + 1 end
  end
  if not found then return nil end
  local open, name = code:match("^%s*(){", found), code:match("^%s*([%a_][%w_]*)%s*$", found)
  return open or name and code:match("%f[%w_]" .. name .. "%s*=%s*(){")
end

--- The outline of a source, for outline.find: { code, strings, root = constructor or nil }.
function outline.of(source)
  local code, strings = lint.strip(source)
  local open = returned(code)
  return { source = source, code = code, strings = strings, root = open and constructor(code, strings, open) or nil }
end

-- A field of a result by its name, with or without its marks.
local function marked(node, name)
  return node.fields[name] or node.fields[name .. "?"] or node.fields[name .. "!"]
end

-- The field that a path of a result ("list of rows" is "[]") names, as far as it can be followed.
local function follow(field, path)
  for part in path:gmatch("[^.]+") do
    for name, mark in part:gmatch("([^%[{]*)([%[{]?[%]}]?)") do
      local next_field = field
      if name ~= "" then next_field = field.table and marked(field.table, name) end
      if next_field and mark ~= "" then
        local word = mark == "[]" and "list" or "map"
        next_field = next_field.table and next_field.table.fields[word]
      end
      if not next_field then return field end
      field = next_field
    end
  end
  return field
end

--- The field of an outline that a problem { key, within } is about, or nil.
function outline.field(known, key, within)
  local field = known.root and known.root.fields[key]
  if not field or within == nil then return field end
  if key == "returns" then return follow(field, within) end
  local inner = field.table
  return inner and (math.type(within) == "integer" and inner.items[within] or inner.fields[within]) or field
end

--- Line and column of what a problem is about: of the part, the key, the key's first mention, or the table.
function outline.place(known, key, within)
  local field = outline.field(known, key, within)
  local at = field and field.at
  if not at and type(key) == "string" and key:find("^[%a_][%w_]*$") and not known.root then
    at = known.code:find("%f[%w_]" .. key .. "%s*=[^=]")
  end
  at = at or known.root and known.root.at
  if not at then return nil end
  return lint.place(known.source, at)
end

return outline
