--- A text that a POSIX extended regular expression matches.
-- Promise: what is given really matches, as the host's own matcher says; nil for expressions that are too rich for it.

local host = require "host"

local pattern = {}

local NAMED = { alnum = "a", alpha = "a", digit = "1", lower = "a", upper = "A", xdigit = "a", space = " ", punct = "-" }

-- A byte of a bracket expression, and the position behind it.
local function class(text, at)
  local negated = text:sub(at + 1, at + 1) == "^"
  local from = at + (negated and 2 or 1)
  local stop = text:find("]", from + 1, true)
  if not stop then return nil end
  local name = text:match("^%[:(%a+):%]", from)
  if name then stop = text:find("]", text:find(":]", from, true) + 2, true) end
  if not stop then return nil end
  local byte = name and NAMED[name] or text:sub(from, from)
  if negated then
    local set = text:sub(from, stop - 1)
    byte = not set:find("a", 1, true) and not set:find("a-", 1, true) and "x" or "1"
  end
  return byte, stop + 1
end

-- How often the quantifier at `at` wants what stands before it at least, and the position behind it.
local function quantifier(text, at)
  local c = text:sub(at, at)
  if c == "*" or c == "?" then return 1, at + 1 end
  if c == "+" then return 1, at + 1 end
  local least, stop = text:match("^{(%d+),?%d*}()", at)
  if least then return math.max(tonumber(least), text:find("^{0", at) and 0 or 1), stop end
  return 1, at
end

local sequence

local function atom(text, at)
  local c = text:sub(at, at)
  if c == "[" then return class(text, at) end
  if c == "(" then
    local inner, stop = sequence(text, at + 1)
    if not inner or text:sub(stop, stop) ~= ")" then return nil end
    return inner, stop + 1
  end
  if c == "." then return "a", at + 1 end
  if c == "\\" then return text:sub(at + 1, at + 1), at + 2 end
  return c, at + 1
end

-- The first alternative of a sequence, up to a closing bracket or the end.
function sequence(text, at)
  local out = {}
  while at <= #text do
    local c = text:sub(at, at)
    if c == ")" then break end
    if c == "|" then
      local depth = 0
      while at <= #text and not (depth == 0 and text:sub(at, at) == ")") do
        local d = text:sub(at, at)
        depth = depth + (d == "(" and 1 or d == ")" and -1 or 0)
        at = at + 1
      end
      break
    end
    if c == "^" or c == "$" then
      at = at + 1
    else
      local piece, stop = atom(text, at)
      if not piece then return nil end
      local count
      count, at = quantifier(text, stop)
      out[#out + 1] = piece:rep(count)
    end
  end
  return table.concat(out), at
end

--- A text that matches, or nil.
function pattern.sample(text)
  local found = sequence(text, 1)
  local compiled = host.regex(text)
  return found and compiled and compiled:match(found) and found or nil
end

return pattern
