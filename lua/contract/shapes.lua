--- Shapes that several parts of the contract check look for.
-- Promise: pure tests of a value, nothing reported.

local shapes = {}

local WORD = "^[a-z][a-z0-9-]*$"

--- Is value an array of non-empty strings?
function shapes.strings(value)
  if type(value) ~= "table" then return false end
  local n = 0
  for k, v in pairs(value) do
    if math.type(k) ~= "integer" or type(v) ~= "string" or v == "" then return false end
    n = n + 1
  end
  return n == #value
end

--- Is text words such as "project list"?
function shapes.command_words(text)
  if type(text) ~= "string" then return false end
  local any
  for word in text:gmatch("%S+") do
    if not word:find(WORD) then return false end
    any = true
  end
  return any or false
end

return shapes
