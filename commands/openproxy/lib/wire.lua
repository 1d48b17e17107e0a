-- The service's answers. Promise: a payload is handed on as it came, whatever its shape; what the service says of a
-- refusal is kept word for word.

local json = require "tool.json"
local url = require "tool.url"

local M = {}

local REASONS = {
  [300] = "Multiple Choices", [301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
  [307] = "Temporary Redirect", [308] = "Permanent Redirect", [400] = "Bad Request", [401] = "Unauthorized",
  [402] = "Payment Required", [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed",
  [406] = "Not Acceptable", [408] = "Request Timeout", [409] = "Conflict", [410] = "Gone", [411] = "Length Required",
  [412] = "Precondition Failed", [413] = "Payload Too Large", [414] = "URI Too Long", [415] = "Unsupported Media Type",
  [418] = "I'm a teapot", [421] = "Misdirected Request", [422] = "Unprocessable Entity", [423] = "Locked",
  [425] = "Too Early", [426] = "Upgrade Required", [428] = "Precondition Required", [429] = "Too Many Requests",
  [431] = "Request Header Fields Too Large", [451] = "Unavailable For Legal Reasons", [500] = "Internal Server Error",
  [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
  [505] = "HTTP Version Not Supported",
}
local MOST = 64 << 10           -- bytes of a refusal that are kept

--- The usual name of a status, such as "Not Found".
function M.reason(status)
  return REASONS[status] or "<unknown status code>"
end

--- For service.errors: the status speaks for itself; the body is kept for those who want the service's own words.
function M.refusal(response)
  return nil, { context = { status = response.status, url = response.url, reason = M.reason(response.status),
    body = type(response.body) == "string" and response.body:sub(1, MOST) or nil } }
end

--- The payload of an answer; nothing at all is null.
function M.payload(ctx, response)
  if response.body == "" then return ctx.null end
  return response.json
end

--- The payload of GET path.
function M.get(ctx, path, query)
  return M.payload(ctx, ctx.api.get(path, { query = query }))
end

--- A query as HTML forms write it, with its parameters in this order: { { name, value } … }; "" when all are nil.
function M.form(parameters)
  local parts = {}
  for _, pair in ipairs(parameters) do
    if pair[2] ~= nil then parts[#parts + 1] = pair[1] .. "=" .. url.encode(tostring(pair[2])):gsub("%%20", "+") end
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- The data of an event: JSON, or whatever `otherwise` makes of text that is none.
function M.event(event, otherwise)
  local data = event.data
  local value = json.decode(data)
  if value ~= nil then return value end
  data = data:gsub("^%s+", ""):gsub("\n%s+", "\n")
  return otherwise and otherwise(data) or data
end

--- What to emit for an event: the event itself where it is an object, which is quickest, else its data.
function M.row(event)
  if event.data:byte() == 123 then return event end
  return M.event(event)
end

--- A form of `returns` for payloads that are handed on: what their fields mean, and whatever else they hold.
function M.shape(fields, about)
  local properties = {}
  for name, text in pairs(fields) do properties[name] = { description = text } end
  return { schema = { description = about, properties = properties } }
end

--- A member of a payload when that is an object and the member is of this kind ("number", "string", "table").
function M.member(payload, name, kind)
  local value = type(payload) == "table" and payload[name] or nil
  return type(value) == kind and value or nil
end

return M
