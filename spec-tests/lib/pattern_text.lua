-- A text that a POSIX extended regular expression matches: the shortest that its structure asks for. Serves callers that
-- know a parameter only by its published pattern.

local CLASSES = { alnum = "a", alpha = "a", digit = "1", lower = "a", upper = "A", xdigit = "a", punct = ".", space = " ",
  print = "a", graph = "a", blank = " " }

-- Is c in the bracket's body? Ranges and single characters.
local function member(body, c)
  local at = 1
  while at <= #body do
    local name = body:match("^%[:(%l+):%]", at)
    if name then
      local lua_class = name == "cntrl" and "%c" or name == "space" and "%s" or name == "digit" and "%d"
        or name == "punct" and "%p" or "%w"
      if c:find(lua_class) then return true end
      at = at + #name + 4
    elseif body:sub(at + 1, at + 1) == "-" and at + 2 <= #body then
      if c >= body:sub(at, at) and c <= body:sub(at + 2, at + 2) then return true end
      at = at + 3
    else
      if body:sub(at, at) == c then return true end
      at = at + 1
    end
  end
  return false
end

local function bracket(pattern, at)
  local negated = pattern:sub(at, at) == "^"
  if negated then at = at + 1 end
  local from = at
  repeat
    local class = pattern:match("^%[:%l+:%]", at)
    at = at + (class and #class or 1)
  until pattern:sub(at, at) == "]"
  local body = pattern:sub(from, at - 1)
  local name = body:match("^%[:(%l+):%]")
  if not negated then return name and CLASSES[name] or body:sub(1, 1), at + 1 end
  for _, c in ipairs { "a", "1", "A", "_" } do
    if not member(body, c) then return c, at + 1 end
  end
  error("no text for [" .. body .. "]")
end

local alternation

local function atom(pattern, at)
  local c = pattern:sub(at, at)
  if c == "(" then
    local text, after = alternation(pattern, at + 1)
    return text, after + 1
  elseif c == "[" then return bracket(pattern, at + 1)
  elseif c == "\\" then return pattern:sub(at + 1, at + 1), at + 2
  elseif c == "." then return "a", at + 1
  elseif c == "^" or c == "$" then return "", at + 1 end
  return c, at + 1
end

-- How often at least the atom before `at` stands; and the position after the quantifier.
local function repetition(pattern, at)
  local c = pattern:sub(at, at)
  if c == "*" or c == "?" then return 0, at + 1 end
  if c == "+" then return 1, at + 1 end
  local low, after = pattern:match("^{(%d+),?%d*}()", at)
  if low then return tonumber(low), after end
  return 1, at
end

local function sequence(pattern, at)
  local out = {}
  while at <= #pattern and not pattern:find("^[|)]", at) do
    local text, count
    text, at = atom(pattern, at)
    count, at = repetition(pattern, at)
    out[#out + 1] = text:rep(count)
  end
  return table.concat(out), at
end

-- The first alternative; the others are passed over.
function alternation(pattern, at)
  local text
  text, at = sequence(pattern, at)
  while pattern:sub(at, at) == "|" do
    local _
    _, at = sequence(pattern, at + 1)
  end
  return text, at
end

return function(pattern)
  return (alternation(pattern, 1))
end
