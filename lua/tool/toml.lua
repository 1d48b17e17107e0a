-- Promise: reads TOML 1.0 exactly, or says in which line and column it is none.
--
-- Tables and arrays are marked as host.json marks them. Integers are exact 64-bit; points in time are text: with an
-- offset in RFC 3339 UTC, local ones as they are written.

local host = require "host"
local lpeg = require "lpeg"
local units = require "units"

local M = {}

local json = host.json
local P, R, S, V, C, Cc, Cg, Cp, Cs, Ct = lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cp, lpeg.Cs,
  lpeg.Ct

local MAX_DEPTH = 100
lpeg.setmaxstack(MAX_DEPTH * 40)        -- each level of nesting takes about a dozen entries

local function fail(message, at)
  error({ message = message, at = at }, 0)
end

-- Matches nothing: here the text is wrong.
local function refuse(message)
  return P(function(_, at) fail(message, at) end)
end

-- Lexical elements ----------------------------------------------------------------------------------------------------

local digit, hex = R "09", R("09", "af", "AF")
local blank = S " \t" ^ 0
local newline = P "\n" + P "\r\n"
local control = R("\0\8", "\10\31", "\127\127")
local comment = P "#" * (1 - control) ^ 0
local gap = (S " \t" + newline + comment * (newline + -P(1) + refuse "control character in a comment")) ^ 0

local function code_point(digits, at)
  local code = tonumber(digits, 16)
  if code > 0x10ffff or (code >= 0xd800 and code <= 0xdfff) then fail("no such character", at) end
  return utf8.char(code)
end

local simple = { b = "\b", t = "\t", n = "\n", f = "\f", r = "\r", ['"'] = '"', ["\\"] = "\\" }
local escape = P "\\" / "" * (S 'btnfr"\\' / simple
  + P "u" / "" * (C(hex * hex * hex * hex) * Cp() / code_point)
  + P "U" / "" * (C(hex * hex * hex * hex * hex * hex * hex * hex) * Cp() / code_point)
  + refuse "unknown escape")

local stop = refuse "string without end"
local basic = P '"' * Cs((escape + (1 - S '"\\' - control)) ^ 0) * (P '"' + stop)
local literal = P "'" * C((1 - P "'" - control) ^ 0) * (P "'" + stop)

-- Up to two quotes may stand before the three that end a multi-line string.
local function many(quote, item)
  local three = P(quote .. quote .. quote)
  local last = P(quote .. quote) * #three + P(quote) * #three + #three
  return three * newline ^ -1 * Cs((item + (P(quote) - three)) ^ 0 * (last + stop)) * three
end
local text_newline = newline / "\n"
local continued = P "\\" * blank * newline * (S " \t" + newline) ^ 0 / ""
local plain_text = 1 - S '"\\' - control
local many_basic = many('"', continued + escape + text_newline + plain_text
  + P '"' * -P '""' + P '""' * -P '"')
local many_literal = many("'", text_newline + (1 - P "'" - control) + P "'" * -P "''" + P "''" * -P "'")

local bare = C((R("AZ", "az", "09") + S "_-") ^ 1)

-- Numbers: underscores only between digits.
local function digits_of(kind) return kind ^ 1 * (P "_" * kind ^ 1) ^ 0 end
local sign = S "+-" ^ -1
local decimal = sign * (P "0" * -(digit + P "_" * digit) + R "19" * (P "_" ^ -1 * digit) ^ 0)
local fraction = P "." * digits_of(digit)
local exponent = S "eE" * sign * digits_of(digit)

local function integer(text, at)
  local value = tonumber((text:gsub("[_+]", "")))
  if math.type(value) ~= "integer" then fail("integer out of range", at) end
  return value
end

local function based(base)
  return function(text, at)
    local plain = text:gsub("_", "")
    local value = math.tointeger(tonumber(plain, base))
    local significant = plain:gsub("^0+", "")
    local most = base == 16 and 16 or base == 8 and 21 or 64
    if not value or value < 0 or #significant > most then fail("integer out of range", at) end
    return value
  end
end

local function float(text)
  return tonumber((text:gsub("[_+]", ""))) + 0.0
end

local special = P "+" ^ -1 * P "inf" * Cc(math.huge) + P "-inf" * Cc(-math.huge)
  + S "+-" ^ -1 * P "nan" * Cc(0.0 / 0.0)
local number = special
  + P "0x" * (C(digits_of(hex)) * Cp() / based(16)) + P "0o" * (C(digits_of(R "07")) * Cp() / based(8))
  + P "0b" * (C(digits_of(R "01")) * Cp() / based(2))
  + C(decimal * (fraction * exponent ^ -1 + exponent)) / float
  + C(decimal) * Cp() / integer

-- Dates and times
local two = digit * digit
local date = digit * digit * digit * digit * "-" * two * "-" * two
local clock = two * ":" * two * ":" * two * (P "." * digit ^ 1) ^ -1
local zone = S "Zz" + S "+-" * two * ":" * two

local function check_moment(text, at)
  local normal = units.datetime(text)
  if not normal then fail("no such date or time", at) end
  return normal
end
local function check_local(text, at)
  local day, time = text, ""
  if text:find("^%d%d:") then day, time = "2000-01-01", "T" .. text
  elseif #text > 10 then day, time = text:sub(1, 10), "T" .. text:sub(12) end
  if not units.datetime(day .. (time ~= "" and time .. "Z" or "")) then fail("no such date or time", at) end
  return #text > 10 and text:find("^%d%d%d%d") and text:sub(1, 10) .. "T" .. text:sub(12) or text
end
local moment = C(date * S "Tt " * clock * zone) * Cp() / check_moment
  + C(date * S "Tt " * clock + date + clock) * Cp() / check_local

-- Values and lines ----------------------------------------------------------------------------------------------------

local boolean = P "true" * Cc(true) + P "false" * Cc(false)
local key = Ct(Cp() * Cg((basic + literal + bare) * (blank * P "." * blank
  * (basic + literal + bare + refuse "expected a key")) ^ 0))
local equals = blank * (P "=" + refuse "expected '='") * blank

-- Values as { kind, value }: "scalar", "array" (of values), "inline" (of { key, value }).
local grammar = P {
  "document",
  document = Ct(V "line" * (newline * V "line") ^ 0) * (-P(1) + refuse "unexpected text"),
  line = blank * (V "header" + V "pair") ^ -1 * blank * comment ^ -1,
  header = Ct(Cg(P "[[" * Cc "array", "kind") * blank * Cg(key + refuse "expected a key", "key") * blank
      * (P "]]" + refuse "expected ']]'"))
    + Ct(Cg(P "[" * Cc "table", "kind") * blank * Cg(key + refuse "expected a key", "key") * blank
      * (P "]" + refuse "expected ']'")),
  pair = Ct(Cg(Cc "pair", "kind") * Cg(key, "key") * equals * Cg(V "value", "value")),
  value = Ct(Cc "scalar" * (many_basic + many_literal + basic + literal + boolean + moment + number))
    + Ct(Cc "array" * P "[" * V "deeper" * Ct(V "items" ^ -1) * gap * (P "]" + refuse "expected ',' or ']'")
      * V "shallower")
    + Ct(Cc "inline" * P "{" * V "deeper" * blank * Ct(V "members" ^ -1) * blank
      * (P "}" + refuse "expected ',' or '}'") * V "shallower")
    + refuse "expected a value",
  items = gap * V "item" * (gap * P "," * gap * V "item") ^ 0 * (gap * P ",") ^ -1,
  item = -P "]" * V "value",
  members = V "member" * (blank * P "," * blank * (V "member" + refuse "expected a key")) ^ 0,
  member = Ct(Cg(key, "key") * equals * Cg(V "value", "value")),
  deeper = lpeg.Cmt(lpeg.Carg(1), function(_, at, state)
    state.depth = state.depth + 1
    if state.depth > MAX_DEPTH then fail("nested too deeply", at) end
    return true
  end),
  shallower = lpeg.Cmt(lpeg.Carg(1), function(_, _, state)
    state.depth = state.depth - 1
    return true
  end),
}

-- Tables --------------------------------------------------------------------------------------------------------------

-- What made a table decides who may still add to it: "header", "implicit" (by a longer header), "dotted", "inline".
local function new_table(made, how)
  local t = json.object {}
  made[t] = how
  return t
end

local function name_of(keys, upto)
  return table.concat(keys, ".", 2, upto)
end

local build

-- Sets a dotted key of a table; only tables made by dotted keys of the same section may be walked into.
local function set_pair(made, t, keys, value)
  for i = 2, #keys - 1 do
    local inner = t[keys[i]]
    if inner == nil then
      inner = new_table(made, "dotted")
      t[keys[i]] = inner
    elseif made[inner] ~= "dotted" then
      fail(name_of(keys, i) .. " cannot be extended", keys[1])
    end
    t = inner
  end
  local last = keys[#keys]
  if t[last] ~= nil then fail(name_of(keys) .. " is defined twice", keys[1]) end
  t[last] = build(made, value)
end

function build(made, value)
  local kind, content = value[1], value[2]
  if kind == "scalar" then return content end
  if kind == "array" then
    local out = json.array {}
    for i, item in ipairs(content) do out[i] = build(made, item) end
    made[out] = "closed"
    return out
  end
  local out = new_table(made, "inline")
  for _, member in ipairs(content) do set_pair(made, out, member.key, member.value) end
  return out
end

-- The table in which a header's last key stands.
local function walk(made, root, keys)
  local t = root
  for i = 2, #keys - 1 do
    local inner = t[keys[i]]
    local how = inner ~= nil and made[inner]
    if inner == nil then
      inner = new_table(made, "implicit")
      t[keys[i]] = inner
    elseif how == "list" then
      inner = inner[#inner]
    elseif not how or how == "inline" or how == "closed" then
      fail(name_of(keys, i) .. " cannot be extended", keys[1])
    end
    t = inner
  end
  return t
end

local function open_table(made, root, keys)
  local t, last = walk(made, root, keys), keys[#keys]
  local inner = t[last]
  if inner == nil then
    inner = new_table(made, "header")
    t[last] = inner
  elseif made[inner] == "implicit" then
    made[inner] = "header"
  else
    fail(name_of(keys) .. " is defined twice", keys[1])
  end
  return inner
end

local function open_item(made, root, keys)
  local t, last = walk(made, root, keys), keys[#keys]
  local list = t[last]
  if list == nil then
    list = json.array {}
    made[list] = "list"
    t[last] = list
  elseif made[list] ~= "list" then
    fail(name_of(keys) .. " is no array of tables", keys[1])
  end
  local item = new_table(made, "header")
  list[#list + 1] = item
  return item
end

local function document(text)
  local valid, bad = utf8.len(text)
  if not valid then fail("invalid UTF-8", bad) end
  local lines = grammar:match(text, 1, { depth = 0 })
  local made = {}
  local root = new_table(made, "header")
  local current = root
  for _, line in ipairs(lines) do
    if line.kind == "table" then
      current = open_table(made, root, line.key)
    elseif line.kind == "array" then
      current = open_item(made, root, line.key)
    else
      set_pair(made, current, line.key, line.value)
    end
  end
  return root
end

--- Reads TOML text.
--- @return table, or nil and { message, line, column, offset }
function M.decode(text)
  text = text:gsub("^\xef\xbb\xbf", "")
  local ok, result = pcall(document, text)
  if ok then return result end
  if type(result) ~= "table" or not result.at then error(result, 0) end
  local before = text:sub(1, result.at - 1)
  local _, lines = before:gsub("\n", "")
  local column = #before:match("[^\n]*$") + 1
  return nil, { message = result.message, line = lines + 1, column = column, offset = result.at - 1 }
end

return M
