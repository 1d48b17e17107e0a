-- Promise: small work on tables for authors; nothing changes its arguments, every order is defined.

local host = require "host"

local M = {}

local function before(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
  if type(a) ~= type(b) then return type(a) < type(b) end
  return tostring(a) < tostring(b)
end

--- The keys of a table, sorted.
function M.keys(t)
  local keys = host.json.array {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, before)
  return keys
end

--- A sorted copy of a list. `by`: nil, the name of a field, or a function of an item that gives what to compare; items
--- that compare equal keep their order.
function M.sorted(list, by)
  local get = type(by) == "function" and by or function(item)
    if by == nil then return item end
    return item[by]
  end
  local entries = {}
  for i, item in ipairs(list) do entries[i] = { get(item), i, item } end
  table.sort(entries, function(a, b)
    if a[1] == b[1] then return a[2] < b[2] end
    return before(a[1], b[1])
  end)
  local out = host.json.array {}
  for i, entry in ipairs(entries) do out[i] = entry[3] end
  return out
end

--- fn(item, index) of every item; nil results are left out.
function M.map(list, fn)
  local out = host.json.array {}
  for i, item in ipairs(list) do out[#out + 1] = fn(item, i) end
  return out
end

--- The items for which fn(item, index) is true.
function M.filter(list, fn)
  local out = host.json.array {}
  for i, item in ipairs(list) do
    if fn(item, i) then out[#out + 1] = item end
  end
  return out
end

--- One table with the fields of all, later ones winning; nested tables are not merged. nil arguments are skipped.
function M.merge(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do out[key] = value end
  end
  return out
end

return M
