-- Promise: the decisions of an HTTP client that need no connection: waits, redirects, proxies, what may be logged.
-- Pure: no I/O.

local address = require "http.address"

local M = {}

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
  Dec = 12 }

-- Days since 1970-01-01 of a date in the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

local function epoch(year, month, day, hour, minute, second)
  month = MONTHS[month]
  if not month then return nil end
  return ((days(tonumber(year), month, tonumber(day)) * 24 + hour) * 60 + minute) * 60 + second
end

--- Epoch seconds of an HTTP-date in any of its three forms (RFC 9110 §5.6.7), or nil.
function M.http_date(text)
  local d, mon, y, h, mi, s = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if d then return epoch(y, mon, d, h, mi, s) end
  d, mon, y, h, mi, s = text:match("^%a+, (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if d then return epoch(tonumber(y) < 70 and 2000 + y or 1900 + y, mon, d, h, mi, s) end
  mon, d, h, mi, s, y = text:match("^%a+ (%a%a%a) +(%d+) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
  if d then return epoch(y, mon, d, h, mi, s) end
end

--- ms that a Retry-After field asks to wait, from seconds or a date; nil when it is neither. `now`: epoch ms.
function M.retry_after(text, now)
  if not text then return nil end
  local seconds = text:match("^%s*(%d+)%s*$")
  if seconds then return math.tointeger(tonumber(seconds) * 1000) or nil end
  local at = M.http_date(text)
  return at and math.max(0, at * 1000 - now)
end

local IDEMPOTENT = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true }
local READS = { GET = true, HEAD = true, OPTIONS = true }
local BUSY = { [429] = true, [502] = true, [503] = true, [504] = true }
local BROKEN = { CONNECTION_FAILED = true, DNS_FAILED = true, PROXY_FAILED = true, CONNECT_TIMEOUT = true,
  BODY_INCOMPLETE = true }

--- Whether a method changes nothing at the service.
function M.reads(method) return READS[method] == true end

--- Whether a request of this method may take effect twice without harm.
function M.idempotent(method) return IDEMPOTENT[method] == true end

--- Whether to repeat: only what cannot take effect twice. `err` is the transport's error, nil when there is a status.
function M.may_retry(method, status, err)
  if err then return BROKEN[err.code] == true and (IDEMPOTENT[method] == true or not err.sent) end
  return BUSY[status] == true and IDEMPOTENT[method] == true
end

local LONGEST = 30000

--- ms to wait before repetition n (from 1): doubles from `first`, at most 30 s, never less than the service asked for.
function M.backoff(n, first, asked)
  local wait = math.min(first * 2 ^ (n - 1), math.max(first, LONGEST))
  return math.floor(math.max(wait, asked or 0))
end

local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- Whether a status is a redirect that can be followed.
function M.redirects(status) return REDIRECTS[status] == true end

--- The method after a redirect, and whether the body goes along (RFC 9110 §15.4).
function M.redirected(method, status)
  if method == "GET" or method == "HEAD" then return method, status == 307 or status == 308 end
  if status == 303 or method == "POST" and (status == 301 or status == 302) then return "GET", false end
  return method, true
end

local SENSITIVE = { authorization = true, cookie = true, ["x-api-key"] = true, ["x-auth-token"] = true,
  ["proxy-authorization"] = true, ["set-cookie"] = true }

--- Whether a header's value is a credential: never logged, never sent to another host (REQ-F-051). Lower-case name.
function M.sensitive(name) return SENSITIVE[name] == true end

local function ipv4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and ((tonumber(a) << 24) | (tonumber(b) << 16) | (tonumber(c) << 8) | tonumber(d))
end

local function matches(entry, host, port)
  if entry == "*" then return true end
  local net, bits = entry:match("^([%d.]+)/(%d+)$")
  if net then
    local a, b = ipv4(net), ipv4(host)
    local mask = ~((1 << (32 - math.min(32, tonumber(bits)))) - 1)
    return a ~= nil and b ~= nil and a & mask == b & mask
  end
  local name, entry_port = entry:match("^(%[.-%]):?(%d*)$")
  if not name then name, entry_port = entry:match("^([^:]*):(%d+)$") end
  name = (name or entry):gsub("^%*?%.", ""):gsub("%.$", "")
  if (entry_port or "") ~= "" and tonumber(entry_port) ~= port then return false end
  host = host:gsub("%.$", "")
  local bare = host:match("^%[(.*)%]$")
  return name == host or bare ~= nil and (name == bare or name == "[" .. bare .. "]")
    or (not ipv4(host) and host:sub(-#name - 1) == "." .. name)
end

--- Whether a NO_PROXY list names this host: names with their subdomains, addresses, IPv4 networks, `host:port`, `*`.
function M.bypasses(list, host, port)
  for entry in list:lower():gmatch("[^,%s]+") do
    if matches(entry, host, port) then return true end
  end
  return false
end

--- Which proxy a request to `url` takes (REQ-F-036, REQ-O-019).
-- settings: { proxy = text|nil, no_proxy = boolean, env = function(name) -> text|nil }
-- @return { url = text|nil, source = text|nil, no_proxy = text|nil }
function M.proxy(settings, url)
  if settings.no_proxy then return {} end
  if settings.proxy then return { url = settings.proxy, source = "--proxy" } end
  local function variable(name)
    for _, spelled in ipairs { name, name:lower() } do
      local value = settings.env(spelled)
      if value and value ~= "" then return value, spelled end
    end
  end
  local at = address.parse(url)
  if not at then return {} end
  local list = variable("NO_PROXY")
  local proxy, source = variable(at.scheme:upper() .. "_PROXY")
  -- a CGI server turns a client's "Proxy:" header into HTTP_PROXY
  if source == "HTTP_PROXY" and settings.env("REQUEST_METHOD") then proxy, source = nil, nil end
  if proxy and list and M.bypasses(list, at.host, at.port) then proxy, source = nil, nil end
  return { url = proxy, source = source, no_proxy = list }
end

--- The file of trusted certificates that the environment names, or nil for the system's (REQ-F-036).
function M.ca_file(env)
  for _, name in ipairs { "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE" } do
    local value = env(name)
    if value and value ~= "" then return value end
  end
end

--- One word for a POSIX shell.
function M.shell_word(text)
  if text:find("^[%w%-._~:/%%@=,+]+$") then return text end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- error.network_context (REQ-F-037). proxy: as M.proxy returns it; direct: the caller asked for no proxy.
function M.network_context(url, status, proxy, direct, null)
  local shown = address.shown(url)
  local used = proxy.url and (address.shown(proxy.url):gsub("/$", ""))
  local words = { "curl", "-v" }
  if used then words[#words + 1] = "--proxy " .. M.shell_word(used)
  elseif direct then words[#words + 1] = "--noproxy '*'" end
  words[#words + 1] = M.shell_word(shown)
  return {
    url = shown, status_code = status or null, proxy_used = used or null, proxy_source = proxy.source or null,
    no_proxy = proxy.no_proxy or null, ssl_verify = true, suggestion = table.concat(words, " "),
  }
end

return M
