-- Matching of JSON Schema `pattern` texts: the part of ECMA 262 regular expressions that schemas use (alternation,
-- groups, classes, escapes d w s b-free, anchors, greedy and lazy repetition), by backtracking over bytes.
local pattern = {}

local function set_of(fn) return fn end
local CLASS = {
  d = set_of(function(c) return c >= 48 and c <= 57 end),
  w = set_of(function(c) return c == 95 or c >= 48 and c <= 57 or c >= 65 and c <= 90 or c >= 97 and c <= 122 end),
  s = set_of(function(c) return c == 32 or c >= 9 and c <= 13 end),
}
local LETTER = { n = 10, r = 13, t = 9, f = 12, v = 11, ["0"] = 0 }

local function negated(test) return function(c) return not test(c) end end

-- An escape: gives a test function or a byte, and the position after it.
local function escaped(p, at)
  local c = p:sub(at, at)
  if CLASS[c] then return CLASS[c], at + 1 end
  if CLASS[c:lower()] and c ~= c:lower() then return negated(CLASS[c:lower()]), at + 1 end
  if c == "u" then return tonumber(p:sub(at + 1, at + 4), 16), at + 5 end
  if c == "x" then return tonumber(p:sub(at + 1, at + 2), 16), at + 3 end
  return LETTER[c] or c:byte(), at + 1
end

local function class(p, at)
  local tests, invert = {}, false
  if p:sub(at, at) == "^" then invert, at = true, at + 1 end
  while p:sub(at, at) ~= "]" do
    if at > #p then error("pattern class without an end: " .. p) end
    local low
    if p:sub(at, at) == "\\" then low, at = escaped(p, at + 1) else low, at = p:byte(at), at + 1 end
    if type(low) == "number" and p:sub(at, at) == "-" and p:sub(at + 1, at + 1) ~= "]" then
      local high
      at = at + 1
      if p:sub(at, at) == "\\" then high, at = escaped(p, at + 1) else high, at = p:byte(at), at + 1 end
      tests[#tests + 1] = function(c) return c >= low and c <= high end
    else
      tests[#tests + 1] = type(low) == "function" and low or function(c) return c == low end
    end
  end
  return function(c)
    for _, test in ipairs(tests) do if test(c) then return not invert end end
    return invert
  end, at + 1
end

local alternation

-- A node is a function (s, i, k): match at i, then continue with k(i'); gives k's truth.
local function single(test)
  return function(s, i, k) local c = s:byte(i); return c and test(c) and k(i + 1) end
end

local function atom(p, at)
  local c = p:sub(at, at)
  if c == "(" then
    local negative = p:sub(at, at + 2) == "(?!"
    local ahead = negative or p:sub(at, at + 2) == "(?="
    if ahead or p:sub(at, at + 2) == "(?:" then at = at + 2 end
    local node, after = alternation(p, at + 1)
    if p:sub(after, after) ~= ")" then error("pattern group without an end: " .. p) end
    if not ahead then return node, after + 1 end
    return function(s, i, k)
      local found = node(s, i, function() return true end) and true or false
      return found ~= negative and k(i)
    end, after + 1
  end
  if c == "[" then local test, after = class(p, at + 1); return single(test), after end
  if c == "." then return single(function(b) return b ~= 10 end), at + 1 end
  if c == "^" then return function(_, i, k) return i == 1 and k(i) end, at + 1 end
  if c == "$" then return function(s, i, k) return i == #s + 1 and k(i) end, at + 1 end
  if c == "\\" then
    local test, after = escaped(p, at + 1)
    if type(test) == "number" then local byte = test; test = function(b) return b == byte end end
    return single(test), after
  end
  local byte = c:byte()
  return single(function(b) return b == byte end), at + 1
end

local function bounds(p, at)
  local c = p:sub(at, at)
  if c == "*" then return 0, math.huge, at + 1 end
  if c == "+" then return 1, math.huge, at + 1 end
  if c == "?" then return 0, 1, at + 1 end
  local low, comma, high, after = p:match("^{(%d+)(,?)(%d*)}()", at)
  if not low then return nil end
  low = tonumber(low)
  return low, comma == "" and low or high == "" and math.huge or tonumber(high), after
end

local function repeated(node, low, high, lazy)
  local function from(count, s, i, k)
    local function more()
      return count < high and node(s, i, function(j) return (j > i or count < low) and from(count + 1, s, j, k) end)
    end
    if count < low then return more() end
    if lazy then return k(i) or more() end
    return more() or k(i)
  end
  return function(s, i, k) return from(0, s, i, k) end
end

local function sequence(p, at)
  local nodes = {}
  while at <= #p and not p:find("^[|)]", at) do
    local node, after = atom(p, at)
    local low, high, past = bounds(p, after)
    if low then
      local lazy = p:sub(past, past) == "?"
      node, after = repeated(node, low, high, lazy), lazy and past + 1 or past
    end
    nodes[#nodes + 1], at = node, after
  end
  return function(s, i, k)
    local function step(n, j) if n > #nodes then return k(j) end; return nodes[n](s, j, function(m)
      return step(n + 1, m) end) end
    return step(1, i)
  end, at
end

function alternation(p, at)
  local branches = {}
  repeat
    branches[#branches + 1], at = sequence(p, at)
    local more = p:sub(at, at) == "|"
    if more then at = at + 1 end
  until not more
  return function(s, i, k)
    for _, branch in ipairs(branches) do if branch(s, i, k) then return true end end
    return false
  end, at
end

local compiled = {}

-- Does the pattern occur in s? Unanchored, as JSON Schema wants it.
function pattern.match(p, s)
  local node = compiled[p]
  if not node then
    local after
    node, after = alternation(p, 1)
    if after <= #p then error("unbalanced pattern: " .. p) end
    compiled[p] = node
  end
  for i = 1, #s + 1 do
    if node(s, i, function() return true end) then return true end
  end
  return false
end

return pattern
