-- Times of the emulated APIs: whole milliseconds inside, RFC 3339 in UTC outside.

local time = {}

--- RFC 3339 with milliseconds for an epoch time in ms.
function time.format(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

-- Days since 1970-01-01 of a date of the Gregorian calendar.
local function days(y, m, d)
  if m <= 2 then y, m = y - 1, m + 12 end
  return 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469
end

local MONTH = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

-- An offset from UTC in minutes, or nil.
local function offset(text)
  if text == "Z" or text == "z" then return 0 end
  local sign, h, m = text:match("^([+-])(%d%d):(%d%d)$")
  if not sign or tonumber(h) > 23 or tonumber(m) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (tonumber(h) * 60 + tonumber(m))
end

--- Epoch time in ms of an RFC 3339 date-time, fractions of a millisecond cut; nil when it is none.
function time.parse(text)
  local y, mo, d, h, mi, s, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.+)$")
  if not y then return nil end
  local fraction, zone = rest:match("^%.(%d+)(.+)$")
  local minutes = offset(zone or rest)
  y, mo, d = math.tointeger(y), math.tointeger(mo), math.tointeger(d)
  h, mi, s = math.tointeger(h), math.tointeger(mi), math.tointeger(s)
  if not minutes or mo < 1 or mo > 12 or d < 1 or d > MONTH[mo] or h > 23 or mi > 59 or s > 60 then return nil end
  local ms = fraction and math.tointeger((fraction .. "000"):sub(1, 3)) or 0
  return ((days(y, mo, d) * 24 + h) * 60 + mi - minutes) * 60000 + s * 1000 + ms
end

return time
