-- Times of the emulated APIs: whole milliseconds inside, RFC 3339 in UTC outside.

local times = require "tool.time"

local time = {}

--- Milliseconds since 1970, now.
function time.now() return math.floor(times.now() * 1000 + 0.5) end

--- RFC 3339 with three digits of milliseconds always, so that texts sort as times do.
function time.format(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

--- Epoch time in ms of an RFC 3339 date-time; nil when it is none (a date alone is none).
function time.parse(text)
  local seconds = text:find("T", 1, true) and times.parse(text)
  return seconds and math.floor(seconds * 1000 + 0.5) or nil
end

return time
