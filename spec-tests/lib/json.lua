-- A JSON reader and writer of the tests' own, so that no defect of the product's codec can hide itself.
-- The reader is strict RFC 8259: valid UTF-8 only, no duplicate keys, no lone surrogates, integers of 64 bits exact.
local json = {}

json.null = setmetatable({}, { __tostring = function() return "null" end, __name = "json.null" })
local ARRAY, OBJECT = { __name = "array" }, { __name = "object" }
json.ARRAY, json.OBJECT = ARRAY, OBJECT

-- Marks a table as an array.
function json.array(t) return setmetatable(t or {}, ARRAY) end

-- Marks a table as an object.
function json.object(t) return setmetatable(t or {}, OBJECT) end

-- Is this a decoded (or marked) array, or a plain table with items?
function json.is_array(t)
  if type(t) ~= "table" or t == json.null then return false end
  local mark = getmetatable(t)
  if mark == ARRAY then return true end
  return mark ~= OBJECT and #t > 0
end

-- The keys of a decoded object in the order of the text.
local orders = setmetatable({}, { __mode = "k" })
function json.key_order(object) return orders[object] or {} end

local function fail(at, message) error({ json = true, offset = at, message = message }, 0) end

local value

local function skip(text, at) return (text:find("[^ \t\r\n]", at)) or #text + 1 end

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function hex4(text, at)
  local digits = text:match("^%x%x%x%x", at) or fail(at, "four hexadecimal digits expected")
  return tonumber(digits, 16)
end

local function escape(text, at)
  local letter = text:sub(at, at)
  if ESCAPES[letter] then return ESCAPES[letter], at + 1 end
  if letter ~= "u" then fail(at, "unknown escape") end
  local code = hex4(text, at + 1)
  at = at + 5
  if code >= 0xDC00 and code <= 0xDFFF then fail(at, "lone low surrogate") end
  if code >= 0xD800 and code <= 0xDBFF then
    if text:sub(at, at + 1) ~= "\\u" then fail(at, "lone high surrogate") end
    local low = hex4(text, at + 2)
    if low < 0xDC00 or low > 0xDFFF then fail(at, "lone high surrogate") end
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
    at = at + 6
  end
  return utf8.char(code), at
end

local function string_value(text, at)
  local parts = {}
  at = at + 1
  while true do
    local stop = text:find('["\\%c]', at) or fail(at, "string without an end")
    parts[#parts + 1] = text:sub(at, stop - 1)
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(parts), stop + 1 end
    if c ~= "\\" then
      if c ~= "\127" then fail(stop, "raw control character") end
      parts[#parts + 1], at = c, stop + 1
    else
      parts[#parts + 1], at = escape(text, stop + 1)
    end
  end
end

local function number_value(text, at)
  local int = text:match("^-?0", at) or text:match("^-?[1-9]%d*", at) or fail(at, "value expected")
  local after = at + #int
  local frac = text:match("^%.%d+", after) or ""
  local exp = text:match("^[eE][+-]?%d+", after + #frac) or ""
  after = after + #frac + #exp
  if text:find("^[%w.+-]", after) then fail(after, "malformed number") end
  local whole = int .. frac .. exp
  if frac == "" and exp == "" then return math.tointeger(int) or tonumber(int) + 0.0, after end
  return tonumber(whole) + 0.0, after
end

local function array_value(text, at, depth)
  local out = json.array()
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return out, at + 1 end
  while true do
    out[#out + 1], at = value(text, at, depth + 1)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "]" then return out, at + 1 end
    if c ~= "," then fail(at, "',' or ']' expected") end
    at = skip(text, at + 1)
  end
end

local function object_value(text, at, depth)
  local out, order = json.object(), {}
  orders[out] = order
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return out, at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then fail(at, "object key expected") end
    local key
    local key_at = at
    key, at = string_value(text, at)
    if out[key] ~= nil then fail(key_at, "duplicate key '" .. key .. "'") end
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then fail(at, "':' expected") end
    out[key], at = value(text, skip(text, at + 1), depth + 1)
    order[#order + 1] = key
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "}" then return out, at + 1 end
    if c ~= "," then fail(at, "',' or '}' expected") end
    at = skip(text, at + 1)
  end
end

local WORDS = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

function value(text, at, depth)
  if depth > 500 then fail(at, "too deep") end
  local c = text:sub(at, at)
  if c == "{" then return object_value(text, at, depth) end
  if c == "[" then return array_value(text, at, depth) end
  if c == '"' then return string_value(text, at) end
  local word = WORDS[c]
  if word and text:sub(at, at + #word[1] - 1) == word[1] then return word[2], at + #word[1] end
  return number_value(text, at)
end

-- Reads one whole JSON text. Gives the value, or nil and a message with the offset.
function json.decode(text)
  if not utf8.len(text) then return nil, "not valid UTF-8" end
  local ok, result = pcall(function()
    local got, at = value(text, skip(text, 1), 0)
    at = skip(text, at)
    if at <= #text then fail(at, "text after the value") end
    return { got }
  end)
  if ok then return result[1] end
  if type(result) == "table" and result.json then return nil, ("%s at byte %d"):format(result.message,
    result.offset) end
  error(result, 0)
end

-- Bytes that are no UTF-8 become U+FFFD each, so that a record of them stays readable.
local function quoted(s)
  if not utf8.len(s) then s = s:gsub("[\128-\255]", "\u{FFFD}") end
  return '"' .. s:gsub('[%c"\\\127]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local encode

local function encode_array(t)
  local parts = {}
  for i = 1, #t do parts[i] = encode(t[i]) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(t)
  local keys, parts = {}, {}
  for k in pairs(t) do keys[#keys + 1] = tostring(k) end
  table.sort(keys)
  for i, k in ipairs(keys) do parts[i] = quoted(k) .. ":" .. encode(t[k]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(v)
  if v == nil or v == json.null then return "null" end
  if type(v) == "boolean" or math.type(v) == "integer" then return tostring(v) end
  if type(v) == "number" then return v == v and math.abs(v) < math.huge and ("%.17g"):format(v) or "null" end
  if type(v) == "string" then return quoted(v) end
  return json.is_array(v) and encode_array(v) or encode_object(v)
end

-- Writes a value as one line with sorted keys. Two values are equal exactly when their encodings are.
json.encode = encode

return json
