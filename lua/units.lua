-- Promise: reads and writes durations, sizes and points in time exactly, independent of locale and time zone.

local M = {}

local MS = { ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000, w = 604800000 }
local RANK = { w = 6, d = 5, h = 4, m = 3, s = 2, ms = 1 }
local BYTES = {
  [""] = 1, b = 1,
  k = 1 << 10, kb = 1000, kib = 1 << 10,
  m = 1 << 20, mb = 1000 ^ 2, mib = 1 << 20,
  g = 1 << 30, gb = 1000 ^ 3, gib = 1 << 30,
  t = 1 << 40, tb = 1000 ^ 4, tib = 1 << 40,
}
local LARGEST = 1 << 53   -- the largest count of ms or bytes that a float holds exactly

local function whole(x)
  return math.tointeger(x) or x
end

--- A duration: "1.5s", "500ms", "2m", "1h30m", "7d", or a bare number of seconds (text or number).
--- @return number|nil seconds (an integer when whole), integer|string ms, or nil and why not
function M.duration(text)
  if type(text) == "number" then
    if text ~= text or text < 0 or text * 1000 > LARGEST then return nil, "must be a number of seconds from 0" end
    return whole(text), math.floor(text * 1000 + 0.5)
  end
  local why = 'must be a duration such as "1.5s", "500ms", "2m" or "1h"'
  if type(text) ~= "string" or text == "" then return nil, why end
  local ms, at, rank = 0, 1, 7
  if text:find("^%d+%.?%d*$") then
    ms, at = tonumber(text) * 1000.0, #text + 1
  end
  while at <= #text do
    local number, unit, stop = text:match("^(%d+%.?%d*)(%l+)()", at)
    if not number or not MS[unit] or RANK[unit] >= rank then return nil, why end
    ms, at, rank = ms + tonumber(number) * 1.0 * MS[unit], stop, RANK[unit]
  end
  if ms > LARGEST then return nil, "is too long a duration" end
  ms = math.floor(ms + 0.5)
  return whole(ms / 1000), ms
end

--- A size: "1MB" (1000 based), "64KiB" and "64K" (1024 based), plain bytes (text or integer).
--- @return integer|nil bytes, or nil and why not
function M.size(text)
  if type(text) == "number" then
    local n = math.tointeger(text)
    if not n or n < 0 then return nil, "must be a whole number of bytes from 0" end
    return n
  end
  local why = 'must be a size such as "1MB", "64KiB" or a number of bytes'
  if type(text) ~= "string" then return nil, why end
  local number, unit = text:match("^(%d+%.?%d*) ?(%a*)$")
  local factor = number and BYTES[unit:lower()]
  if not factor then return nil, why end
  local bytes = tonumber(number) * 1.0 * factor     -- float: integers would wrap
  if bytes > LARGEST then return nil, "is too large a size" end
  bytes = math.tointeger(bytes)
  if not bytes then return nil, "must be a whole number of bytes" end
  return bytes
end

-- Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back (years counted from March).
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

local function date_of(days)
  days = days + 719468
  local era = days // 146097
  local of_era = days - era * 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local m = (5 * of_year + 2) // 153
  local month = m < 10 and m + 3 or m - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, of_year - (153 * m + 2) // 5 + 1
end

local LENGTH = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function text_of(seconds, fraction)
  local year, month, day = date_of(seconds // 86400)
  if year < 0 or year > 9999 then return nil end
  local rest = seconds % 86400
  return string.format("%04d-%02d-%02dT%02d:%02d:%02d%sZ", year, month, day, rest // 3600, rest // 60 % 60, rest % 60,
    fraction)
end

-- The date's seconds since 1970, or nil when there is no such day.
local function read_date(text)
  local y, mo, d = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)$")
  if not y then return nil end
  y, mo, d = tonumber(y), tonumber(mo), tonumber(d)
  local leap = y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0)
  if mo < 1 or mo > 12 or d < 1 or d > LENGTH[mo] or (mo == 2 and d == 29 and not leap) then return nil end
  return days_of(y, mo, d) * 86400
end

-- The offset from UTC in seconds of "Z" or "+hh:mm", or nil.
local function read_zone(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  local offset = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "-" and -offset or offset
end

--- A point in time: RFC 3339 ("2024-03-11T15:30:00.5+01:00"), a date alone (its midnight in UTC), or epoch seconds.
--- @return string|nil text in UTC ("2024-03-11T14:30:00.5Z"), integer|string epoch milliseconds, or nil and why not
function M.datetime(value)
  local why = "must be a date and time such as 2024-03-11T14:30:00Z"
  if type(value) == "number" then
    if value ~= value or value < -62167219200 or value > 253402300799 then return nil, why end
    return M.format_datetime(math.floor(value * 1000 + 0.5)), math.floor(value * 1000 + 0.5)
  end
  if type(value) ~= "string" then return nil, why end
  local seconds = read_date(value)
  if seconds then return text_of(seconds, ""), seconds * 1000 end
  local date, h, mi, s, fraction, zone = value:match("^([%d-]+)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)(.+)$")
  local day, offset = date and read_date(date), zone and read_zone(zone)
  if not day or not offset or fraction == "." or (fraction ~= "" and fraction:sub(1, 1) ~= ".") then return nil, why end
  h, mi, s = tonumber(h), tonumber(mi), tonumber(s)
  if h > 23 or mi > 59 or s > 60 then return nil, why end      -- second 60 is a leap second: the next minute's start
  seconds = day + h * 3600 + mi * 60 + s - offset
  fraction = fraction:sub(1, 10):gsub("0+$", "")
  if fraction == "." then fraction = "" end
  local text = text_of(seconds, fraction)
  if not text then return nil, why end
  return text, seconds * 1000 + math.floor((tonumber("0" .. fraction) or 0) * 1000)
end

--- Epoch milliseconds as RFC 3339 text in UTC, with milliseconds only where there are any.
function M.format_datetime(ms)
  local rest = ms % 1000
  local fraction = rest == 0 and "" or (string.format(".%03d", math.floor(rest)):gsub("0+$", ""))
  return text_of(math.floor(ms // 1000), fraction)
end

--- Seconds as the shortest exact duration text: 90 -> "1m30s", 0.5 -> "500ms".
function M.format_duration(seconds)
  local ms = math.floor(seconds * 1000 + 0.5)
  if ms == 0 then return "0s" end
  local parts = {}
  for _, unit in ipairs { "d", "h", "m", "s", "ms" } do
    local count = ms // MS[unit]
    if count > 0 then parts[#parts + 1] = count .. unit end
    ms = ms % MS[unit]
  end
  return table.concat(parts)
end

--- Bytes as text for people: 1536 -> "1.5KiB".
function M.format_size(bytes)
  local units = { "B", "KiB", "MiB", "GiB", "TiB" }
  local i, value = 1, bytes
  while value >= 1024 and i < #units do i, value = i + 1, value / 1024 end
  local text = i == 1 and tostring(bytes) or string.format("%.1f", value):gsub("%.0$", "")
  return text .. units[i]
end

return M
