-- Promise: finds the known names that a mistyped word most likely meant, without ever comparing more than needed.

local M = {}

-- Optimal string alignment distance (insert, delete, replace, swap of neighbours) of byte strings a and b;
-- nil as soon as it must exceed max.
local function distance(a, b, max)
  local la, lb = #a, #b
  if la - lb > max or lb - la > max then return nil end
  local before, last = nil, {}
  for j = 0, lb do last[j] = j end
  for i = 1, la do
    local row = { [0] = i }
    local ca, smallest = a:byte(i), i
    for j = 1, lb do
      local cb = b:byte(j)
      local cost = last[j - 1] + (ca == cb and 0 or 1)
      if last[j] + 1 < cost then cost = last[j] + 1 end
      if row[j - 1] + 1 < cost then cost = row[j - 1] + 1 end
      if before and j > 1 and ca == b:byte(j - 1) and a:byte(i - 1) == cb and before[j - 2] + 1 < cost then
        cost = before[j - 2] + 1
      end
      row[j] = cost
      if cost < smallest then smallest = cost end
    end
    if smallest > max then return nil end
    before, last = last, row
  end
  return last[lb] <= max and last[lb] or nil
end

M.distance = distance

--- The candidates nearest to word, nearest first (ties in byte order), at most three.
--- `max` bounds the distance; by default a third of the word's length, at least 1, at most 3.
--- A candidate that the word is the beginning of (two bytes or more) counts as near.
--- @return string|nil best, string[] list
function M.nearest(word, candidates, max)
  max = max or math.min(3, math.max(1, #word // 3))
  local lower, found = word:lower(), {}
  for _, candidate in ipairs(candidates) do
    local d = distance(lower, candidate:lower(), max)
    if not d and #word >= 2 and candidate:sub(1, #word) == word then d = max end
    if d then found[#found + 1] = { d, candidate } end
  end
  table.sort(found, function(x, y)
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
  local list = {}
  for i = 1, math.min(3, #found) do list[i] = found[i][2] end
  return list[1], list
end

return M
