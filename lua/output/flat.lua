-- The short way of a result that is written as the command gave it.
-- Promise: what this writes is byte for byte what the long way (output.shape, output.mask) writes; whatever those would
-- change, or might, goes their way.

local host = require "host"
local results = require "contract.results"

local next, pairs, type = next, pairs, type

local flat = {}

local json = host.json

-- A form becomes true (its values need no shaping), false (they may), or a function that looks at one value.
local compile

-- A field of a table that must be there, or null is written for it; and the look at its value where one is needed.
local function compile_object(form)
  local fields = {}
  for key, inner in pairs(form) do
    local name, optional, nullable = results.field(key)
    if results.is_rest(key) then name, optional, nullable = nil, true, false end
    if type(inner) == "string" then
      local _, may_miss, may_be_null = results.word(inner)
      optional, nullable = optional or may_miss, nullable or inner:find("!", 1, true) and may_be_null
    end
    local look = compile(inner)
    if look == false or name == nil and look ~= true then return false end
    local filled = nullable and not optional
    if name and (filled or look ~= true) then
      fields[#fields + 1] = { name = name, filled = filled, look = look ~= true and look or nil }
    end
  end
  return function(value)
    if type(value) ~= "table" or next(value) == nil then return false end
    for i = 1, #fields do
      local field = fields[i]
      local item = value[field.name]
      if item == nil then
        if field.filled then return false end
      elseif field.look and item ~= json.null and not field.look(item) then
        return false
      end
    end
    return true
  end
end

-- Items are put in order, where there are several and their order says nothing.
local function compile_list(form)
  local look, ordered = compile(form.list), form.ordered
  if look == false then return false end
  return function(value)
    if type(value) ~= "table" or json.is_array(value) ~= true or not ordered and #value > 1 then return false end
    for i = 1, look ~= true and #value or 0 do
      if value[i] ~= json.null and not look(value[i]) then return false end
    end
    return true
  end
end

function compile(form)
  local kind = results.kind(form)
  if kind == "word" then
    local base = results.word(form)
    return base ~= "datetime" and base ~= "path"
  elseif kind == "list" then
    return compile_list(form)
  elseif kind == "object" then
    return compile_object(form)
  end
  return false
end

local looks = setmetatable({}, { __mode = "k" }) -- form -> what it was compiled to

--- The JSON text of an object, or nil when it must go the long way. Nothing is masked, tagged, cut or left out here.
function flat.text(data, form)
  local look = looks[form]
  if look == nil then
    look = results.kind(form) == "object" and compile(form)
    looks[form] = look
  end
  if not look or not look(data) or not json.plain(data) then return nil end
  return (json.encode(data))
end

return flat
