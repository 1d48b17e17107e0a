--- Does a value have what is expected of it?
-- Promise: an expected object need not name every field, an expected list must name every item; the first difference is
-- told with its path.

local host = require "host"

local match = {}

local null, is_array = host.json.null, host.json.is_array

--- A value as JSON, cut to a readable length.
function match.shown(value)
  if value == nil then return "nothing" end
  local text = host.json.encode(value) or tostring(value)
  return #text <= 400 and text or text:sub(1, 400) .. "…"
end

local function is_list(t)
  local marked = is_array(t)
  if marked ~= nil then return marked end
  return #t > 0 or next(t) == nil
end

local function difference(path, want, got)
  return ("%s: %s expected, got %s"):format(path, match.shown(want), match.shown(got))
end

local compare

local function compare_lists(path, want, got)
  if type(got) ~= "table" or got == null or is_array(got) == false then return difference(path, want, got) end
  if #got ~= #want then
    return ("%s: %d items expected, got %d: %s"):format(path, #want, #got, match.shown(got))
  end
  for i, item in ipairs(want) do
    local text = compare(("%s[%d]"):format(path, i), item, got[i])
    if text then return text end
  end
end

local function compare_objects(path, want, got)
  if type(got) ~= "table" or got == null or is_array(got) then return difference(path, want, got) end
  local keys = {}
  for key in pairs(want) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local text = compare(path .. "." .. tostring(key), want[key], got[key])
    if text then return text end
  end
end

function compare(path, want, got)
  if type(want) == "function" then
    local ok, why = want(got)
    if not ok then return ("%s: %s is not as expected%s"):format(path, match.shown(got), why and ": " .. tostring(why) or "") end
  elseif type(want) == "table" and want ~= null then
    if next(want) == nil and is_array(want) == nil then
      return (type(got) ~= "table" or got == null) and difference(path, want, got) or nil
    end
    return (is_list(want) and compare_lists or compare_objects)(path, want, got)
  elseif want ~= got then
    return difference(path, want, got)
  end
end

--- nil when `got` has all of `want`; else what differs first. A function in `want` is asked about the value; `path` names
--- the whole.
match.difference = compare

return match
