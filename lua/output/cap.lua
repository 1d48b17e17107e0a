-- Promise: makes an answer fit into a number of bytes by leaving out whole elements, and cuts single strings only where
-- that is not enough, always visibly and always on a character's boundary (REQ-F-052, F-064).

local host = require "host"

local M = {}

local json = host.json
local MARK = "…[truncated]"

local function size(value)
  return #json.encode(value)
end

-- The longest beginning of text that, with the mark, encodes to at most `budget` bytes.
local function cut_text(text, budget)
  local keep = math.min(#text, math.max(0, budget - #MARK - 2))
  while true do
    while keep > 0 and keep < #text and (text:byte(keep + 1) & 0xc0) == 0x80 do keep = keep - 1 end
    local short = text:sub(1, keep) .. MARK
    local over = size(short) - budget
    if over <= 0 or keep == 0 then return short, keep end
    keep = math.max(0, keep - math.max(1, over // 6))      -- one byte may take six: \u001f
  end
end

--- How many leading items fit into `budget` bytes, brackets and commas included.
function M.count(items, budget)
  local used = 2
  for i, item in ipairs(items) do
    used = used + size(item) + 1
    if used > budget then return i - 1 end
  end
  return #items
end

local shrink

local function shrink_list(list, budget, path, notes)
  local kept = math.max(1, M.count(list, budget))
  if kept < #list then
    notes.total, notes.returned = notes.total or #list, notes.returned or kept
    for i = #list, kept + 1, -1 do list[i] = nil end
  end
  if size(list) > budget then list[1] = shrink(list[1], budget - 2, path .. "[1]", notes) end
  return list
end

local function shrink_object(object, budget, path, notes)
  if object.type == "binary" and object.encoding == "base64" then      -- cut base64 decodes to something else
    notes.strings[#notes.strings + 1] = { field = path, returned = 0, original = object.size_bytes }
    object.value = json.null
    return object
  end
  for _ = 1, 64 do
    local total, largest, largest_size = size(object), nil, 0
    if total <= budget then break end
    for key, value in pairs(object) do
      local n = size(value)
      if n > largest_size or (n == largest_size and tostring(key) < tostring(largest)) then
        largest, largest_size = key, n
      end
    end
    if largest_size < 40 then break end
    local target = math.max(32, largest_size - (total - budget))
    object[largest] = shrink(object[largest], target, path .. "." .. tostring(largest), notes)
    if size(object[largest]) >= largest_size then break end
  end
  return object
end

function shrink(value, budget, path, notes)
  if size(value) <= budget then return value end
  if type(value) == "string" then
    local short, kept = cut_text(value, budget)
    notes.strings[#notes.strings + 1] = { field = path, returned = kept, original = #value }
    return short
  end
  if type(value) ~= "table" or value == json.null then return value end
  if json.is_array(value) and #value > 0 then return shrink_list(value, budget, path, notes) end
  return shrink_object(value, budget, path, notes)
end

-- text without a character that is cut off at its end.
local function whole_characters(text)
  local last = #text
  while last > 0 and #text - last < 3 and (text:byte(last) & 0xc0) == 0x80 do last = last - 1 end
  local lead = last > 0 and text:byte(last) or 0
  local needs = lead >= 0xf0 and 4 or lead >= 0xe0 and 3 or lead >= 0xc0 and 2 or 1
  return #text - last + 1 < needs and text:sub(1, last - 1) or text
end

--- Marks the text at a path below `data` ("body", "data.body", "[2].body"; the first item is 1) as one that a service has
--- cut: it gets the visible end. @return { field, returned, original }, or nil when there is no text at the path
function M.mark(data, path, original)
  local at, parent, key = data, nil, nil
  path = path:gsub("^data%f[.[\0]", "")
  for part in path:gmatch("[^.%[%]]+") do
    if type(at) ~= "table" or at == json.null then return nil end
    parent, key = at, at[part] == nil and math.tointeger(tonumber(part)) or part
    at = parent[key]
  end
  if type(at) ~= "string" or not parent then return nil end
  local text = at:sub(-#MARK) == MARK and at:sub(1, -#MARK - 1) or at
  parent[key] = whole_characters(text) .. MARK
  local shown = path:sub(1, 1) == "[" and path or "." .. path:gsub("^%.", "")
  return { field = "data" .. shown, returned = #text, original = original }
end

--- Shrinks a shaped value in place. @return value, notes { total, returned (items of the first cut list), strings }
function M.shrink(value, budget, path)
  local notes = { strings = {} }
  return shrink(value, budget, path, notes), notes
end

return M
