-- What commands leave on disk: the places that contracts declare in `writes`, and what is there.
-- Promise: a place is looked at without following any symbolic link; placeholders and wildcards of a declared path stand
-- for what exists; what is removed is below a declared place or is one (REQ-C-011, REQ-O-027, REQ-O-028).

local config = require "config"
local glob = require "tool.glob"
local host = require "host"
local values = require "values"

local M = {}

--- The declared places: array of { path (absolute, wildcards for placeholders), type, ttl_seconds, clear }, sorted by path.
function M.declared(contracts)
  local list, seen = {}, {}
  for _, C in ipairs(contracts) do
    for _, row in ipairs(C.writes or {}) do
      local path = config.expand((row.path:gsub("{[%w_]+}", "*")))
      path = path and config.aside((values.absolute(path, "/"):gsub("/+$", "")))
      if path and not seen[path .. "\0" .. row.type] then
        seen[path .. "\0" .. row.type] = true
        list[#list + 1] = { path = path, type = row.type, ttl_seconds = row.ttl_seconds, clear = row.clear }
      end
    end
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

local function sorted_names(dir)
  local names = host.file.list(dir) or {}
  table.sort(names)
  return names
end

--- The paths that exist and that a declared path stands for.
function M.existing(path)
  local found = { "" }
  for segment in path:gmatch("[^/]+") do
    local below = {}
    for _, dir in ipairs(found) do
      if segment:find("[*?%[{]") then
        local stat = host.file.stat(dir == "" and "/" or dir, true)
        for _, name in ipairs(stat and stat.type == "directory" and sorted_names(dir) or {}) do
          if glob.match(segment, name) then below[#below + 1] = dir .. "/" .. name end
        end
      elseif host.file.stat(dir .. "/" .. segment, true) then
        below[#below + 1] = dir .. "/" .. segment
      end
    end
    found = below
  end
  return found
end

--- Bytes of the files at and below a path.
function M.size(path)
  local stat = host.file.stat(path, true)
  if not stat then return 0 elseif stat.type ~= "directory" then return stat.size end
  local sum = 0
  for _, name in ipairs(sorted_names(path)) do sum = sum + M.size(path .. "/" .. name) end
  return sum
end

--- Removes what is at and below a path and was not changed after `before` (ms since 1970); without `really` it only looks.
--- @return bytes, removed entries, array of errors
function M.remove(path, before, really)
  local bytes, count, errors = 0, 0, {}
  local function visit(at)
    local stat = host.file.stat(at, true)
    if not stat then return true end
    local empty = true
    if stat.type == "directory" then
      for _, name in ipairs(sorted_names(at)) do
        if not visit(at .. "/" .. name) then empty = false end
      end
    end
    if not empty or stat.mtime > before then return false end
    if really then
      local ok, err = host.file.remove(at)
      if not ok and err.code ~= "NOT_FOUND" then
        errors[#errors + 1] = err
        return false
      end
    end
    count = count + 1
    if stat.type ~= "directory" then bytes = bytes + stat.size end
    return true
  end
  visit(path)
  return bytes, count, errors
end

return M
