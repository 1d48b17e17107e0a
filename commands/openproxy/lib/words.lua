-- openproxy's lines for people, and the payloads of its envelopes. Promise: whatever shape the service answers in, a line
-- shows what is there, and a fixed word where nothing is.

local json = require "tool.json"
local usage = require "lib.usage"
local wire = require "lib.wire"

local M = {}

local member = wire.member

local function count(payload, name)
  local value = member(payload, name, "number")
  return value and math.tointeger(value) or 0
end

local function amount(payload, name) return member(payload, name, "number") or 0 end

local function word(payload, ...)
  for _, name in ipairs { ... } do
    local value = member(payload, name, "string")
    if value then return value end
  end
end

local function length(payload, name)
  local list = member(payload, name, "table")
  return list and #list or 0
end

local function pretty(value) return json.encode(value, { pretty = 2 }) .. "\n" end

-- A drawing below the lines, where somebody looks.
local function drawing(a) return a.draw(a.flags.color ~= "never" and a.color) end

local function drawn(a, text) return a.tty.stdout and text .. drawing(a) or text end

local function fixed(text) return function() return text .. "\n" end end

local LINES = {}

LINES["usage summary"] = function(data)
  return ("Total requests: %d\nPrompt tokens:  %d\nCompletion:     %d\nTotal cost:     $%.4f\n"):format(
    count(data, "total_requests"), count(data, "total_prompt_tokens"), count(data, "total_completion_tokens"),
    amount(data, "total_cost"))
end

LINES["usage daily"] = function(data, a)
  return drawn(a, ("%d days\n"):format(type(data) == "table" and #data or 0))
end

LINES["usage chart"] = function(data, a) return drawn(a, ("%d buckets\n"):format(#usage.buckets(data))) end

LINES["usage history"] = function(data) return ("%d history rows\n"):format(length(data, "history")) end

LINES["usage stats"] = function(data, a)
  local period = ("Period:  %s\n"):format(word(data, "period") or a.args.period)
  return period .. (a.tty.stdout and drawing(a) or usage.totals_text(data) .. "\n")
end

LINES["usage providers"] = function(data)
  local lines = {}
  for i, row in ipairs(member(data, "providers", "table") or {}) do
    lines[i] = ("%s\t%d\n"):format(word(row, "provider", "id") or "?", count(row, "requests"))
  end
  return table.concat(lines)
end

LINES["usage logs"] = function(data) return ("%d entries\n"):format(#usage.entries(data)) end

LINES["usage request-logs"] = function(data, a)
  local row = (member(data, "rows", "table") or {})[1]
  return ("id=%s model=%s provider=%s\n"):format(word(row, "id") or a.args.id, word(row, "model") or "?",
    word(row, "provider") or "?")
end

LINES["usage pricing"] = function(data)
  local pricing = type(data) == "table" and data.pricing
  return pretty(pricing or data)
end

LINES["logs export"] = function(data)
  local written = data.written
  if written then return ("Wrote %d lines to %s\n"):format(written.lines, written.path) end
  local lines = {}
  for i, line in ipairs(member(data, "logs", "table") or {}) do lines[i] = (type(line) == "string" and line or "") .. "\n" end
  return table.concat(lines)
end

LINES["logs clear"] = fixed "Cleared log buffer."

LINES["logs stats"] = function(data)
  return ("Buffered lines: %d\nTotal requests (lifetime): %d\n"):format(count(data, "logBufferLines"),
    count(data, "totalRequestsLifetime"))
end

LINES["quota list"] = function(data, a)
  if a.tty.stdout then return drawing(a) end
  local lines = {}
  for i, row in ipairs(data.quotas) do
    lines[i] = ("%-24s requests=%6d tokens=%8d cost=$%.4f\n"):format(word(row, "provider", "id") or "?",
      count(row, "requests"), count(row, "tokens"), amount(row, "cost"))
  end
  return table.concat(lines)
end

LINES["quota get"] = pretty
LINES["quota reset"] = fixed "Cleared usage history in memory."
LINES["quota refresh"] = function(data) return ("Refreshed %d provider rows.\n"):format(data.refreshed) end

LINES["chat models"] = function(data)
  local list = member(data, "data", "table") or {}
  local lines = { ("%d models\n"):format(#list) }
  for i = 1, math.min(20, #list) do lines[i + 1] = ("  %s\n"):format(word(list[i], "id") or "") end
  return table.concat(lines)
end

LINES["chat tags"] = pretty

LINES["chat send"] = function(data)
  local choice = (member(data, "choices", "table") or {})[1]
  return (word(member(choice, "message", "table"), "content") or "") .. "\n"
end

LINES["provider oauth start"] = function(data)
  return ("Open this URL to authorize:\n  %s\n"):format(
    word(data, "auth_url", "url", "verification_uri_complete", "verification_uri") or "")
end

LINES["provider oauth poll"] = function(data)
  local status = word(data, "status")
  if not status and type(data) == "table" then
    status = data.pending == true and "pending" or data.success == true and "success" or nil
  end
  return ("status: %s\n"):format(status or "?")
end

LINES["provider oauth status"] = pretty
LINES["provider oauth refresh"] = function(data) return ("refresh: %s\n"):format(word(data, "status") or "ok") end

LINES["provider oauth import-kiro"] = function(data, a)
  if not a.args.auto then return "Imported Kiro identity.\n" end
  local found = type(data) == "table" and data.found == true and 1 or 0
  return ("Discovered %d cache files\n"):format(member(data, "count", "number") and count(data, "count") or found)
end

LINES["provider oauth iflow-cookie"] = fixed "Imported iFlow cookie."
LINES["provider oauth gitlab-pat"] = fixed "Imported GitLab PAT."

LINES["schema list"] = function(data) return require("lib.resources").listing(data) .. "\n" end

LINES["schema show"], LINES["schema example"] = pretty, pretty

LINES["schema stability"] = function(data)
  return ("%s is %s.\n%s\n"):format(data.namespace, data.stability, data.policy)
end

-- What --quiet does not hide: what somebody asked to read.
local LOUD = { ["chat send"] = true, ["schema show"] = true, ["schema example"] = true }

local function is_loud(a) return LOUD[a.command] or a.command == "logs export" and not a.data.written end

--- The lines of a result.
function M.lines(a)
  if a.flags.quiet and not is_loud(a) then return "" end
  if a.preview then return pretty(a.data) end
  return LINES[a.command](a.data, a)
end

local CLEARED = { cleared = "usage history (process memory)", ok = true }

--- The data of a result's envelope.
function M.payload(a)
  if a.preview then return a.data end
  if a.command == "quota reset" then return CLEARED end
  if a.command == "logs export" then a.data.written = nil end
  return a.data
end

return M
