-- Promise: matches paths against glob patterns in time that does not explode, without looking at any file.
--
-- `*` any characters of one name, `?` one, `[a-z]` `[!a-z]` one of a set, `**` any directories, `{a,b}` `{1..3}`
-- alternatives, `\` takes the next character literally. Dots are ordinary characters.

local host = require "host"

local M = {}

local MAX_ALTERNATIVES = 10000

local function chars(text)
  local list = {}
  for c in text:gmatch(".[\x80-\xbf]*") do list[#list + 1] = c end
  return list
end

-- The position of the bracket that closes the one at `at`, or nil; commas of this level go to `commas`.
local function closing(pattern, at, commas)
  local depth, i = 0, at
  while i <= #pattern do
    local c = pattern:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == "{" then
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
      if depth == 0 then return i end
    elseif c == "," and depth == 1 then
      commas[#commas + 1] = i
    end
    i = i + 1
  end
  return nil
end

local function alternatives(pattern, open, close, commas)
  local list, at = {}, open + 1
  if #commas == 0 then
    local from, to = pattern:sub(open + 1, close - 1):match("^(-?%d+)%.%.(-?%d+)$")
    from, to = tonumber(from), tonumber(to)
    if not from or math.abs(to - from) > MAX_ALTERNATIVES then return nil end
    for n = from, to, from <= to and 1 or -1 do list[#list + 1] = tostring(n) end
    return list
  end
  for _, comma in ipairs(commas) do
    list[#list + 1] = pattern:sub(at, comma - 1)
    at = comma + 1
  end
  list[#list + 1] = pattern:sub(at, close - 1)
  return list
end

-- The patterns without braces that a pattern stands for; `from` is where to look for the next brace.
local function braces(pattern, from, out)
  local i = from
  while i <= #pattern do
    local c = pattern:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == "{" then
      local commas = {}
      local close = closing(pattern, i, commas)
      local list = close and alternatives(pattern, i, close, commas)
      if list then
        for _, choice in ipairs(list) do braces(pattern:sub(1, i - 1) .. choice .. pattern:sub(close + 1), i, out) end
        return out
      end
    end
    i = i + 1
  end
  if #out >= MAX_ALTERNATIVES then error("glob pattern has more than " .. MAX_ALTERNATIVES .. " alternatives", 0) end
  out[#out + 1] = pattern
  return out
end

-- A set such as [!a-z_], whose "[" is at list[at]: the token and the place behind it, or nil when it never ends.
local function set_token(list, at)
  local i, negated, ranges = at + 1, false, {}
  if list[i] == "!" or list[i] == "^" then negated, i = true, i + 1 end
  local first = true
  while list[i] and (first or list[i] ~= "]") do
    local low = list[i] == "\\" and list[i + 1] or list[i]
    if list[i] == "\\" then i = i + 1 end
    local high = low
    if list[i + 1] == "-" and list[i + 2] and list[i + 2] ~= "]" then
      high, i = list[i + 2], i + 2
    end
    ranges[#ranges + 1] = { low, high }
    first, i = false, i + 1
  end
  if not list[i] then return nil end
  return { set = ranges, negated = negated }, i + 1
end

-- One path segment of a pattern as tokens: a character, or { star }, { any }, { set, negated }.
local function tokens_of(segment)
  local list, out, i = chars(segment), {}, 1
  while i <= #list do
    local c = list[i]
    if c == "\\" and list[i + 1] then
      out[#out + 1], i = list[i + 1], i + 2
    elseif c == "*" then
      if not (out[#out] and out[#out].star) then out[#out + 1] = { star = true } end
      i = i + 1
    elseif c == "?" then
      out[#out + 1], i = { any = true }, i + 1
    else
      local set, after
      if c == "[" then set, after = set_token(list, i) end
      out[#out + 1], i = set or c, after or i + 1
    end
  end
  return out
end

local function fits(token, c)
  if type(token) == "string" then return token == c end
  if token.any then return true end
  for _, range in ipairs(token.set) do
    if c >= range[1] and c <= range[2] then return not token.negated end
  end
  return token.negated
end

-- Wildcard matching that only ever goes back to the last star: O(items × tokens). `is_star` and `fits_one` say what a
-- star is and whether one token fits one item.
local function wild(tokens, items, is_star, fits_one)
  local t, i, star_t, star_i = 1, 1, nil, nil
  while i <= #items do
    if tokens[t] and is_star(tokens[t]) then
      star_t, star_i, t = t, i, t + 1
    elseif tokens[t] and fits_one(tokens[t], items[i]) then
      t, i = t + 1, i + 1
    elseif star_t then
      star_i = star_i + 1
      t, i = star_t + 1, star_i
    else
      return false
    end
  end
  while tokens[t] and is_star(tokens[t]) do t = t + 1 end
  return tokens[t] == nil
end

local function is_star(token) return type(token) == "table" and token.star end

local function is_deep(segment) return segment == "**" end

local compiled = {}
local compiled_count = 0

local function segment_fits(segment, name)
  local tokens = compiled[segment]
  if not tokens then
    if compiled_count > 500 then compiled, compiled_count = {}, 0 end
    tokens, compiled_count = tokens_of(segment), compiled_count + 1
    compiled[segment] = tokens
  end
  return wild(tokens, chars(name), is_star, fits)
end

local function segments(text)
  local list = {}
  for part in (text .. "/"):gmatch("([^/]*)/") do list[#list + 1] = part end
  return list
end

local function match_one(pattern, path)
  local want, have = segments(pattern), segments(path)
  if want[#want] == "**" then          -- what is inside: at least one more name
    want[#want] = "*"
    table.insert(want, #want, "**")
  end
  return wild(want, have, is_deep, segment_fits)
end

--- Whether a path matches a pattern.
function M.match(pattern, path)
  for _, one in ipairs(braces(pattern, 1, {})) do
    if match_one(one, path) then return true end
  end
  return false
end

--- Without `names`: the patterns without braces that a pattern stands for. With `names`, a list or an iterator of paths
--- or of entries with a `path` (as of ctx.walk): those that match, paths sorted.
function M.expand(pattern, names)
  local patterns = host.json.array(braces(pattern, 1, {}))
  if names == nil then return patterns end
  local found, out = {}, host.json.array {}
  local function try(item)
    local path = type(item) == "table" and item.path or item
    for _, one in ipairs(patterns) do
      if not found[path] and match_one(one, path) then
        found[path] = true
        out[#out + 1] = path
      end
    end
  end
  if type(names) == "table" then
    for _, item in ipairs(names) do try(item) end
  else
    for item in names do try(item) end
  end
  table.sort(out)
  return out
end

return M
