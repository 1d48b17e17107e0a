-- Promise: says in the framework's words why a request failed: one failure per transport fault and per status, with the
-- network context that REQ-F-037 wants and the retry advice of REQ-C-014 and REQ-F-078.

local host = require "host"
local failure = require "failure"
local address = require "http.address"
local credentials = require "lazy" "credentials"
local response = require "http.response"
local rules = require "http.rules"

local M = {}

-- Transport fault -> error code, exit, and what is said of the address.
local TRANSPORT = {
  TIMEOUT = { "TIMEOUT", "TIMEOUT", "%s did not answer in time." },
  TLS_FAILED = { "TLS_FAILED", "UNAVAILABLE", "The identity of %s cannot be verified." },
  BODY_INCOMPLETE = { "RESPONSE_INCOMPLETE", "UNAVAILABLE", "The answer of %s ended before it was whole." },
  RESPONSE_TOO_LARGE = { "RESPONSE_TOO_LARGE", "GENERAL_ERROR", "The answer of %s is too large." },
  BAD_RESPONSE = { "INVALID_RESPONSE", "GENERAL_ERROR", "The answer of %s is not HTTP." },
  BAD_URL = { "INVALID_URL", "GENERAL_ERROR", "The address %s is invalid." },
  BAD_HEADER = { "INVALID_REQUEST", "GENERAL_ERROR", "The request to %s has an invalid header." },
  BAD_METHOD = { "INVALID_REQUEST", "GENERAL_ERROR", "The request to %s has an invalid method." },
  IO_ERROR = { "IO_ERROR", "GENERAL_ERROR", "A file of the exchange with %s failed." },
  NO_MEMORY = { "OUT_OF_MEMORY", "GENERAL_ERROR", "There is not enough memory for the exchange with %s." },
}
local UNREACHABLE = { "CONNECTION_FAILED", "UNAVAILABLE", "%s cannot be reached." }

-- Faults that no connection caused.
local LOCAL = { BAD_URL = true, BAD_HEADER = true, BAD_METHOD = true, IO_ERROR = true, NO_MEMORY = true }

-- error.network_context (REQ-F-037).
local function add_network(opts, req, status, net)
  opts.more = opts.more or {}
  opts.more.network_context = rules.network_context(req.url, status, net.proxy, net.direct, host.json.null)
end

-- After repetitions in vain the caller need not repeat at once (REQ-F-078).
local function add_retries(opts, retries)
  if retries == 0 then return end
  opts.retryable, opts.retry_after_ms = false, nil
  opts.more = opts.more or {}
  opts.more.retries_exhausted = retries
end

-- A failure with the words that the contract has for its code; what the service or the transport said stands beside.
local function make(contract, code, opts)
  local declared = contract.errors and contract.errors[code]
  if declared then
    for _, key in ipairs { "message", "exit", "fix", "hint", "docs", "run" } do
      if declared[key] ~= nil then opts[key] = declared[key] end
    end
    if opts.retryable ~= false then opts.retry_after_ms = opts.retry_after_ms or declared.after_ms end
  end
  return failure.new(code, opts)
end

--- The failure for a transport fault { code, message, sent, bytes_received }. net: { proxy, direct }.
function M.transport(err, req, net, retries, contract)
  local row = TRANSPORT[err.code] or UNREACHABLE
  local at = address.parse(req.url)
  local opts = {
    exit = row[2], cause = err.message, message = row[3]:format(at and at.scheme .. "://" .. at.authority
      or address.shown(req.url)),
    context = { reason = err.code, bytes_received = err.bytes_received },
  }
  if not LOCAL[err.code] then
    add_network(opts, req, nil, net)
    opts.context.network = opts.more.network_context       -- where REQ-O-019 shows it
  end
  if err.code == "TLS_FAILED" then
    opts.retryable = false
    opts.hint = "Name the authority's certificate file in REQUESTS_CA_BUNDLE or SSL_CERT_FILE."
  elseif err.sent and not rules.reads(req.method) then
    opts.retryable = false
    opts.hint = "The service may have carried it out: look before repeating."
  end
  add_retries(opts, retries)
  return make(contract, row[1], opts)
end

-- Status -> error code and exit (authoring §5), for what nobody maps.
local STATUS = {
  [401] = { "UNAUTHENTICATED", "AUTH_REQUIRED" }, [403] = { "PERMISSION_DENIED", "PERMISSION_DENIED" },
  [404] = { "NOT_FOUND", "NOT_FOUND" }, [409] = { "CONFLICT", "CONFLICT" }, [429] = { "RATE_LIMITED", "RATE_LIMITED" },
  [502] = { "UNAVAILABLE", "UNAVAILABLE" }, [503] = { "UNAVAILABLE", "UNAVAILABLE" },
  [504] = { "UNAVAILABLE", "UNAVAILABLE" },
}

local function default_code(status)
  local row = STATUS[status]
  if row then return row[1], row[2] end
  if status >= 500 then return "SERVICE_ERROR", "GENERAL_ERROR" end
  return "SERVICE_REJECTED", "GENERAL_ERROR"
end

-- What the service itself says: its code, its sentence, its details, wherever its dialect puts them.
local function words(res)
  local body = response.peek(res) or {}
  local inner = type(body.error) == "table" and body.error or body
  local function text(...)
    for i = 1, select("#", ...) do
      local value = select(i, ...)
      if type(value) == "string" and value ~= "" then return value end
    end
  end
  return {
    code = text(inner.code, inner.type, type(body.error) == "string" and body.error or nil),
    message = text(inner.message, body.error_description, inner.detail, inner.title, body.message,
      type(body.error) == "string" and body.error or nil),
    details = inner.details, required = text(inner.required_permission, inner.required_scope),
  }
end
M.words = words

-- RFC 6750 §3.1: an invalid token, with the reason in prose.
local function token_expired(res)
  local text = (res.headers["www-authenticate"] or "") .. " " .. (type(res.body) == "string" and res.body or "")
  return text:find("invalid_token", 1, true) ~= nil and text:lower():find("expired", 1, true) ~= nil
end

-- When the credentials of a refused request ended: as they say themselves, else as the service says; nil when nobody does.
local function expiry_of(res, req, run)
  local bearer = req.headers.authorization and req.headers.authorization[2]:match("^Bearer (.+)$")
  local body = response.peek(res) or {}
  local said = type(body.error) == "table" and body.error.expires_at or body.expires_at
  return run.credential and run.credential.expires_at or bearer and credentials.expiry_of(bearer)
    or type(said) == "string" and said or nil
end

-- What a 401 means: no credentials, refused ones, or ones that were good once (REQ-F-063).
local function refused(res, req, run)
  local ends = expiry_of(res, req, run)
  if credentials.past(ends) or token_expired(res) then
    return "CREDENTIALS_EXPIRED", credentials.expired(run, ends)
  end
  local status = req.headers.authorization and "TOKEN_INVALID" or "TOKEN_MISSING"
  return "UNAUTHENTICATED", credentials.missing(run, status)
end

-- RFC 6750 §3: the scope that the service wants.
local function wanted_scope(res)
  return (res.headers["www-authenticate"] or ""):match('scope="([^"]+)"')
end

-- The author's table: status -> code, or a function of the response -> code[, failure options]; nil leaves it to the
-- defaults.
local function mapped(res, errors)
  local entry = errors
  if type(errors) == "table" then entry = errors[res.status] end
  if type(entry) ~= "function" then return entry end
  -- an error page that is no JSON must not fail the mapping
  if rawget(res, "json") == nil then res.json = response.peek(res) or {} end
  return entry(res)
end

--- The failure for a status that is no success. errors: service.errors or nil; run: for its contract and credential.
function M.status(res, req, net, retries, errors, run)
  local said, contract = words(res), run.contract
  local code, extra = mapped(res, errors)
  local default, exit = default_code(res.status)
  local advice = {}
  if res.status == 401 then default, advice = refused(res, req, run) end
  local opts = {
    exit = exit, cause = said.message, hint = advice.hint, run = advice.run, more = advice.more,
    retry_after_ms = res.retry_after and res.retry_after > 0 and res.retry_after or nil,
    context = { status = res.status, url = address.shown(res.url), service_code = said.code, details = said.details },
  }
  if code and code ~= default then opts.exit = nil end     -- the registry or the contract has the exit of that code
  if res.status == 403 then
    opts.more = { required_permission = said.required or wanted_scope(res) or contract.scopes and contract.scopes[1] }
  elseif res.status ~= 401 then
    add_network(opts, req, res.status, net)
  end
  add_retries(opts, retries)
  for key, value in pairs(extra or {}) do opts[key] = value end
  return make(contract, code or default, opts)
end

--- The failure for a redirect that is not followed.
function M.redirect(res, req, why, net)
  local opts = {
    exit = "GENERAL_ERROR", cause = why,
    message = ("%s redirects, and the redirect is not followed: %s."):format(address.shown(req.url), why),
    context = { status = res.status, location = res.headers.location and address.shown(res.headers.location) },
  }
  add_network(opts, req, res.status, net)
  return failure.new("REDIRECT_REFUSED", opts)
end

return M
