-- Promise: small text work that every command needs, on UTF-8.

local host = require "host"
local ui = require "ui"

local M = {}

--- text without white space at both ends.
function M.trim(text)
  return text:match("^%s*(.-)%s*$")
end

--- The parts between separators (plain text, not a pattern), at most `max` of them. An empty text has one empty part.
function M.split(text, separator, max)
  if separator == "" then error("the separator must not be empty", 2) end
  local parts, at = host.json.array {}, 1
  while not max or #parts < max - 1 do
    local start, stop = text:find(separator, at, true)
    if not start then break end
    parts[#parts + 1] = text:sub(at, start - 1)
    at = stop + 1
  end
  parts[#parts + 1] = text:sub(at)
  return parts
end

--- The lines of a text without their ends (LF or CRLF); a last line break does not begin another line.
function M.lines(text)
  local lines = host.json.array {}
  for line in text:gmatch("([^\n]*)\n?") do lines[#lines + 1] = (line:gsub("\r$", "")) end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end

--- Columns that a text takes on a terminal.
function M.width(text)
  return host.text.width(text)
end

--- The beginning of a text that fits into `width` columns, ending in "…" where it was cut.
function M.truncate(text, width)
  return ui.cut(text, width)
end

return M
