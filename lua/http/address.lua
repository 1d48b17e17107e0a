-- Promise: what an HTTP client asks of an address beside tool.url: its parts for http and https, its query, whether two
-- are of one host, and how it looks without its secrets. Pure: no I/O.

local suspect = require "suspect"
local url = require "tool.url"

local M = {}

local WEB = { http = true, https = true }

--- The parts of an absolute http(s) address: { scheme, userinfo, host, port, authority, rest }, scheme and host in
-- lower case, `authority` without userinfo, `rest` from the path on without fragment. nil when it is none.
function M.parse(text)
  local at = url.parse(text)
  if not at or not WEB[at.scheme] then return nil end
  local explicit = text:match("^%a+://[^/?#]*:(%d+)[/?#]") or text:match("^%a+://[^/?#]*:(%d+)$")
  return {
    scheme = at.scheme, userinfo = at.userinfo, host = at.host, port = at.port,
    authority = at.host .. (explicit and ":" .. explicit or ""), rest = at.path .. (at.query and "?" .. at.query or ""),
  }
end

--- The address again, without userinfo and fragment.
function M.build(parts)
  return parts.scheme .. "://" .. parts.authority .. parts.rest
end

--- The absolute address that `reference` means on the page `base`, without fragment.
function M.resolve(base, reference)
  return (url.join(base, reference):gsub("#.*$", ""))
end

--- Joins a service's address and a path: one slash between them, whatever either brings.
function M.join(base, path)
  base = base:gsub("/+$", "")
  if path == "" then return base end
  if path:find("^[?#]") then return base .. path end
  return base .. "/" .. (path:gsub("^/+", ""))
end

--- Key-value pairs as application/x-www-form-urlencoded text, sorted by key; a list repeats its key. `text_of` turns a
-- value into a string or number, or raises.
function M.pairs(map, text_of)
  local texts = {}
  for key, value in pairs(map) do
    if type(value) == "table" then
      texts[key] = {}
      for i, each in ipairs(value) do texts[key][i] = text_of(each, key) end
    else
      texts[key] = text_of(value, key)
    end
  end
  return url.query(texts)
end

--- Adds a query text to an address.
function M.add_query(text, query)
  if query == "" then return text end
  local body, fragment = text:match("^([^#]*)(.*)$")
  local mark = body:find("?", 1, true) and (body:find("[?&]$") and "" or "&") or "?"
  return body .. mark .. query .. fragment
end

--- What may be shown of an address, valid or not: no userinfo, no fragment, no values of parameters that are named
-- like secrets.
function M.shown(text)
  text = text:gsub("#.*$", ""):gsub("^([^/]*//)[^/?]*@", "%1")
  local place, query = text:match("^([^?]*)%?(.*)$")
  if not place then return text end
  return place .. "?" .. query:gsub("([^&=]+)=([^&]*)", function(name)
    return suspect.secret_name(name) and name .. "=[REDACTED]" or nil
  end)
end

--- Whether b may get what was meant for a: the same host and port, or the same host over TLS instead of without.
function M.same_host(a, b)
  a, b = M.parse(a), M.parse(b)
  if not a or not b or a.host ~= b.host then return false end
  if a.scheme == b.scheme then return a.port == b.port end
  return a.scheme == "http" and a.port == 80 and b.port == 443
end

return M
