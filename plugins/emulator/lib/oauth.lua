-- The forms of OAuth 2.0 that a token endpoint and a protected resource speak (RFC 6749 §5, RFC 6750 §3, RFC 7617).

local hash = require "tool.hash"
local url = require "tool.url"

local oauth = {}

local NO_STORE = { ["Cache-Control"] = "no-store", Pragma = "no-cache" }

--- Client id and secret of an Authorization header, or nil. Both are form-encoded inside (RFC 6749 §2.3.1).
function oauth.basic(header)
  local encoded = header and header:match("^[Bb][Aa][Ss][Ii][Cc] +([%w+/]+=*)$")
  local text = encoded and hash.unbase64(encoded)
  local id, secret = (text or ""):match("^([^:]*):(.*)$")
  if not id then return nil end
  return url.decode(id:gsub("+", " "), nil), url.decode((secret:gsub("+", " ")))
end

--- The token of an Authorization header, or nil.
function oauth.bearer(header)
  return header and header:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +([%w%-._~+/]+=*)$")
end

local function with_no_store(headers)
  local out = {}
  for name, value in pairs(NO_STORE) do out[name] = value end
  for name, value in pairs(headers or {}) do out[name] = value end
  return out
end

--- An error answer of the token endpoint: status, body, headers.
function oauth.error(status, code, description, headers)
  return status, { error = code, error_description = description }, with_no_store(headers)
end

--- A token answer, as one value: a table is an answer with status 200.
function oauth.answer(body)
  return body
end

--- The WWW-Authenticate value for a protected resource; params: error, error_description, scope.
function oauth.challenge(params)
  local parts = { 'Bearer realm="sentryagent"' }
  for _, name in ipairs { "error", "error_description", "scope" } do
    if params[name] then parts[#parts + 1] = ('%s="%s"'):format(name, params[name]) end
  end
  return table.concat(parts, ", ")
end

--- The header that tells to wait so many ms, in whole seconds (RFC 9110 §10.2.3).
function oauth.retry_after(ms)
  return { ["Retry-After"] = tostring(math.max(1, (ms + 999) // 1000)) }
end

return oauth
