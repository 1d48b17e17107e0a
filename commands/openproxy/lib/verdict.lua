-- What an error is in openproxy's terms. Promise: one of its codes, its exit code and its sentence for every error of the
-- host; nil for a command line that was wrong, which has none of them.

local WORDS = { [401] = { "auth", 5 }, [403] = { "auth", 5 }, [404] = { "not_found", 3 } }
local UNREACHABLE = { SERVER_UNREACHABLE = true, CONNECTION_FAILED = true, TLS_FAILED = true, INVALID_URL = true }
local BROKEN = { RESPONSE_INCOMPLETE = true, RESPONSE_TOO_LARGE = true, REDIRECT_REFUSED = true,
  TOO_MANY_REDIRECTS = true }

local function without_stop(message) return (message:gsub("%.$", "")) end

-- The base address of a whole one.
local function base_of(url)
  return type(url) == "string" and url:match("^(%a[%w+.-]*://[^/?#]*)") or url
end

local function unreachable(url, detail)
  return "server_unreachable", 6,
    ("server not running (%s: %s). Start it with: openproxy server start --detach"):format(url or "?", without_stop(detail))
end

-- Nothing but an address that is none: no service can be there.
local function only_url(e)
  local problem = e.errors and #e.errors == 1 and e.errors[1]
  return problem and problem.field == "url" and problem.code ~= "INPUT_PARAM_CONFLICT" and problem or nil
end

--- code, exit code, message.
return function(a)
  local e = a.error
  local context, network = e.context or {}, e.network_context or {}
  local status = context.status
  if e.phase == "validation" and not (e.code == "INVALID_JSON" and not e.errors) then     -- of stdin, not of the line
    local problem = only_url(e)
    if not problem then return nil end
    return unreachable(tostring(problem.value or ""), problem.message)
  end
  if UNREACHABLE[e.code] then
    local detail = context.detail or e.cause or e.message
    if e.code == "SERVER_UNREACHABLE" and status then detail = detail .. " " .. require("lib.wire").reason(status) end
    return unreachable(context.url or base_of(network.url), detail)
  end
  if e.code == "TIMEOUT" then return unreachable(base_of(network.url) or "no answer", e.cause or e.message) end
  if status and context.reason then
    local word = WORDS[status] or { "other", 1 }
    local said = context.body ~= "" and context.body or context.reason
    return word[1], word[2], ("server returned %d %s: %s"):format(status, context.reason, said)
  end
  if BROKEN[e.code] then return "network", 6, "network: " .. without_stop(e.cause or e.message) end
  if e.code == "INVALID_RESPONSE" then return "other", 1, "decode: " .. without_stop(e.message) end
  if e.code == "NOT_FOUND" and not context.path then return "not_found", 3, without_stop(e.message) end
  return "other", e.code == "CANCELLED" and a.exit or 1, without_stop(e.message)
end
