-- The command line as debug output and the audit log may show it (REQ-F-034, F-051).
-- Promise: the value of every option whose name says secret is [REDACTED], also of options that do not exist.

local host = require "host"

local M = {}

local WORDS = { "token", "secret", "password", "key", "credential", "auth" }

--- True when a name says that its value is secret.
function M.is_secret_name(name)
  local lower = name:lower():gsub("[-_]", "")
  for _, word in ipairs(WORDS) do
    if lower:find(word, 1, true) then return true end
  end
  return false
end

-- "name": "value" inside a JSON argument.
local function redact_members(text)
  return (text:gsub('("([^"]*)"%s*:%s*)"([^"]*)"', function(head, name)
    return M.is_secret_name(name) and head .. '"[REDACTED]"' or nil
  end))
end

--- The arguments as one line.
function M.line(argv)
  local out, hide = {}, false
  for i, arg in ipairs(argv) do
    local name, value = arg:match("^%-%-([%w_-]+)=(.*)$")
    if hide and arg:sub(1, 2) ~= "--" then
      out[i], hide = "[REDACTED]", false
      host.send("S", arg)
    elseif name and M.is_secret_name(name) then
      out[i] = "--" .. name .. "=[REDACTED]"
      host.send("S", value)
    else
      out[i] = redact_members(arg)
      name = arg:match("^%-%-([%w_-]+)$")
      hide = name ~= nil and M.is_secret_name(name)
    end
  end
  return table.concat(out, " ")
end

return M
