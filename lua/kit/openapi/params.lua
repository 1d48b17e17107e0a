--- Parameters of an operation as rows of `args`, and where each goes in the request.
-- Promise: every row passes the check of contracts; names that the host has itself, or that come twice, are told apart.

local contract_params = require "contract.params"
local flags = require "contract.flags"
local host = require "host"
local shape = require "kit.openapi.shape"
local write = require "kit.write"

local params = {}

local null = host.json.null

local function is_table(value) return type(value) == "table" and value ~= null end

--- A name as a word of the command line: lower case, joined by "-".
function params.word(name)
  local text = tostring(name):gsub("(%l)(%u)", "%1-%2"):gsub("(%u)(%u%l)", "%1-%2"):lower():gsub("[^a-z0-9]+", "-")
  text = text:gsub("^%-+", ""):gsub("%-+$", "")
  if text == "" then text = "value" end
  if not text:find("^%a") then text = "n" .. text end
  return (text:sub(1, 32):gsub("%-+$", ""))
end

--- One line of a description, without its end.
function params.line(text, otherwise)
  text = type(text) == "string" and text:gsub("%s+", " "):match("^%s*(.-)%s*$") or ""
  text = text:match("^(.-[^%s])%.%s") or text:gsub("%.$", "")
  if text == "" then return otherwise end
  if utf8.len(text) and utf8.len(text) > 110 then text = text:sub(1, utf8.offset(text, 108) - 1) .. "…" end
  return text
end

-- A pattern of ECMA-262 as a POSIX expression, or nil where that is not possible.
local function posix(pattern)
  if type(pattern) ~= "string" or pattern:find("(?", 1, true) or pattern:find("\\[bBsSDWpuxk1-9]") then return nil end
  local text = pattern:gsub("%[([^%]]*)%]", function(set)
    return "[" .. set:gsub("\\d", "0-9"):gsub("\\w", "A-Za-z0-9_") .. "]"
  end):gsub("\\d", "[0-9]"):gsub("\\w", "[A-Za-z0-9_]")
  if text:find("%[[^%]]*\\") or not (text:find("^%^") and text:find("%$$")) then return nil end
  return host.regex(text) and text or nil
end

local function strings_only(list)
  local out, seen = {}, {}
  for _, value in ipairs(list) do
    if type(value) ~= "string" or value == "" then return nil end
    if not seen[value] then out[#out + 1] = value end
    seen[value] = true
  end
  return #out > 0 and out or nil
end

-- Type and options of a row for a schema. body: structured values are JSON there.
local function typed(doc, s, pointer, body)
  s, pointer = shape.merged(doc, s or {}, pointer)
  local kind = shape.type_of(s)
  local choices = kind ~= "integer" and kind ~= "number" and is_table(s.enum) and strings_only(s.enum)
  if choices then return "enum", { { "one_of", choices } } end
  if kind == "integer" or kind == "number" then
    local function bound(value)
      if type(value) ~= "number" then return nil end
      return kind == "number" and value or math.tointeger(value)
    end
    return kind, { { "min", bound(s.minimum) }, { "max", bound(s.maximum) } }
  elseif kind == "boolean" then
    return "boolean", {}
  elseif kind == "array" then
    local item = s.items and shape.merged(doc, s.items, pointer .. "/items") or {}
    local inner = shape.type_of(item)
    if body and inner ~= "string" then return "json", {} end
    if inner == "object" or inner == "array" then return "json", {} end
    return "list", { { "one_of", is_table(item.enum) and strings_only(item.enum) or nil }, { "loose", true } }
  elseif kind == "string" or kind == nil and not s.oneOf and not s.anyOf and not body then
    if s.format == "date-time" and not body then return "datetime", {} end
    local match = posix(s.pattern) or s.format == "uuid" and "uuid" or nil
    return "string", match and { { "match", match } } or { { "loose", true } }
  end
  return "json", {}
end

local SECRET = { "secret", "password", "credential", "token" }

local function is_secret(name, s, where)
  if where ~= "header" and where ~= "body" and where ~= "form" then return false end
  if is_table(s) and s.format == "password" then return true end
  local word = params.word(name)
  for _, one in ipairs(SECRET) do
    if word:find(one, 1, true) then return true end
  end
  return where == "header" and (word:find("api-key", 1, true) or word:find("authorization", 1, true)) ~= nil
end

-- Types whose value cannot be a secret, whatever the name says.
local PLAIN = { integer = true, number = true, boolean = true, enum = true, datetime = true }

local function taken_names()
  local taken = {}
  for _, g in ipairs(host.globals or {}) do taken[g.name] = true end
  for name in pairs(flags.reserved) do taken[name] = true end
  for _, name in ipairs { "limit", "cursor", "stream", "no-stream", "proxy", "no-proxy", "input", "input-file", "global" } do
    taken[name] = true
  end
  return taken
end

--- Collects rows: `taken` are further names that are not free (those of the suite).
function params.new(doc, taken)
  local self = { doc = doc, list = {}, taken = taken_names() }
  for name in pairs(taken or {}) do self.taken[name] = true end
  return setmetatable(self, { __index = params })
end

-- A free name near the wanted one.
local function free(self, name, where)
  local word = params.word(name)
  local candidates = { word, word .. "-" .. where }
  for _, one in ipairs(candidates) do
    if not self.taken[one] and not self.taken[one .. "-from-env"] then return one end
  end
  local n = 2
  while self.taken[word .. "-" .. n] do n = n + 1 end
  return word .. "-" .. n
end

local function option(options, key)
  for _, pair in ipairs(options) do
    if pair[1] == key then return pair[2] end
  end
end

-- What the document gives as an example.
local function example_of(one)
  local value = one.example
  if value == nil then value = one.schema.example end
  if value == nil and is_table(one.schema.examples) then value = one.schema.examples[1] end
  if type(value) == "string" and value ~= "" and not value:find("[%c'\"\\$`{}]") then return value end
  return nil
end

--- Adds a parameter: { name, where = "path"|"query"|"header"|"cookie"|"body"|"form", schema, pointer, about, required, at, type }.
-- Gives { flag, name, where, type, text = the Lua expression of its value }.
function params.add(self, p)
  local flag = free(self, p.name, p.where)
  self.taken[flag] = true
  local resolved = shape.merged(self.doc, p.schema or {}, p.pointer)
  local kind, options = typed(self.doc, p.schema, p.pointer, p.where == "body")
  if p.type then kind, options = p.type, p.type == "path" and { { "access", "read" } } or {} end
  if is_secret(p.name, resolved, p.where) and (kind == "string" or kind == "enum") then kind, options = "secret", {} end
  local row = { { nil, flag }, { nil, kind }, { nil, params.line(p.about, "The " .. flag:gsub("%-", " ")) },
    { "at", kind ~= "secret" and p.at or nil }, { "required", p.required or nil } }
  for _, pair in ipairs(options) do row[#row + 1] = pair end
  if kind ~= "secret" and not PLAIN[kind] and contract_params.looks_secret(flag) then row[#row + 1] = { "public", true } end
  if kind == "list" or kind == "json" then
    for i = #row, 1, -1 do
      if row[i][1] == "loose" and kind == "json" then table.remove(row, i) end
    end
  end
  local one = { flag = flag, name = p.name, where = p.where, type = kind, required = p.required, row = write.fields(row),
    text = write.index("args", (flag:gsub("%-", "_"))), schema = resolved, pointer = p.pointer, explode = p.explode,
    match = option(options, "match"), choices = option(options, "one_of"), example = p.example }
  self.list[#self.list + 1] = one
  return one
end

-- A text for a string with a pattern, or nil.
local function matching(one)
  local given = example_of(one)
  if one.match == "uuid" then return "123e4567-e89b-12d3-a456-426614174000" end
  local compiled = host.regex(one.match)
  if given and compiled and compiled:match(given) then return given end
  return require("kit.openapi.pattern").sample(one.match)
end

local function number_example(s)
  local value = math.max(tonumber(s.minimum) or 1, 1)
  if type(s.maximum) == "number" and value > s.maximum then value = s.maximum end
  return tostring(math.tointeger(value) or value)
end

--- A text for the command line that a row takes, or nil when none is known. A boolean takes none.
function params.example(one)
  if one.choices then return one.choices[1] end
  if one.type == "integer" or one.type == "number" then return number_example(one.schema) end
  if one.type == "datetime" then return "2026-01-02T03:04:05Z" end
  if one.type == "list" then return "text" end
  if one.match then return matching(one) end
  return example_of(one) or "text"
end

return params
