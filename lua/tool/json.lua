-- Promise: JSON for authors: exact integers, sorted keys, lists and objects told apart.

local host = require "host"

local M = {}

--- JSON null, in decoded and in encoded values.
M.null = host.json.null

--- Marks a table as a list, so that it is written as [] even when empty; returns it.
M.array = host.json.array

--- True for a list, false for an object, nil for an empty table that nobody marked.
M.is_array = host.json.is_array

--- Value as JSON text, keys sorted. `opts.pretty`: columns of indentation.
M.encode = host.json.encode

--- Reads strict JSON (RFC 8259). @return value, or nil and { message, line, column, offset }
M.decode = host.json.decode

return M
