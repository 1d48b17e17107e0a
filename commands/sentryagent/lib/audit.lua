-- Following the audit log. Promise: every event is given once, oldest first, whatever the pages and however many events
-- share a timestamp: the cursor is the last timestamp together with the ids seen at it.

local M = {}
M.__index = M

-- A text that sorts as the point in time that an RFC 3339 timestamp names.
local function sort_key(timestamp)
  local y, mo, d, h, mi, s, fraction, zone =
    timestamp:match("^(%d+)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)%.?(%d*)(.*)$")
  if not y then return timestamp end
  local year, month = tonumber(y), tonumber(mo)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + tonumber(d)
  local seconds = ((days * 24 + tonumber(h)) * 60 + tonumber(mi)) * 60 + tonumber(s)
  local sign, zh, zm = zone:match("^([+-])(%d%d):?(%d%d)$")
  if sign then
    local offset = (tonumber(zh) * 60 + tonumber(zm)) * 60
    seconds = sign == "+" and seconds - offset or seconds + offset
  end
  return ("%015d.%s"):format(seconds, (fraction .. ("0"):rep(9 - #fraction)):sub(1, 9))
end
M.sort_key = sort_key

--- A cursor that starts at `since` (RFC 3339).
function M.new(since)
  return setmetatable({ since = since, key = sort_key(since), seen = {} }, M)
end

--- Takes the events of one poll, in the service's order (newest first, pages one after another; pages may overlap when
--- events arrive meanwhile). Returns those that are new, oldest first.
function M:take(events)
  local fresh, in_poll = {}, {}
  for position, event in ipairs(events) do
    local id, key = event.eventId, sort_key(event.timestamp)
    local known = in_poll[id] or key < self.key or key == self.key and self.seen[id]
    in_poll[id] = true
    if not known then fresh[#fresh + 1] = { event = event, key = key, position = position } end
  end
  table.sort(fresh, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    return a.position > b.position
  end)
  local out = {}
  for i, row in ipairs(fresh) do out[i] = row.event end
  return out
end

--- Notes that an event was given out.
function M:passed(event)
  local key = sort_key(event.timestamp)
  if key > self.key then
    self.since, self.key, self.seen = event.timestamp, key, {}
  end
  self.seen[event.eventId] = true
end

return M
