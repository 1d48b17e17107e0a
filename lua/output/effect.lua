-- Draws an answer that is not the command's own result, but says what would change, or that nothing is there to change.
-- Promise: every field is shown, under its whole name; a list of things is a table.

local json = require("host").json

local function is_object(value)
  return type(value) == "table" and value ~= json.null and not json.is_array(value)
end

-- Fields in order, those of objects inside under "object.field", lists of things apart.
local function collect(object, prefix, fields, tables)
  local names = {}
  for name in pairs(object) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value, whole = object[name], prefix .. name
    if is_object(value) and next(value) ~= nil then
      collect(value, whole .. ".", fields, tables)
    elseif type(value) == "table" and is_object(value[1]) then
      tables[#tables + 1] = { whole, value }
    else
      fields[#fields + 1] = { whole, value }
    end
  end
end

--- data: { effect = "would_create", would_affect = { … } }, or { effect = "noop", … }.
return function(canvas, data)
  local verb = tostring(data.effect):match "^would_(.*)$"
  if verb == "noop" then verb = nil end
  local rest, fields, tables = {}, {}, {}
  for name, value in pairs(data) do
    if name ~= "effect" and name ~= "would_affect" then rest[name] = value end
  end
  canvas.line(verb and "Preview: would " .. verb .. ", nothing is changed." or "Nothing to change.", "bold")
  if is_object(data.would_affect) then collect(data.would_affect, "", fields, tables) end
  collect(rest, "", fields, tables)
  canvas.kv(fields)
  for _, one in ipairs(tables) do
    canvas.line(one[1], "bold")
    canvas.table(one[2])
  end
end
