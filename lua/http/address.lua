-- Promise: takes web addresses apart, resolves references (RFC 3986 §5.2), adds queries, and shows an address without
-- its secrets. Pure: no I/O.

local suspect = require "suspect"

local M = {}

local PORTS = { http = 80, https = 443 }

--- Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
function M.encode(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The parts of an absolute http(s) address: { scheme, userinfo, host, port, authority, rest }, scheme and host in
-- lower case, `authority` without userinfo, `rest` from the path on without fragment. nil when it is none.
function M.parse(url)
  local scheme, authority, rest = url:match("^(%a[%w+.-]*)://([^/?#]*)([^#]*)")
  scheme = scheme and scheme:lower()
  if not PORTS[scheme] then return nil end
  local userinfo, place = authority:match("^(.*)@(.-)$")
  place = place or authority
  local host, port = place:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then host, port = place:match("^([^:%[%]]+):?(%d*)$") end
  if not host then return nil end
  return {
    scheme = scheme, userinfo = userinfo, host = host:lower(), port = tonumber(port) or PORTS[scheme],
    authority = place, rest = rest:sub(1, 1) == "/" and rest or "/" .. rest,
  }
end

--- The address again, without userinfo and fragment.
function M.build(parts)
  return parts.scheme .. "://" .. parts.authority .. parts.rest
end

-- `path` starts with a slash.
local function remove_dots(path)
  local out, last = {}, nil
  for segment in path:gmatch("/([^/]*)") do
    if segment == ".." then out[#out] = nil
    elseif segment ~= "." then out[#out + 1] = segment end
    last = segment
  end
  local short = "/" .. table.concat(out, "/")
  return (last == "." or last == "..") and short ~= "/" and short .. "/" or short
end

--- The absolute address that `reference` means on the page `base` (both texts). nil when base is no address.
function M.resolve(base, reference)
  if reference:find("^%a[%w+.-]*:") then return reference end
  local at = M.parse(base)
  if not at then return nil end
  reference = reference:gsub("#.*$", "")
  if reference:sub(1, 2) == "//" then return at.scheme .. ":" .. reference end
  local path, query = at.rest:match("^([^?]*)(.*)$")
  local ref_path, ref_query = reference:match("^([^?]*)(.*)$")
  if ref_path:sub(1, 1) == "/" then path, query = ref_path, ref_query
  elseif ref_path ~= "" then path, query = path:match("^(.*/)") .. ref_path, ref_query
  elseif ref_query ~= "" then query = ref_query end
  at.rest = remove_dots(path) .. query
  return M.build(at)
end

--- Joins a service's address and a path: one slash between them, whatever either brings.
function M.join(base, path)
  base = base:gsub("/+$", "")
  if path == "" then return base end
  if path:find("^[?#]") then return base .. path end
  return base .. "/" .. (path:gsub("^/+", ""))
end

local function put(out, name, value)
  out[#out + 1] = M.encode(tostring(name)) .. "=" .. M.encode(tostring(value))
end

--- Key-value pairs as application/x-www-form-urlencoded text, sorted by key; a list repeats its key. `text_of` turns a
-- value into a string or number, or raises.
function M.pairs(map, text_of)
  local keys, out = {}, {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local value = map[key]
    if type(value) == "table" then
      for _, each in ipairs(value) do put(out, key, text_of(each, key)) end
    else
      put(out, key, text_of(value, key))
    end
  end
  return table.concat(out, "&")
end

--- Adds a query text to an address.
function M.add_query(url, query)
  if query == "" then return url end
  local body, fragment = url:match("^([^#]*)(.*)$")
  local mark = body:find("?", 1, true) and (body:find("[?&]$") and "" or "&") or "?"
  return body .. mark .. query .. fragment
end

--- What may be shown of an address: no userinfo, no values of parameters that are named like secrets.
function M.shown(url)
  local at = M.parse(url)
  if not at then return (url:gsub("//[^/?#]*@", "//")) end
  local path, query = at.rest:match("^([^?]*)%??(.*)$")
  if query == "" then return M.build(at) end
  query = query:gsub("([^&=]+)=([^&]*)", function(name)
    return suspect.secret_name(name) and name .. "=[REDACTED]" or nil
  end)
  at.rest = path .. "?" .. query
  return M.build(at)
end

--- Whether b may get what was meant for a: the same host and port, or the same host over TLS instead of without.
function M.same_host(a, b)
  a, b = M.parse(a), M.parse(b)
  if not a or not b or a.host ~= b.host then return false end
  if a.scheme == b.scheme then return a.port == b.port end
  return a.scheme == "http" and a.port == 80 and b.port == 443
end

return M
