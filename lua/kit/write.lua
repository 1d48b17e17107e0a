--- Lua text for values, as a person would write it: for files that are made to be read and changed by hand.
-- Promise: what is written reads back as the same value; a table stands on one line where it fits, else one field a line.

local write = {}

local WIDTH = 116

local RAW, FIELDS = {}, {}

--- Text that is written as it is: a function, a call.
function write.raw(text) return setmetatable({ text = text }, RAW) end

--- A table whose fields stand in this order: { { key, value }, … }; fields with the value nil are left out. A key that is
--- nil makes an item.
function write.fields(list) return setmetatable(list, FIELDS) end

local RESERVED = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
while]]):gmatch("%a+") do RESERVED[word] = true end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"' }

--- A string as Lua text. Bytes that are no UTF-8 are written as escapes.
function write.string(text)
  local out = text:gsub('[%c\\"]', function(c) return ESCAPES[c] or ("\\%03d"):format(c:byte()) end)
  if not utf8.len(out) then out = out:gsub("[\x80-\xff]", function(c) return ("\\%03d"):format(c:byte()) end) end
  return '"' .. out .. '"'
end

local function key_text(key)
  if type(key) == "string" then
    return key:find("^[%a_][%w_]*$") and not RESERVED[key] and key or "[" .. write.string(key) .. "]"
  end
  return "[" .. tostring(key) .. "]"
end

--- The text that reads a field: `args.name`, or `args["in"]`.
function write.index(name, key)
  local text = key_text(key)
  return name .. (text:sub(1, 1) == "[" and text or "." .. text)
end

-- The fields of a table in the order in which they are written: items first, then keys sorted.
local function entries_of(value)
  local list = {}
  if getmetatable(value) == FIELDS then
    for _, pair in ipairs(value) do
      if pair[2] ~= nil then list[#list + 1] = pair end
    end
    return list
  end
  local count, keys = #value, {}
  for i = 1, count do list[i] = { nil, value[i] } end
  for key in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  for _, key in ipairs(keys) do list[#list + 1] = { key, value[key] } end
  return list
end

local value_text

local function table_text(value, indent, used)
  local entries, parts, length, flat = entries_of(value), {}, 4, true
  if #entries == 0 then return "{}" end
  local inner = indent .. "  "
  for i, pair in ipairs(entries) do
    local key = pair[1] ~= nil and key_text(pair[1]) .. " = " or ""
    parts[i] = key .. value_text(pair[2], inner, #inner + #key)
    length, flat = length + #parts[i] + 2, flat and not parts[i]:find("\n", 1, true)
  end
  if flat and used + length <= WIDTH then return "{ " .. table.concat(parts, ", ") .. " }" end
  return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. ",\n" .. indent .. "}"
end

function value_text(value, indent, used)
  local kind = type(value)
  if kind == "string" then return write.string(value) end
  if kind ~= "table" then return math.type(value) == "float" and ("%.17g"):format(value) or tostring(value) end
  if getmetatable(value) == RAW then return (value.text:gsub("\n", "\n" .. indent)) end
  return table_text(value, indent, used)
end

--- A value as Lua text; further lines begin with `indent`.
function write.value(value, indent) return value_text(value, indent or "", #(indent or "")) end

--- A file that returns a table of a class (of `tool types`): comment lines, lines in front of the table, and its fields in
--- order, each on lines of its own.
function write.file(comment, preamble, fields, class_name)
  local out = {}
  for line in comment:gmatch("[^\n]+") do out[#out + 1] = (#out == 0 and "--- " or "-- ") .. line end
  out[#out + 1] = ""
  if preamble then out[#out + 1] = preamble .. "\n" end
  if class_name then out[#out + 1] = "---@type " .. class_name end
  out[#out + 1] = "return {"
  for _, pair in ipairs(fields) do
    if pair[2] ~= nil then
      local key = key_text(pair[1]) .. " = "
      out[#out + 1] = "  " .. key .. value_text(pair[2], "  ", #key + 2) .. ","
    end
  end
  out[#out + 1] = "}\n"
  return table.concat(out, "\n")
end

return write
