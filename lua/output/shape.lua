-- Promise: makes of what a handler returned the value that every format writes: a copy with lists and objects told
-- apart, null where a declared field is unset, points in time in UTC, paths absolute, unordered arrays in a stable
-- order (REQ-F-005, F-020, F-040, F-074). The handler's own tables are left as they are.

local host = require "host"
local results = require "contract.results"
local units = require "units"
local values = require "values"

local M = {}

local json = host.json
local null = json.null
local MAX_DEPTH = 100

local fields_of = setmetatable({}, { __mode = "k" })

-- The fields of an object form: name -> { form, optional, nullable }, and the form of all others.
local function fields(form)
  local known = fields_of[form]
  if known then return known end
  known = { by_name = {}, rest = nil }
  for key, value in pairs(form) do
    if results.is_rest(key) then
      known.rest = value
    else
      local name, optional, nullable = results.field(key)
      if type(value) == "string" then
        optional, nullable = optional or value:find("?", 1, true) ~= nil, nullable or value:find("!", 1, true) ~= nil
      end
      known.by_name[name] = { form = value, optional = optional, nullable = nullable }
    end
  end
  fields_of[form] = known
  return known
end

-- JSON Schema as the forms that matter here.
local function from_schema(schema)
  if type(schema) ~= "table" then return "any" end
  if schema.type == "array" and type(schema.items) == "table" and #schema.items == 0 then
    return { list = { schema = schema.items }, ordered = schema["x-ordered"] }
  end
  if schema.type == "object" and type(schema.properties) == "table" then
    local form = { ["…"] = "any" }
    for name, inner in pairs(schema.properties) do form[name] = { schema = inner } end
    return form
  end
  if schema["x-type"] == "path" then return "path" end
  return schema.format == "date-time" and "datetime" or "any"
end

local schema_forms = setmetatable({}, { __mode = "k" })

local function resolve(form)
  if type(form) == "table" and results.kind(form) == "schema" then
    local known = schema_forms[form]
    if not known then
      known = from_schema(form.schema)
      schema_forms[form] = known
    end
    return known
  end
  return form or "any"
end

-- The first form of a one_of that fits the value's kind.
local function pick(forms, value)
  for _, form in ipairs(forms) do
    local kind = results.kind(form)
    local wants = (kind == "list" and "array") or ((kind == "object" or kind == "map") and "object") or "scalar"
    local is = type(value) ~= "table" and "scalar" or (json.is_array(value) and "array" or "object")
    if wants == is then return form end
  end
  return "any"
end

local RANK = { boolean = 1, number = 2, string = 3, table = 4 }

-- Order of keys of any kinds: by kind, then by value.
local function before(x, y)
  local kx, ky = type(x), type(y)
  if kx ~= ky then return (RANK[kx] or 5) < (RANK[ky] or 5) end
  if kx == "number" or kx == "string" then return x < y end
  return tostring(x) < tostring(y)
end

--- Sorts an array in place: numbers and strings by value, objects by `key` where all have it (a string or number), else
--- by their JSON. Arrays of mixed kinds, of arrays or of booleans stay as they are.
function M.sort(array, key)
  local kind = type(array[1])
  for i = 1, #array do
    local item = array[i]
    if item == null or type(item) ~= kind then return array end
    local by = kind == "table" and key and not json.is_array(item) and item[key]
    if type(by) ~= "string" and type(by) ~= "number" then key = nil end
    if kind == "table" and json.is_array(item) then return array end
  end
  if kind == "string" or kind == "number" then
    table.sort(array)
  elseif kind == "table" then
    local text = setmetatable({}, { __index = function(t, item)
      local made = json.encode(item)
      t[item] = made
      return made
    end })
    table.sort(array, function(x, y)
      if key and x[key] ~= y[key] then return before(x[key], y[key]) end
      return x ~= y and text[x] < text[y]
    end)
  end
  return array
end

local shape

local function shape_list(value, form, state, depth)
  local out = json.array {}
  for i = 1, #value do out[i] = shape(value[i], form.list, state, depth + 1) end
  if not form.ordered then M.sort(out, state.key) end
  return out
end

local function shape_object(value, form, state, depth)
  local known, out = fields(form), json.object {}
  for key, item in pairs(value) do
    local field = known.by_name[key]
    out[tostring(key)] = shape(item, field and field.form or known.rest or "any", state, depth + 1)
  end
  if state.fill then
    for name, field in pairs(known.by_name) do
      if field.nullable and not field.optional and out[name] == nil then out[name] = null end
    end
  end
  return out
end

local function shape_any(value, state, depth)
  local is_array = json.is_array(value)
  if is_array == nil then return value end
  local out = is_array and json.array {} or json.object {}
  if is_array then
    for i = 1, #value do out[i] = shape(value[i], "any", state, depth + 1) end
  else
    for key, item in pairs(value) do out[tostring(key)] = shape(item, "any", state, depth + 1) end
  end
  return out
end

local function shape_scalar(value, form, state)
  local word = type(form) == "string" and form:match("^%l+")
  if word == "datetime" then
    local done = type(value) == "string" and value:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$")
    return not done and units.datetime(value) or value
  end
  if word == "path" and type(value) == "string" and value ~= "" then return values.absolute(value, state.cwd) end
  return value
end

function shape(value, form, state, depth)
  if value == nil or value == null then return null end
  local kind = type(value)
  if kind == "userdata" then return tostring(value) end        -- an opaque secret: [REDACTED]
  if kind == "function" or kind == "thread" then error({ shape = "a " .. kind .. " cannot be written" }, 0) end
  if depth > MAX_DEPTH then error({ shape = "the result is nested too deeply, or holds itself" }, 0) end
  form = resolve(form)
  if kind ~= "table" then return shape_scalar(value, form, state) end
  local meta = getmetatable(value)
  if meta and meta.__name == "bytes" then return M.bytes(value.bytes or value[1] or "", value.content_type) end
  if meta and meta.__tostring then return tostring(value) end
  if type(form) == "table" then
    local of = results.kind(form)
    if of == "one_of" then return shape(value, pick(form.one_of, value), state, depth) end
    local is_array = json.is_array(value)
    if of == "list" and is_array ~= false then return shape_list(value, form, state, depth) end
    if of == "map" and is_array ~= true then
      return shape_object(value, { ["…"] = form.map }, state, depth)
    end
    if of == "object" and is_array ~= true then return shape_object(value, form, state, depth) end
  end
  return shape_any(value, state, depth)
end

--- Shapes one value. `opts.cwd` is what relative paths start from, `opts.key` the field that identifies objects of
--- arrays, `opts.fill = false` leaves out the nulls of unset fields.
--- @return any value, or nil and the reason why it cannot be written
function M.value(value, form, opts)
  local state = { cwd = opts.cwd or host.cwd, key = opts.key, fill = opts.fill ~= false }
  local ok, result = pcall(shape, value, form, state, 1)
  if ok then return result end
  if type(result) == "table" and result.shape then return nil, result.shape end
  error(result, 0)
end

--- The form of a list's items and whether the list is ordered, or nil when the form is no list.
function M.list_form(form)
  form = resolve(form)
  if type(form) == "table" and results.kind(form) == "list" then return form.list, form.ordered == true end
  return nil
end

--- Bytes as the object that stands for them in JSON (REQ-F-017).
function M.bytes(bytes, content_type)
  return json.object {
    type = "binary", encoding = "base64", value = host.hash.base64(bytes), size_bytes = #bytes,
    content_type = content_type,
  }
end

return M
