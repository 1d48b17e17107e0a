--- The forms of `returns`.
-- Promise: tells the forms apart (authoring §3) and refuses what is none of them; the schema and the check of results
-- read the same forms through this module. No I/O.

local results = {}

local BASES = {
  string = true, integer = true, number = true, boolean = true, datetime = true, path = true, any = true,
}
local WRAPPERS = { "list", "map", "one_of", "schema" }

-- What was found out about a text of a contract; the same few are asked for again and again.
local function remembered(split)
  local known = {}
  return function(text)
    local of = known[text]
    if not of then
      of = table.pack(split(text))
      known[text] = of
    end
    return of[1], of[2], of[3]
  end
end

--- Splits a scalar word: base, may be absent, may be null; nil when it is none.
results.word = remembered(function(text)
  local base, marks = text:match("^(%l+)([?!]*)$")
  if not base or not BASES[base] then return nil end
  return base, marks:find("?", 1, true) ~= nil, base == "any" or marks:find("!", 1, true) ~= nil
end)

--- A field's key: name, may be absent, may be null. "owner?" lets a table-valued field be absent too.
results.field = remembered(function(key)
  local name, marks = key:match("^(.-)([?!]*)$")
  if name == "" then return key, false, false end
  return name, marks:find("?", 1, true) ~= nil, marks:find("!", 1, true) ~= nil
end)

--- Is this key the one that stands for all other fields?
function results.is_rest(key)
  return key == "…" or key == "..."
end

-- The wrapper's name when the table has only that wrapper's keys.
local function wrapper_of(form)
  for _, name in ipairs(WRAPPERS) do
    local value = form[name]
    if value ~= nil then
      for key in pairs(form) do
        if key ~= name and not (name == "list" and key == "ordered" and type(form.ordered) == "boolean") then
          return nil
        end
      end
      if type(value) == "table" or name == "list" or name == "map" then return name end
    end
  end
end

local kinds = setmetatable({}, { __mode = "k" }) -- of the tables seen so far

--- "word", "list", "map", "one_of", "schema", "object", or nil when it is no form.
function results.kind(form)
  local known = kinds[form]
  if known then return known end
  if type(form) == "string" then return results.word(form) and "word" or nil end
  if type(form) ~= "table" then return nil end
  known = wrapper_of(form) or "object"
  kinds[form] = known
  return known
end

local JSON_TYPES = {
  string = true, integer = true, number = true, boolean = true, object = true, array = true, null = true,
}

local function valid_schema(schema)
  local kind = schema.type
  if type(kind) == "table" then
    for _, one in ipairs(kind) do
      if not JSON_TYPES[one] then return false end
    end
  elseif kind ~= nil and not JSON_TYPES[kind] then
    return false
  end
  return schema.properties == nil or type(schema.properties) == "table"
end

-- Names that suggest a value that differs between equal calls (REQ-F-021).
local VOLATILE = { "timestamp", "fetched", "generated_at", "retrieved", "checked_at", "request_id", "current_time" }

local function warn_volatile(ck, name, form, path)
  if type(form) ~= "string" or ck.volatile[name] then return end
  for _, word in ipairs(VOLATILE) do
    if name:find(word, 1, true) then
      return ck:warn("returns: field %s%s looks volatile; declare it in volatile, or leave it to meta", path, name)
    end
  end
end

local check

local function check_object(ck, form, path)
  for key, value in pairs(form) do
    if type(key) ~= "string" then
      ck:bad("returns", "REQ-C-015", "returns: %s has an entry without a name", path == "" and "it" or path)
    else
      local name = results.is_rest(key) and key or results.field(key)
      if ck.full then warn_volatile(ck, name, value, path == "" and "" or path .. ".") end
      check(ck, value, path == "" and name or path .. "." .. name)
    end
  end
end

function check(ck, form, path)
  local kind = results.kind(form)
  if not kind then
    ck.within = path
    ck:bad("returns", "REQ-C-015", "returns: %s is no type (string, integer, number, boolean, datetime, path, "
      .. "any, a table)", (path == "" and "" or path .. " = ") .. string.format("%q", tostring(form)))
    ck.within = nil
  elseif kind == "object" then
    check_object(ck, form, path)
  elseif kind == "list" then
    check(ck, form.list, path .. "[]")
  elseif kind == "map" then
    check(ck, form.map, path .. "{}")
  elseif kind == "one_of" then
    if #form.one_of == 0 then ck:bad("returns", "REQ-C-015", "returns: one_of is empty") end
    for _, one in ipairs(form.one_of) do check(ck, one, path) end
  elseif kind == "schema" and not valid_schema(form.schema) then
    ck:bad("returns", "REQ-C-015", "returns is not a valid JSON Schema")
  end
end

--- The object form that holds the result's fields (a list's items', or its own), or nil when it is not one.
function results.row(form)
  local kind = results.kind(form)
  if kind == "list" then form = form.list kind = results.kind(form) end
  return kind == "object" and form or nil
end

--- Does an object form have this field? True also when it admits others.
function results.has_field(form, name)
  return form[name] ~= nil or form[name .. "?"] ~= nil or form[name .. "!"] ~= nil or form["…"] ~= nil
    or form["..."] ~= nil
end

local function field_names(row)
  local names = {}
  for field in pairs(row) do names[results.field(field)] = true end
  return names
end

local function check_names(ck, list, row, key)
  if type(list) ~= "table" then return end
  for _, name in ipairs(list) do
    if type(name) ~= "string" then
      ck:bad(key, "REQ-C-015", "%s must be a list of field names", key)
    elseif row and not name:find("%.") and not results.has_field(row, name) then
      ck:bad(key, "REQ-C-015", '%s names unknown field "%s"%s', key, name,
        ck:nearest(name, field_names(row)))
    end
  end
end

-- What the command's other keys demand of the shape.
local function check_shape(ck, raw, C)
  local kind = results.kind(raw.returns)
  if kind == "word" and not (raw.stream or raw.batch or raw.job) and raw.returns ~= "any" then
    ck:bad("returns", "REQ-C-015", "returns must be an object or a list; data is never a bare %s", raw.returns)
  end
  if C.danger ~= "safe" and kind == "object" and not raw.batch
    and (raw.returns.effect ~= nil or raw.returns["effect?"] ~= nil) then
    ck:bad("returns", "REQ-C-003", "returns must not declare effect; the host adds it")
  end
  if C.page and kind ~= "list" and kind ~= "schema" then
    ck:bad("page", "REQ-F-018", "page needs returns = { list = … }")
  end
  if C.danger ~= "safe" and kind == "list" and not raw.batch and not raw.job and not raw.stream then
    ck:bad("returns", "REQ-C-003", "a command that changes something returns an object, so that it can hold effect")
  end
  local row = results.row(raw.rows and raw.returns[raw.rows] or raw.returns)
  if raw.id and not C.job then check_names(ck, { raw.id }, row, "id") end
  check_names(ck, raw.table, row, "table")
end

--- Checks raw.returns and the keys that name its fields.
function results.check(ck, raw, C)
  if raw.returns == nil then return ck:bad("returns", "REQ-C-015", "returns declaration is required") end
  local before = #ck.problems
  check(ck, raw.returns, "")
  if #ck.problems == before then check_shape(ck, raw, C) end
end

return results
