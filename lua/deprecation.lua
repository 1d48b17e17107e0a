-- Deprecated commands and flags still work, and say so.
-- Promise: one JSON line on stderr, unless --quiet, and one string in warnings[] for each deprecated thing that a caller
-- used (REQ-F-075).

local host = require "host"

local deprecation = {}

-- what: "fx old" or "--old"; d: { since, use, remove }; use: the replacement as the caller would type it.
local function announce(what, d, use)
  local text = d.remove and ("%s leaves in %s"):format(what, d.remove) or ("%s is deprecated since %s"):format(what, d.since)
  if use then text = ("%s; %s %s"):format(text, use:sub(1, 1) == "-" and "use" or "call", use) end
  host.send("W", "DEPRECATED: " .. text)
  host.send("L", "text", (host.json.encode(host.json.ordered(
    { level = "warn", code = "DEPRECATED", message = text, replacement = use, removed_in = d.remove },
    { "level", "code", "message", "replacement", "removed_in" }))))
end

--- Announces what of a command was used and is deprecated. given: where each parameter's value came from.
function deprecation.announce(C, given, program)
  if C.deprecated then
    announce(table.concat(C.words, " "), C.deprecated, C.deprecated.use and program .. " " .. C.deprecated.use)
  end
  for _, p in ipairs(C.params) do
    if p.deprecated and given[p.name] == "flag" then
      local use = p.deprecated.use
      announce("--" .. p.name, p.deprecated, use and "--" .. use:gsub("^%-+", ""))
    end
  end
end


return deprecation
