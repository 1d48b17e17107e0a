-- Promise: points in time and durations for authors, always UTC, independent of locale and time zone.

local host = require "host"
local units = require "units"

local M = {}

--- Seconds since 1970 of an RFC 3339 text (or a date alone: its midnight). @return number, or nil and why not
function M.parse(text)
  local _, ms = units.datetime(text)
  if type(ms) ~= "number" then return nil, ms end
  return ms % 1000 == 0 and ms // 1000 or ms / 1000
end

--- Seconds since 1970 as RFC 3339 text in UTC.
function M.format(seconds)
  return units.format_datetime(math.floor(seconds * 1000 + 0.5))
end

--- Seconds since 1970, now.
function M.now()
  return host.time() / 1000
end

--- A duration's text ("1h30m") as seconds, or seconds as text. @return number or string, or nil and why not
function M.duration(value)
  if type(value) == "number" then return units.format_duration(value) end
  local seconds, why = units.duration(value)
  if not seconds then return nil, why end
  return seconds
end

return M
