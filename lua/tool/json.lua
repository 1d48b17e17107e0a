-- Promise: JSON for authors: exact integers, sorted keys, lists and objects told apart.

local host = require "host"

local M = {}

--- JSON null, in decoded and in encoded values.
M.null = host.json.null

--- Marks a table as a list, so that it is written as [] even when empty; returns it.
M.array = host.json.array

local function holds_secret(value)
  if type(value) ~= "table" then return type(value) == "userdata" and host.is_secret(value) end
  for _, part in next, value do
    if holds_secret(part) then return true end
  end
  return false
end

--- True for a list, false for an object, nil for an empty table that nobody marked.
M.is_array = host.json.is_array

--- Value as JSON text, keys sorted. `opts.pretty`: columns of indentation.
--- `opts.raw`: texts as they are, terminal escapes included, for the wire; never the bytes of secrets.
function M.encode(value, opts)
  local raw = opts and opts.raw and not holds_secret(value)
  return host.json.encode(value, { pretty = opts and opts.pretty, raw = raw or nil })
end

--- Reads strict JSON (RFC 8259). @return value, or nil and { message, line, column, offset }
M.decode = host.json.decode

return M
