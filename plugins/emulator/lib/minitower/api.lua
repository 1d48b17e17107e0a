-- The forms of the minitower API: answers, errors, times, bodies, slugs.
-- Promise: every error is an envelope { error = { code, message } }, apart from paths and methods that do not exist; times
-- are whole seconds in the zone of this machine, as the real server gives them.

local json = require "tool.json"

local api = {}

local MAX_JSON = 1024 * 1024
local RESERVED = { api = true, admin = true, system = true, internal = true, default = true }

local function text_of(body) return json.encode(body, { raw = true }) .. "\n" end

local JSON = { ["Content-Type"] = "application/json" }

--- A JSON answer: status, body, headers.
function api.reply(status, body)
  return status, text_of(body), JSON
end

--- Ends the request with an error.
function api.fail(req, status, code, message, headers)
  req.refuse(status, code, message, nil, headers)
end

-- What the server door and faults on request call their findings.
local CODES = {
  INTERNAL_ERROR = "internal", BAD_GATEWAY = "internal", UNAVAILABLE = "internal", GATEWAY_TIMEOUT = "internal",
  VALIDATION_ERROR = "invalid_request", BAD_REQUEST = "invalid_request", UNAUTHENTICATED = "unauthorized",
  PERMISSION_DENIED = "forbidden", CONFLICT = "conflict", RATE_LIMITED = "rate_limited",
}

--- The API's form of every error.
function api.on_error(problem)
  if problem.code == "NOT_FOUND" then return "404 page not found\n", { ["Content-Type"] = "text/plain; charset=utf-8" } end
  if problem.code == "METHOD_NOT_ALLOWED" then return "" end
  return text_of { error = { code = CODES[problem.code] or problem.code, message = problem.message } }, JSON
end

--- RFC 3339 of ms since 1970; nil for nil.
function api.time(ms)
  if not ms then return nil end
  local zone = os.date("%z", ms // 1000)
  return os.date("%Y-%m-%dT%H:%M:%S", ms // 1000) .. (zone == "+0000" and "Z" or zone:sub(1, 3) .. ":" .. zone:sub(4))
end

--- The object in a request's body; an empty body is one only where it may be.
function api.body(req, may_be_empty)
  if req.body == "" and may_be_empty then return {} end
  local value = #req.body <= MAX_JSON and json.decode(req.body)
  if type(value) ~= "table" or req.body:find "^%s*%[" then
    api.fail(req, 400, "invalid_request", "malformed JSON body")
  end
  return value
end

--- A field of a body that must have the type if it is there; JSON null counts as absent.
function api.field(req, body, name, kind)
  local value = body[name]
  if value == nil or value == json.null then return nil end
  local is = kind == "integer" and math.type(value) or type(value)
  if is ~= kind then api.fail(req, 400, "invalid_request", "malformed JSON body") end
  return value
end

--- The text of a field that must say something.
function api.required(req, body, name)
  local value = api.field(req, body, name, "string")
  if not value or value:find "^%s*$" then api.fail(req, 400, "invalid_request", name .. " is required") end
  return value
end

--- What is wrong with a slug of an app or a team; nil when nothing is.
function api.slug_problem(slug)
  if #slug < 3 or #slug > 32 or not slug:find "^[a-z][a-z0-9-]*$" then
    return "slug must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter"
  end
  if RESERVED[slug] then return ("slug %q is reserved"):format(slug) end
end

--- The slug of a body.
function api.slug(req, body)
  local slug = api.field(req, body, "slug", "string") or ""
  local problem = api.slug_problem(slug)
  if problem then api.fail(req, 400, "invalid_slug", problem) end
  return slug
end

--- A whole number of a query within bounds; the default for everything else, as the server does it.
function api.number(text, default, low, high)
  local value = text and text:find "^%d+$" and math.tointeger(tonumber(text))
  return value and value >= low and value <= high and value or default
end

return api
