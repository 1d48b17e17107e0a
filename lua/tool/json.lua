-- Promise: JSON for authors: exact integers, sorted keys, lists and objects told apart.

local host = require "host"

local M = {}

--- JSON null, in decoded and in encoded values.
M.null = host.json.null

--- Marks a table as a list, so that it is written as [] even when empty; returns it.
M.array = host.json.array

--- Value as JSON text, keys sorted. `opts.pretty`: columns of indentation.
function M.encode(value, opts)
  return host.json.encode(value, { pretty = opts and opts.pretty }) -- and never the bytes of secrets
end

--- Reads strict JSON (RFC 8259). @return value, or nil and { message, line, column, offset }
function M.decode(text)
  return host.json.decode(text)
end

return M
