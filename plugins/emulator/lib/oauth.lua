-- The forms of OAuth 2.0 that a token endpoint and a protected resource speak (RFC 6749 §5, RFC 6750 §3, RFC 7617).

local url = require "tool.url"

local oauth = {}

local NO_STORE = { ["Cache-Control"] = "no-store", Pragma = "no-cache" }

-- Client ids and secrets are form-encoded inside HTTP Basic (RFC 6749 §2.3.1).
local function unescape(text)
  return url.decode((text:gsub("+", " ")))
end

--- Client id and secret of a request, or nil.
function oauth.client(req)
  local a = req.authorization
  if not a.user then return nil end
  local id, secret = unescape(a.user), unescape(a.password)
  if not id or not secret then return nil end
  return id, secret
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

--- A token answer: status, body, headers.
function oauth.token(token, ttl_ms, scope)
  return 200, { access_token = token, token_type = "Bearer", expires_in = ttl_ms // 1000, scope = scope },
    with_no_store()
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
