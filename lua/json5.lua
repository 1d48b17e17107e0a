-- Promise: reads JSON as people and models write it (comments, trailing commas, unquoted keys, single quotes), and for
-- text that even so is none, offers the nearest JSON that is (REQ-F-059). Strict JSON gives the same as strictly read.

local host = require "host"

local M = {}

local MAX_DEPTH = 128
local null = host.json.null
local array, object = host.json.array, host.json.object

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["0"] = "\0" }
local WORDS = { ["true"] = true, ["false"] = false, ["null"] = null }
local CLOSER = { ["{"] = "}", ["["] = "]" }
local GUESSES = { True = true, False = false, None = null, undefined = null, NaN = null, Infinity = null }

-- A reader is { text, at, repair }. Without repair every surprise ends the reading with { message, at }; with it the
-- surprise is guessed away.
local function fail(r, message, at)
  error({ message = message, at = at or r.at }, 0)
end

local function skip(r)
  local text = r.text
  while true do
    local at = text:find("[^ \t\r\n\v\f]", r.at) or #text + 1
    if text:find("^\xc2\xa0", at) or text:find("^\xef\xbb\xbf", at) then
      r.at = at + (text:byte(at) == 0xc2 and 2 or 3)
    elseif text:sub(at, at + 1) == "//" then
      r.at = text:find("[\r\n]", at) or #text + 1
    elseif text:sub(at, at + 1) == "/*" then
      local _, stop = text:find("*/", at + 2, true)
      if not stop and not r.repair then fail(r, "comment without end", at) end
      r.at = (stop or #text) + 1
    else
      r.at = at
      return text:sub(at, at)
    end
  end
end

-- The text of a \u escape whose four digits start at `at`, and where it ends; surrogate pairs count as one.
local function unicode(r, at)
  local code = r.text:match("^%x%x%x%x", at)
  if not code then
    if r.repair then return "\u{fffd}", at end
    fail(r, "\\u needs four hexadecimal digits", at)
  end
  code, at = tonumber(code, 16), at + 4
  if code >= 0xd800 and code <= 0xdbff then
    local low = tonumber(r.text:match("^\\u(%x%x%x%x)", at) or "0", 16)
    if low >= 0xdc00 and low <= 0xdfff then
      return utf8.char(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)), at + 6
    end
  end
  if code >= 0xd800 and code <= 0xdfff then code = 0xfffd end
  return utf8.char(code), at
end

local function escape(r, at)
  local c = r.text:sub(at, at)
  if c == "u" then return unicode(r, at + 1) end
  if c == "x" and r.text:find("^%x%x", at + 1) then
    return utf8.char(tonumber(r.text:sub(at + 1, at + 2), 16)), at + 3
  end
  if r.text:find("^\r\n", at) then return "", at + 2 end
  if c == "\n" or c == "\r" then return "", at + 1 end      -- a continued line
  return ESCAPES[c] or c, at + 1
end

local function read_string(r, quote)
  local out, at = {}, r.at + 1
  while true do
    local stop = r.text:find(quote == '"' and '["\\\n]' or "['\\\n]", at)
    if not stop then
      if not r.repair then fail(r, "string without end") end
      stop = #r.text + 1
    end
    out[#out + 1] = r.text:sub(at, stop - 1)
    local c = r.text:sub(stop, stop)
    if c == "\\" and stop < #r.text then
      out[#out + 1], at = escape(r, stop + 1)
    elseif c == "\n" then
      if not r.repair then fail(r, "line break in a string", stop) end
      out[#out + 1], at = "\n", stop + 1
    else
      r.at = stop + 1
      return table.concat(out)
    end
  end
end

local function number_of(word)
  local sign, digits = word:match("^([+-]?)(.*)$")
  local value
  if digits:find("^0[xX]%x+$") or digits:find("^%d+$") or digits:find("^%d+%.%d*$") or digits:find("^%.%d+$")
    or digits:find("^%d+%.?%d*[eE][+-]?%d+$") or digits:find("^%.%d+[eE][+-]?%d+$") then
    -- The sign is read with the digits, so that -9223372036854775808 stays an integer.
    value = digits:find("^0[xX]") and math.tointeger(digits) or tonumber(sign == "-" and "-" .. digits or digits)
    if digits:find("^0[xX]") and sign == "-" then value = -value end
  end
  if value and (value ~= value or value == math.huge or value == -math.huge) then return nil end
  return value
end

local function read_word(r)
  local word = r.text:match("^[^%s,:%[%]{}\"'/]+", r.at)
  if not word then
    local next = r.text:sub(r.at, r.at)
    if not r.repair then fail(r, "unexpected " .. (next == "" and "end" or "'" .. next .. "'")) end
    r.at = r.at + 1
    return null
  end
  local value = WORDS[word]
  if value == nil then value = number_of(word) end
  if value == nil then
    if not r.repair then fail(r, "unexpected '" .. word:sub(1, 20) .. "'") end
    value = GUESSES[word]
    if value == nil then value = word end
  end
  r.at = r.at + #word
  return value
end

local read_value

local function read_key(r, c)
  if c == '"' or c == "'" then return read_string(r, c) end
  local word = r.text:match(r.repair and "^[^%s,:;=%[%]{}\"'/]+" or "^[%a_$\x80-\xff][%w_$\x80-\xff]*", r.at)
  if word then
    r.at = r.at + #word
    return word
  end
  if not r.repair then fail(r, "expected a key") end
  return nil
end

local function read_member(r, out, c)
  local key = read_key(r, c)
  if not key then
    r.at = r.at + 1        -- repairing: nothing here can start a member
    return
  end
  c = skip(r)
  if c == ":" or (r.repair and c == "=") then
    r.at = r.at + 1
    c = skip(r)
  elseif not r.repair then
    fail(r, "expected ':' after the key")
  end
  if r.repair and (c == "" or c == "," or c == "}" or c == "]") then
    out[key] = null
  else
    out[key] = read_value(r)
  end
end

-- An object or array whose opening bracket is the next byte. Repairing, a wrong closing bracket counts as the right
-- one, and the end of the text closes everything.
local function read_nested(r)
  local open = r.text:sub(r.at, r.at)
  local out = open == "{" and object {} or array {}
  r.at, r.depth = r.at + 1, r.depth + 1
  if r.depth > MAX_DEPTH then fail(r, "nested too deeply") end
  local first = true
  while true do
    local c = skip(r)
    if c == "," and (r.repair or not first) then
      r.at = r.at + 1
      c = skip(r)
    elseif not first and not r.repair and c ~= CLOSER[open] then
      fail(r, "expected ',' or '" .. CLOSER[open] .. "'")
    end
    if c == CLOSER[open] or (r.repair and (c == "" or c == "}" or c == "]")) then
      r.at = r.at + 1
      break
    end
    if not (r.repair and c == ",") then
      if open == "{" then read_member(r, out, c) else out[#out + 1] = read_value(r) end
    end
    first = false
  end
  r.depth = r.depth - 1
  return out
end

function read_value(r)
  local c = skip(r)
  if c == "{" or c == "[" then return read_nested(r) end
  if c == '"' or c == "'" then return read_string(r, c) end
  return read_word(r)
end

local function whole(r)
  local value = read_value(r)
  if skip(r) ~= "" and not r.repair then fail(r, "unexpected text after the value") end
  return value
end

--- Decodes JSON or JSON5 text. Arrays and objects are marked as host.json.decode marks them, null is host.json.null.
--- @return any value, or nil and { message, line, column, offset }
function M.decode(text)
  local value, err = host.json.decode(text)
  if value ~= nil or not err then return value end
  local ok, result = pcall(whole, { text = text, at = 1, depth = 0 })
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  local before = text:sub(1, result.at - 1)
  local _, lines = before:gsub("\n", "")
  local column = #before:match("[^\n]*$") + 1
  return nil, { message = result.message, line = lines + 1, column = column, offset = result.at - 1 }
end

--- The nearest strict JSON to a text that decode refuses: missing quotes, colons, commas and brackets are supplied.
--- The result always decodes; where nothing can be made out it is "{}".
function M.repair(text)
  text = host.text.clean(text)
  local start = text:find("[%[{]") or 1
  local ok, value = pcall(whole, { text = text, at = start, depth = 0, repair = true })
  if not ok or type(value) ~= "table" or value == null then return "{}" end
  return host.json.encode(value)
end

return M
