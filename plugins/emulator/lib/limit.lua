-- Rate limits: a token bucket per client.

local limit = {}

local UNITS = { ms = 1, s = 1000, m = 60000 }

--- Parses "N/10s" into { count, window_ms }; nil when it is none.
function limit.parse(text)
  local count, number, unit = text:match("^(%d+)/(%d+)(%a+)$")
  count, number = math.tointeger(count), math.tointeger(number)
  if not count or count < 1 or number < 1 or not UNITS[unit] then return nil end
  return { count = count, window_ms = number * UNITS[unit] }
end

--- A limiter: function(key, now_ms) -> nil when the request may pass, else how many ms to wait. No rule: all pass.
function limit.new(rule)
  if not rule then return function() end end
  local buckets, rate, used = {}, rule.count / rule.window_ms, 0
  -- A bucket that is full again says nothing; forgetting those keeps the table small.
  local function forget(now)
    for key, b in pairs(buckets) do
      if b.tokens + (now - b.at) * rate >= rule.count then buckets[key] = nil end
    end
  end
  return function(key, now)
    used = used + 1
    if used % 1000 == 0 then forget(now) end
    local b = buckets[key] or { tokens = rule.count, at = now }
    buckets[key] = b
    b.tokens = math.min(rule.count, b.tokens + math.max(0, now - b.at) * rate)
    b.at = now
    if b.tokens < 1 then return math.ceil((1 - b.tokens) / rate) end
    b.tokens = b.tokens - 1
  end
end

return limit
