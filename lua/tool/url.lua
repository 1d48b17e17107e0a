-- Promise: takes addresses apart, resolves and builds them (RFC 3986), and never decodes twice.

local host = require "host"

local M = {}

--- Text with everything but letters, digits and - . _ ~ percent-encoded: fit for one path segment or query value.
function M.encode(text)
  return (tostring(text):gsub("[^%w._~-]", function(c) return string.format("%%%02X", c:byte()) end))
end

--- Percent-encoding undone, once. "+" stays. @return string, or nil and a message for a stray "%"
function M.decode(text)
  if text:gsub("%%%x%x", ""):find("%", 1, true) then return nil, "a % without two hexadecimal digits" end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local DEFAULT_PORT = { http = 80, https = 443, ws = 80, wss = 443 }

-- The five parts of an address or reference; absent ones are nil.
local function parts_of(text)
  local rest, fragment = text:match("^([^#]*)#?(.*)$")
  if not text:find("#", 1, true) then fragment = nil end
  local query
  local mark = rest:find("?", 1, true)
  if mark then rest, query = rest:sub(1, mark - 1), rest:sub(mark + 1) end
  local scheme, after = rest:match("^(%a[%w+.-]*):(.*)$")
  if scheme then rest = after end
  local authority
  if rest:sub(1, 2) == "//" then
    authority, rest = rest:match("^//([^/]*)(.*)$")
  end
  return { scheme = scheme, authority = authority, path = rest, query = query, fragment = fragment }
end

local function text_of(p)
  return (p.scheme and p.scheme .. ":" or "") .. (p.authority and "//" .. p.authority or "") .. p.path
    .. (p.query and "?" .. p.query or "") .. (p.fragment and "#" .. p.fragment or "")
end

--- An absolute address taken apart: { scheme, host, port (a number, also the scheme's own), path, query, fragment,
--- userinfo }; scheme and host in lower case, the rest as written. @return table, or nil and why it is none
function M.parse(text)
  if text:find("[%c ]") then return nil, "an address holds no spaces" end
  local p = parts_of(text)
  if not p.scheme then return nil, "the scheme is missing" end
  if not p.authority or p.authority == "" then return nil, "the host is missing" end
  local userinfo, place = p.authority:match("^(.-)@([^@]*)$")
  place = place or p.authority
  local name, port = place:match("^(%[[%x:.]+%])(.*)$")
  if not name then name, port = place:match("^([^:%[%]]*)(.*)$") end
  if not name or name == "" then return nil, "the host is missing" end
  local scheme = p.scheme:lower()
  local number = port ~= "" and tonumber(port:match("^:(%d+)$")) or nil
  if port ~= "" and port ~= ":" and not (number and number <= 65535) then return nil, "the port is no port" end
  return { scheme = scheme, userinfo = userinfo, host = name:lower(), port = number or DEFAULT_PORT[scheme],
    path = p.path == "" and "/" or p.path, query = p.query, fragment = p.fragment }
end

-- RFC 3986 §5.2.4
local function remove_dots(path)
  local out = {}
  local absolute = path:sub(1, 1) == "/"
  for segment in (path .. "/"):gmatch("([^/]*)/") do out[#out + 1] = segment end
  local kept, last = {}, #out
  for i, segment in ipairs(out) do
    if segment == ".." then
      if #kept > (absolute and 1 or 0) then kept[#kept] = nil end
      if i == last then kept[#kept + 1] = "" end
    elseif segment == "." then
      if i == last then kept[#kept + 1] = "" end
    else
      kept[#kept + 1] = segment
    end
  end
  return table.concat(kept, "/")
end

--- A reference resolved against an absolute address (RFC 3986 §5.2): join("http://a/b/c", "../d") is "http://a/d".
function M.join(base, reference)
  local b, r = parts_of(base), parts_of(reference)
  if r.scheme or r.authority then
    r.scheme = r.scheme or b.scheme
    r.path = remove_dots(r.path)
    return text_of(r)
  end
  r.scheme, r.authority = b.scheme, b.authority
  if r.path == "" then
    r.path, r.query = b.path, r.query or b.query
  elseif r.path:sub(1, 1) == "/" then
    r.path = remove_dots(r.path)
  else
    local folder = b.authority and b.path == "" and "/" or b.path:match("^(.*/)") or ""
    r.path = remove_dots(folder .. r.path)
  end
  return text_of(r)
end

--- A query string of a table, keys sorted; a list gives its key several times, null and nil nothing.
function M.query(fields)
  local keys, out = {}, {}
  for key in pairs(fields) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  local function add(key, value)
    if value ~= host.json.null then out[#out + 1] = M.encode(key) .. "=" .. M.encode(value) end
  end
  for _, key in ipairs(keys) do
    local value = fields[key]
    if type(value) == "table" and value ~= host.json.null then
      for _, item in ipairs(value) do add(key, item) end
    else
      add(key, value)
    end
  end
  return table.concat(out, "&")
end

return M
