--- Schemas of a document as the shapes of `returns`, and as samples.
-- Promise: what a schema allows fits the shape that is made of it; a schema that refers to itself is cut with "any"; what has
-- no shape (a negation, conditions) is "any" too, never a guess.

local document = require "kit.openapi.document"
local host = require "host"
local write = require "kit.write"

local shape = {}

local null = host.json.null

local function is_table(value) return type(value) == "table" and value ~= null end

-- type of a schema: its word, and whether null is allowed too (3.0 nullable, 3.1 a list of types).
local function type_of(s)
  local kind, nullable = s.type, s.nullable == true
  if is_table(kind) then
    local words = {}
    for _, word in ipairs(kind) do
      if word == "null" then nullable = true else words[#words + 1] = word end
    end
    kind = #words == 1 and words[1] or nil
    if #words == 0 and nullable then kind = "null" end
  end
  if kind == nil and (s.properties or s.additionalProperties ~= nil) then kind = "object" end
  if kind == nil and s.items then kind = "array" end
  return kind, nullable
end
shape.type_of = type_of

-- One schema in place of allOf: later members win, required ones add up.
local function merge(doc, s, pointer, seen)
  s, pointer = doc:resolve(s, pointer)
  if s == true or s == nil then return {}, pointer end
  doc:object(s, pointer, "a schema")
  if not s.allOf or seen[pointer] then return s, pointer end
  seen[pointer] = true
  local out = { properties = {}, required = {} }
  for key, value in pairs(s) do
    if key ~= "allOf" and key ~= "properties" and key ~= "required" then out[key] = value end
  end
  local function take(part)
    for name, property in pairs(is_table(part.properties) and part.properties or {}) do out.properties[name] = property end
    for _, name in ipairs(is_table(part.required) and part.required or {}) do table.insert(out.required, name) end
    for _, key in ipairs { "type", "items", "additionalProperties", "enum", "format", "nullable", "oneOf", "anyOf" } do
      if out[key] == nil then out[key] = part[key] end
    end
  end
  for i, part in ipairs(s.allOf) do take((merge(doc, part, ("%s/allOf/%d"):format(pointer, i - 1), seen))) end
  take(s)
  seen[pointer] = nil
  if next(out.properties) == nil then out.properties = nil end
  return out, pointer
end

--- A schema with its references followed and its allOf merged, and its pointer.
function shape.merged(doc, s, pointer) return merge(doc, s, pointer, {}) end

-- The name that a component's schema has in lib/types.lua, or nil for other pointers.
local function type_name(pointer)
  local name = pointer:match("^/components/schemas/([^/]+)$")
  if not name then return nil end
  name = name:gsub("~1", "/"):gsub("~0", "~"):gsub("[^%w_]", "_")
  return name:find("^%d") and "_" .. name or name
end

local Shapes = {}
Shapes.__index = Shapes

--- Shapes of a document. Named schemas are collected in `order`, each behind those that it uses.
function shape.new(doc)
  return setmetatable({ doc = doc, known = {}, order = {}, texts = {} }, Shapes)
end

local SCALARS = { string = "string", integer = "integer", number = "number", boolean = "boolean" }

local function with_null(form, nullable)
  if not nullable then return form end
  if type(form) == "string" then return form == "any" and form or form .. "!" end
  return form -- a table-valued field says it at its key
end

-- A shape must not be taken for one of the wrappers.
local function object_of(self, s, pointer)
  local required, list, names = {}, {}, {}
  for _, name in ipairs(is_table(s.required) and s.required or {}) do required[name] = true end
  local properties = self.doc:object(s.properties, pointer .. "/properties", "properties") or {}
  for name in pairs(properties) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if name ~= "" and not name:find("[?!]$") and name ~= "…" and name ~= "..." then
      local form, nullable = self:of(properties[name], ("%s/properties/%s"):format(pointer, document.escape(name)))
      -- a service may leave out what it says it has while the object is being written: writeOnly
      local absent = not required[name] or is_table(properties[name]) and properties[name].writeOnly == true
      list[#list + 1] = { name .. (absent and "?" or "") .. (nullable and "!" or ""), form }
    end
  end
  local rest = s.additionalProperties
  if rest ~= false or #list < #names then
    list[#list + 1] = { "…", is_table(rest) and #list == #names and (self:of(rest, pointer .. "/additionalProperties")) or "any" }
  end
  return write.fields(list)
end

local function choice_of(self, s, pointer, word)
  local list, nullable = {}, false
  for i, one in ipairs(s[word]) do
    local at = ("%s/%s/%d"):format(pointer, word, i - 1)
    local merged = shape.merged(self.doc, one, at)
    if type_of(merged) == "null" then
      nullable = true
    else
      local form, null_too = self:of(one, at)
      nullable = nullable or null_too
      if form == "any" then return "any", false end
      list[#list + 1] = form
    end
  end
  if #list == 0 then return "any", false end
  if #list == 1 then return list[1], nullable end
  return { one_of = list }, nullable
end

local function plain_of(self, s, pointer)
  local kind, nullable = type_of(s)
  if s["not"] ~= nil or s["if"] ~= nil then return "any", false end
  if is_table(s.oneOf) and kind ~= "object" then return choice_of(self, s, pointer, "oneOf") end
  if is_table(s.anyOf) and kind ~= "object" then return choice_of(self, s, pointer, "anyOf") end
  if s.oneOf or s.anyOf then return "any", false end
  if kind == "object" then
    if not s.properties and is_table(s.additionalProperties) then
      return { map = (self:item(s.additionalProperties, pointer .. "/additionalProperties")) }, nullable
    end
    return object_of(self, s, pointer), nullable
  elseif kind == "array" then
    return write.fields { { "list", (self:item(s.items, pointer .. "/items")) }, { "ordered", true } }, nullable
  end
  local word = SCALARS[kind]
  return word or "any", word ~= nil and nullable
end

--- The shape of an item: what may be null there is "any", since only a word or a key can say it.
function Shapes:item(s, pointer)
  if s == nil then return "any" end
  local form, nullable = self:of(s, pointer)
  if nullable then return type(form) == "string" and with_null(form, true) or "any" end
  return form
end

--- The shape of a schema, and whether null is allowed as well. Components become `types.NAME`.
function Shapes:of(s, pointer)
  local merged, at = shape.merged(self.doc, s, pointer)
  local name = type_name(at)
  if not name then return plain_of(self, merged, at) end
  local known = self.known[name]
  if known == "busy" then return "any", false end
  if not known then
    self.known[name] = "busy"
    local form, nullable = plain_of(self, merged, at)
    known = { form = form, nullable = nullable, simple = type(form) == "string" }
    self.known[name] = known
    if not known.simple then
      self.order[#self.order + 1] = name
      self.texts[name] = form
    end
  end
  if known.simple then return known.form, known.nullable end
  return write.raw(write.index("types", name)), known.nullable, known.form
end

-- Samples --------------------------------------------------------------------------------------------------------------

local FORMATS = { ["date-time"] = "2026-01-02T03:04:05Z", date = "2026-01-02", uuid = "123e4567-e89b-12d3-a456-426614174000",
  email = "ada@example.com", uri = "https://example.com/a", ipv4 = "192.0.2.1" }

local MAX_DEPTH = 24 -- of objects that must hold each other; lists end earlier

local function sample(doc, s, pointer, depth)
  s, pointer = shape.merged(doc, s, pointer)
  if is_table(s.enum) and s.enum[1] ~= nil then return s.enum[1] end
  if s.const ~= nil then return s.const end
  for _, word in ipairs { "oneOf", "anyOf" } do
    if is_table(s[word]) and not s.properties then return sample(doc, s[word][1], pointer .. "/" .. word .. "/0", depth) end
  end
  local kind = type_of(s)
  if kind == "integer" or kind == "number" then return math.max(1, tonumber(s.minimum) or 1) end
  if kind == "boolean" then return true end
  if kind == "array" then
    local list = host.json.array {}
    if depth < 6 then list[1] = s.items and sample(doc, s.items, pointer .. "/items", depth + 1) or "text" end
    return list
  elseif kind == "object" then
    local out = {}
    for _, name in ipairs(is_table(s.required) and s.required or {}) do
      local property = is_table(s.properties) and s.properties[name]
      local at = pointer .. "/properties/" .. document.escape(name)
      out[name] = property and depth < MAX_DEPTH and sample(doc, property, at, depth + 1) or "text"
    end
    return host.json.object(out)
  elseif kind == "null" then
    return null
  end
  return FORMATS[s.format] or "text"
end

--- A value that fits a schema: its required parts.
function shape.sample(doc, s, pointer) return sample(doc, s, pointer, 0) end

return shape
