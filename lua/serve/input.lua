--- Does a request carry what its route takes?
-- Promise: all problems at once, each with its field; values come back converted, with defaults filled in; nothing that
-- the form does not name gets through.
--
-- A form is a table field -> rule. A rule is a word ("string", "integer", "number", "boolean", "object", "array",
-- "any"; with "?" when it may be absent, "!" when null is allowed) or a table { word, min, max (of a number, of the
-- length of a string in characters, of an array), match = pattern, message = what is said when it does not match,
-- one_of = { … }, default, fields = form of an object, items = rule of an array's items }.

local host = require "host"

local input = {}

local null, is_array = host.json.null, host.json.is_array

local function is_object(v)
  return type(v) == "table" and not (is_array(v) and next(v) ~= nil)
end

local KINDS = {
  string = { "a string", function(v) return type(v) == "string" end },
  integer = { "an integer", function(v) return math.type(v) == "integer" end },
  number = { "a number", function(v) return type(v) == "number" end },
  boolean = { "true or false", function(v) return type(v) == "boolean" end },
  object = { "an object", is_object },
  array = { "an array", function(v) return type(v) == "table" and is_array(v) ~= false end },
  any = { "a value", function() return true end },
}

-- From text, as queries and forms carry it; nil when it is none.
local CONVERT = {
  integer = function(s) return s:find("^-?%d+$") and math.tointeger(tonumber(s)) or nil end,
  number = function(s) return s:find("^-?%d+%.?%d*$") and tonumber(s) or nil end,
  boolean = function(s)
    if s == "true" then return true end
    if s == "false" then return false end
  end,
}

local function rule_of(rule)
  local t = type(rule) == "table" and rule or { rule }
  local word, marks = t[1]:match("^(%a+)([?!]*)$")
  return t, word, marks:find("?", 1, true) or t.default ~= nil, marks:find("!", 1, true)
end

local function size_of(value, word)
  if word == "string" then return utf8.len(value) or #value, "characters" end
  if word == "array" then return #value, "items" end
  if type(value) == "number" then return value end
end

local function range_problem(rule, value, word)
  local size, unit = size_of(value, word)
  if not size then return nil end
  local low, high = rule.min and size < rule.min, rule.max and size > rule.max
  if not low and not high then return nil end
  local text = (low and "must be at least %s" or "must be at most %s"):format(low and rule.min or rule.max)
  return unit and text .. " " .. unit .. " long" or text
end

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

local check_fields

-- Checks one value; returns it converted. Problems go to `out`.
local function check_value(rule, word, value, field, text, out)
  if text and CONVERT[word] then
    local converted = CONVERT[word](value)
    if converted ~= nil then value = converted end
  end
  local kind = KINDS[word]
  local problem
  if not kind[2](value) then
    problem = "must be " .. kind[1]
  elseif rule.one_of and not contains(rule.one_of, value) then
    problem = "must be one of " .. table.concat(rule.one_of, ", ")
  elseif rule.match and not value:find(rule.match) then
    problem = rule.message or "has the wrong form"
  else
    problem = range_problem(rule, value, word)
  end
  if problem then
    out[#out + 1] = { field = field, message = problem }
  elseif rule.fields then
    return check_fields(rule.fields, value, field .. ".", text, out)
  elseif rule.items then
    for i, item in ipairs(value) do
      local t, w = rule_of(rule.items)
      value[i] = check_value(t, w, item, ("%s[%d]"):format(field, i - 1), text, out)
    end
  end
  return value
end

function check_fields(form, values, prefix, text, out)
  local result, names = {}, {}
  for name in pairs(form) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local rule, word, absent, nullable = rule_of(form[name])
    local value = values[name]
    if value == nil then
      result[name] = rule.default
      if not absent then out[#out + 1] = { field = prefix .. name, message = "is required" } end
    elseif value == null and nullable then
      result[name] = null
    else
      result[name] = check_value(rule, word, value, prefix .. name, text, out)
    end
  end
  local unknown = {}
  for name in pairs(values) do
    if form[name] == nil then unknown[#unknown + 1] = tostring(name) end
  end
  table.sort(unknown)
  for _, name in ipairs(unknown) do out[#out + 1] = { field = prefix .. name, message = "is not a known field" } end
  return result
end

--- Checks values against a form; text = true when all values are strings (queries, forms).
-- @return table the values; or nil, array of { field, message }
function input.check(form, values, text)
  local problems = {}
  if not is_object(values) then return nil, { { field = "", message = "must be an object" } } end
  local result = check_fields(form, values, "", text, problems)
  if #problems > 0 then return nil, problems end
  return result
end

return input
